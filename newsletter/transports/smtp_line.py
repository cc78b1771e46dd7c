"""The line to a mail server: reads its replies within bounds, and says in words what broke it.

What is said on it, and what an answer means for a message, is `smtp.py`'s.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import time

from newsletter.transports import replies

LONGEST_REPLY = 65_536  # bytes; RFC 5321 4.5.3.1.5 has lines of 512, an EHLO some twenty of them
HOSTNAME_MISMATCH = (62, 64)  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH


class EndlessReply(OSError):
    """A reply that went on past LONGEST_REPLY."""


class Line(smtplib.SMTP):
    """The library's session, but a reply as a whole has an end, in bytes and in time."""

    _pending = b""  # what came after the last reply, on `_heard`
    _heard: socket.socket | None = None

    def getreply(self) -> tuple[int, bytes]:
        """The next reply, within the socket's time-out from its first to its last byte.

        The code is -1 where it cannot be read. Raises OSError, with the connection closed.
        """
        sock = self.sock
        if sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        if sock is not self._heard:
            # RFC 3207 5: what came in the clear behind STARTTLS's answer is nobody's word.
            self._pending, self._heard = b"", sock
        patience = sock.gettimeout()
        try:
            answer = self._reply(sock, None if patience is None else time.monotonic() + patience)
            sock.settimeout(patience)
        except OSError:
            self.close()
            raise
        return answer

    def _reply(self, sock: socket.socket, ends: float | None) -> tuple[int, bytes]:
        lines: list[bytes] = []
        room = LONGEST_REPLY
        while True:
            line = self._one(sock, ends, room)
            room -= len(line)
            lines.append(line[4:].strip())
            code = int(line[:3]) if line[:3].isdigit() and len(line) > 3 else -1
            if code == -1 or line[3:4] != b"-":  # RFC 5321 4.2.1: a hyphen, and more comes
                return code, b"\n".join(lines)

    def _one(self, sock: socket.socket, ends: float | None, room: int) -> bytes:
        """One line with its end; half a line is none: what the rest would have said is unknown."""
        while b"\n" not in self._pending:
            if len(self._pending) > room:
                break
            if ends is not None:
                left = ends - time.monotonic()
                if left <= 0:  # a server that dribbles never lets a single wait run out
                    raise TimeoutError("timed out")
                sock.settimeout(left)
            came = sock.recv(4096)
            if not came:
                raise smtplib.SMTPServerDisconnected("hung up")
            self._pending += came
        line, end, self._pending = self._pending.partition(b"\n")
        if len(line) >= room:
            raise EndlessReply
        return line + end


class TlsLine(Line, smtplib.SMTP_SSL):
    """The same with TLS from the first byte (RFC 8314 3.3)."""


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
