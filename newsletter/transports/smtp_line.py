"""The line to a mail server: reads its replies within bounds, and says in words what broke it.

What is said on it, and what an answer means for a message, is `smtp.py`'s.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from time import monotonic
from typing import Any

from newsletter.transports import replies
from newsletter.transports.talk import Talk, read_some, waited_out, write_all

LONGEST_REPLY = 65_536  # bytes; RFC 5321 4.5.3.1.5 has lines of 512, an EHLO some twenty of them
HOSTNAME_MISMATCH = (62, 64)  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH


class EndlessReply(OSError):
    """A reply that went on past LONGEST_REPLY."""


class Line(smtplib.SMTP):
    """The library's session, but a reply as a whole has an end, in bytes and in time.

    `say` and `hear` are for talks that others wait for; the library's own calls wait themselves.
    """

    patience: float | None = None  # seconds for a reply, or for what is said; None: `timeout`
    _pending = b""  # what came after the last reply, on `_heard`
    _heard: socket.socket | None = None

    def getreply(self) -> tuple[int, bytes]:
        """The next reply, waited for; otherwise as `hear`."""
        return waited_out(self._connected(), self.hear())

    def send(self, s: str | bytes | Any) -> None:
        """Says it, as the library does; raises OSError, with the connection closed."""
        content = s.encode(self.command_encoding) if isinstance(s, str) else bytes(s)
        try:
            waited_out(self._connected(), self.say(content))
        except OSError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected("hung up") from error

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """STARTTLS (RFC 3207); raises OSError. What was offered before counts no more."""
        reply = self.docmd("STARTTLS")
        if reply[0] != 220:
            raise smtplib.SMTPResponseException(*reply)
        sock = self._connected()
        sock.settimeout(self.timeout)  # the handshake waits by itself
        self.sock = context.wrap_socket(sock, server_hostname=host)
        self.ehlo_resp = self.helo_resp = None
        self.esmtp_features = {}

    def written(self, *commands: str) -> bytes:
        """Commands as they go over the line; raises ValueError where one cannot."""
        if any("\r" in one or "\n" in one for one in commands):
            raise ValueError("a command has one line")  # the rest of it would be another command
        return "".join(f"{one}\r\n" for one in commands).encode(self.command_encoding)

    def say(self, content: bytes) -> Talk[None]:
        """Writes it, within `patience`; raises OSError."""
        sock = self._connected()
        yield from write_all(sock, content, self._until())

    def hear(self) -> Talk[tuple[int, bytes]]:
        """The next reply, within `patience` from its first to its last byte.

        The code is -1 where it cannot be read. Raises OSError, with the connection closed.
        """
        sock = self._connected()
        if sock is not self._heard:
            # RFC 3207 5: what came in the clear behind STARTTLS's answer is nobody's word.
            self._pending, self._heard = b"", sock
        lines: list[bytes] = []
        room, until = LONGEST_REPLY, self._until()
        try:
            while True:
                # Half a line is none: what the rest would have said is unknown.
                while b"\n" not in self._pending and len(self._pending) <= room:
                    came = yield from read_some(sock, 4096, until)
                    if not came:
                        raise smtplib.SMTPServerDisconnected("hung up")
                    self._pending += came
                line, end, self._pending = self._pending.partition(b"\n")
                if len(line) >= room:
                    raise EndlessReply
                code, words, last = _line(line, end)
                if last and not lines:
                    return code, words
                room -= len(line) + len(end)
                lines.append(words)
                if last:
                    return code, b"\n".join(lines)
        except OSError:
            self.close()
            raise

    def _connected(self) -> socket.socket:
        """The socket, made one that never blocks: who waits polls."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        if self.sock.gettimeout() != 0:
            self.sock.setblocking(False)
        return self.sock

    def _until(self) -> float:
        return monotonic() + (self.timeout if self.patience is None else self.patience)


class TlsLine(Line, smtplib.SMTP_SSL):
    """The same with TLS from the first byte (RFC 8314 3.3)."""


def _line(line: bytes, end: bytes) -> tuple[int, bytes, bool]:
    """The code of a reply's line, -1 where it has none; its words; and whether it is the last."""
    code = int(line[:3]) if line[:3].isdigit() and len(line + end) > 3 else -1
    # RFC 5321 4.2.1: a hyphen, and more comes
    return code, line[4:].strip(), code == -1 or line[3:4] != b"-"


def what_broke(error: Exception, step: str, waited: float, *, talking: bool) -> str:
    """The trouble at a step as the rest of a sentence that begins with the server's place.

    `talking` is whether the connection had been made and secured before.
    """
    # smtplib wraps what broke a line, and keeps it as the context.
    cause = error.__context__ if isinstance(error, smtplib.SMTPServerDisconnected) else error
    match cause:
        case EndlessReply():
            return f"answered {step} without an end. Check host and port."
        case smtplib.SMTPResponseException(smtp_code=-1):
            return f"answered {step} with something that is not SMTP. Check host and port."
        case smtplib.SMTPResponseException():
            return f"is not ready for mail: {replies.read(cause.smtp_code, cause.smtp_error)}."
        case ssl.SSLCertVerificationError() if cause.verify_code in HOSTNAME_MISMATCH:
            return (
                "shows a certificate of another name. Set host to a name it is valid for: "
                f"{replies.line(cause.verify_message)}"
            )
        case ssl.SSLCertVerificationError():
            return (
                f"shows a certificate that is not trusted: {cause.verify_message}. "
                "Name its authority's certificate in ca_file, if you trust it."
            )
        case TimeoutError():
            return f"does not answer within {waited:g} seconds, at {step}."
        case ConnectionRefusedError():
            return "refuses the connection: nothing listens there. Check host and port."
        case socket.gaierror() | UnicodeError():
            return f"cannot be found: {getattr(cause, 'strerror', None) or cause}. Check host."
        case ssl.SSLError() if not talking:
            return f"does not agree on TLS: {cause.reason}. Check port and security."
        case ConnectionError() | ssl.SSLError() | None:
            return f"hung up at {step}."
        case _:
            return f"cannot be reached, or no more: {replies.line(str(cause))}."
