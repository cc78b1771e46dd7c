"""Hands messages to a mail server by SMTP (RFC 5321), over a checked TLS connection.

One connection carries many messages. Where in the dialogue it breaks decides what is known::

    connect, EHLO, STARTTLS, AUTH   TransportUnavailable
    MAIL, RCPT, DATA                4yz or 5yz: Refused; the line breaks: TransportUnavailable
    content, final dot              the answer is the truth: a Reply, or Refused;
                                    no answer: TransportUnavailable, in doubt

421, a missing login and a judgement on the sender are the road's trouble wherever they are said;
but 421 with 4.7.x about a recipient or a message is that recipient's domain slowing us: Refused.
Messages leave as they came: no header is added, no line end mended, nothing signed.
"""

from __future__ import annotations

import base64
import re
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

from newsletter.transports import replies
from newsletter.transports.port import (
    Envelope,
    HungUp,
    LoginRefused,
    Refused,
    Reply,
    TransportUnavailable,
)
from newsletter.transports.smtp_line import Line, TlsLine, what_broke
from newsletter.transports.smtp_options import SmtpOptions, login, trust
from newsletter.transports.talk import Talk, waited_out

SUBMISSION = 587  # RFC 6409 3.1
SUBMISSION_TLS = 465  # RFC 8314 3.3
GOODBYE = 5  # seconds for the answer to QUIT: everything is settled by then

# What would end a command, or its address, early. Quoted local parts with these are not carried.
_UNFIT = re.compile(r"[\x00-\x20\x7f<>]")

_FINAL_DOT = b".\r\n"
_CONTENT = "the message"  # the step after the commands
_WANTED = {"MAIL": 2, "RCPT": 2, "DATA": 3, _CONTENT: 2}  # a good answer's class (RFC 5321 4.2.1)


class SmtpTransport:
    """One server, and the connection to it while there is one."""

    def __init__(self, options: SmtpOptions) -> None:
        """Reads the files the options name; raises ConfigError."""
        self._options = options
        self._port = options.port or (SUBMISSION_TLS if options.security == "tls" else SUBMISSION)
        shown = f"[{options.host}]" if ":" in options.host else options.host
        self._where = f"{shown}:{self._port}"
        self._login = login(options)
        self._trust = None if options.security == "none" else trust(options.ca_file)
        self._session: Line | None = None
        self._begun = 0  # messages, on this connection
        self._spoken = 0.0  # time.monotonic() of its last use

    def open(self) -> None:
        """Connects, secures and logs in; raises TransportUnavailable."""
        self._ready()

    def look(self) -> tuple[str, Line]:
        """Its place, and the open line to it, asked for a sign; raises TransportUnavailable."""
        line = self._ready()
        self._ask(line, "NOOP", "NOOP")
        return self._where, line

    def send(self, envelope: Envelope, message: bytes) -> Reply:
        """Hands over one message; raises Refused or TransportUnavailable."""
        _check(envelope, message)
        if self._session is not None and self._outworn():
            self.close()
        if self._begun:
            # Servers hang up between messages, some after every few. Nothing has left: once more.
            with suppress(HungUp):
                return self._waited_out(envelope, message)
        return self._waited_out(envelope, message)

    def _waited_out(self, envelope: Envelope, message: bytes) -> Reply:
        line = self._ready()
        if line.sock is None:
            self._drop()
            line = self._ready()
        assert line.sock is not None  # noqa: S101  for the type checker
        return waited_out(line.sock, self._talk(line, envelope, message))

    def awake(self) -> socket.socket | None:
        """The open connection; None where `send` has to make one first."""
        return None if self._session is None or self._outworn() else self._session.sock

    def talk(self, envelope: Envelope, message: bytes) -> Talk[Reply]:
        """Hands over one message by the open connection.

        Raises Refused, TransportUnavailable, or HungUp, after which the connection is gone.
        """
        _check(envelope, message)
        return (yield from self._talk(self._ready(), envelope, message))

    def _talk(self, line: Line, envelope: Envelope, message: bytes) -> Talk[Reply]:
        try:
            yield from self._envelope(line, envelope, message)
            if envelope.expires is not None and time.monotonic() >= envelope.expires:
                # Frozen or slow for so long that another may have settled it: nothing has left.
                raise self._closed("was answered too late: the lease of the message is over.")
            content = message + _FINAL_DOT if envelope.vouched else stuffed(message)
            return (yield from self._content(line, content))
        except Refused as error:
            if error.reply.code == 421:  # RFC 5321 3.8: it hangs up
                self._drop()
            else:
                yield from self._reset(line)
            raise
        except BaseException:  # whoever interrupts, half a transaction cannot be gone on with
            self._drop()
            raise

    def close(self) -> None:
        """Says QUIT where somebody may listen, and lets go."""
        if self._session is not None:
            with suppress(OSError):
                self._session.patience = GOODBYE
                self._session.docmd("QUIT")
        self._drop()

    # The connection.

    def _ready(self) -> Line:
        if self._session is None:
            self._session = self._connected()
            self._spoken = time.monotonic()
        return self._session

    def _outworn(self) -> bool:
        """Whether the connection is to be made anew rather than trusted with one more message."""
        most, longest = self._options.renew_after, self._options.renew_idle
        idle = time.monotonic() - self._spoken
        return 0 < most <= self._begun or 0 < longest <= idle

    def _connected(self) -> Line:
        options = self._options
        try:
            if options.security == "tls":
                session: Line = TlsLine(
                    options.host,
                    self._port,
                    options.local_hostname,
                    timeout=options.timeout,
                    context=self._trust,
                )
            else:
                session = Line(
                    options.host, self._port, options.local_hostname, timeout=options.timeout
                )
        except (OSError, ValueError) as error:  # ValueError: a host name that IDNA cannot write
            raise self._trouble("the connection", error) from error
        try:
            self._introduce(session)
        except BaseException:
            session.close()
            raise
        return session

    def _introduce(self, session: Line) -> None:
        self._hello(session)
        if self._options.security == "starttls" and self._trust is not None:
            if not session.has_extn("starttls"):
                raise self._closed(
                    "offers no STARTTLS, and mail is not sent in the clear. "
                    "Check port and security."
                )
            try:
                session.secure(self._trust, self._options.host)
            except (OSError, ValueError) as error:
                raise self._trouble("STARTTLS", error) from error
            self._hello(session)  # RFC 3207 4.2: what was offered before counts no more
        if self._login is not None:
            self._authenticate(session, *self._login)

    def _hello(self, session: Line) -> None:
        try:
            reply = replies.read(*session.ehlo())
            if reply.code in (500, 502):  # RFC 5321 3.2: it is of before 1995, and knows HELO
                reply = replies.read(*session.helo())
        except (OSError, ValueError) as error:
            raise self._trouble("EHLO", error) from error
        if reply.code != 250:
            raise self._closed(f"is not ready for mail: {reply}.")

    def _authenticate(self, session: Line, user: str, password: str) -> None:
        # By hand: smtplib's own login cannot carry a password with letters outside ASCII.
        methods = session.esmtp_features.get("auth", "").upper().split()
        first, last = _base64(user), _base64(password)
        plain = _base64(f"\0{user}\0{password}")  # RFC 4616 2
        if "PLAIN" in methods:
            reply = self._ask(session, "AUTH", f"AUTH PLAIN {plain}")
        elif "LOGIN" in methods:
            reply = self._ask(session, "AUTH", "AUTH LOGIN")
            for answer in (first, last):
                if reply.code == 334:  # RFC 4954 4: go on
                    reply = self._ask(session, "AUTH", answer)
        else:
            offered = f"only {', '.join(methods)}" if methods else "none"
            raise self._closed(
                f"offers no login by PLAIN or LOGIN, {offered}. Check port and security."
            )
        if reply.code == 235:
            return
        text = reply.text
        for secret in (plain, last, password):  # a server may say again what it was told
            text = text.replace(secret, "***")
        if reply.code // 100 == 4:
            raise self._closed(f"cannot check the login of {user} now: {reply.code} {text}.")
        raise LoginRefused(
            f"{self._where} does not accept the login of {user}: {reply.code} {text}. "
            "Check username and password."
        )

    # The message.

    def _envelope(self, line: Line, envelope: Envelope, message: bytes) -> Talk[None]:
        """MAIL, RCPT and DATA; the server then waits for the content."""
        commands = {
            "MAIL": self._mail_command(line, envelope, message),
            "RCPT": f"RCPT TO:<{envelope.recipient}>",
            "DATA": "DATA",
        }
        self._begun += 1
        if line.has_extn("pipelining"):
            yield from self._pipelined(line, commands)
            return
        for step, command in commands.items():
            try:
                self._want(step, (yield from self._asked(line, step, command)))
            except TransportUnavailable as error:
                if step == "MAIL":
                    raise _hung_up(error) from error.__cause__
                raise

    def _pipelined(self, line: Line, commands: Mapping[str, str]) -> Talk[None]:
        """The commands in one write, then their answers in order (RFC 2920 3.1)."""
        said: dict[str, Reply] = {}
        broken: TransportUnavailable | None = None
        try:
            yield from line.say(line.written(*commands.values()))
            for step in commands:
                said[step] = replies.read(*(yield from line.hear()))
                if said[step].code == 421:  # it will not answer the others
                    break
        except (OSError, ValueError) as error:
            broken = self._trouble(next(step for step in commands if step not in said), error)
            if not said:
                raise _hung_up(broken) from error
            broken.__cause__ = error
        data = said.get("DATA")
        refused = any(reply.code // 100 in (4, 5) for step, reply in said.items() if step != "DATA")
        if refused and data is not None and data.code == 354:
            # It waits for content although it took no recipient: an empty one ends that. Whatever
            # it says to it, the refusal stands.
            try:
                yield from self._asked(line, "DATA", ".")
            except TransportUnavailable:
                self._drop()
        for step, reply in said.items():
            try:
                self._want(step, reply)
            except TransportUnavailable as error:
                if step == "MAIL":
                    raise _hung_up(error) from error.__cause__
                raise
        if broken is not None:  # after the answers that came: a refusal among them is the reader's
            raise broken

    def _mail_command(self, line: Line, envelope: Envelope, message: bytes) -> str:
        """MAIL with what this server wants to know; raises Refused where it could not take it."""
        if _UNFIT.search(envelope.recipient) or not envelope.recipient:
            raise _refused(553, "5.1.3 no server can be told this address")
        command = f"MAIL FROM:<{envelope.sender}>"
        if line.has_extn("size"):  # RFC 1870 5
            most = line.esmtp_features["size"]
            if most.isdecimal() and 0 < int(most) < len(message):  # RFC 1870 4: 0 is no maximum
                raise _refused(552, f"5.3.4 {self._where} takes no message over {most} bytes")
            command += f" SIZE={len(message)}"
        if not message.isascii():
            if not line.has_extn("8bitmime"):  # RFC 6152 3
                raise _refused(554, f"5.6.3 {self._where} takes no message with 8-bit bytes")
            command += " BODY=8BITMIME"
        if envelope.recipient.isascii() and envelope.sender.isascii():
            return command
        if line.has_extn("smtputf8"):  # RFC 6531 3.4
            line.command_encoding = "utf-8"
            return command + " SMTPUTF8"
        if not envelope.sender.isascii():
            raise self._closed(f"takes no sender outside ASCII: {envelope.sender}.")
        raise _refused(553, f"5.6.7 {self._where} takes no address with letters outside ASCII")

    def _content(self, line: Line, content: bytes) -> Talk[Reply]:
        """The content and the final dot; from its first byte on only an answer is the truth."""
        hung_up = False
        try:
            try:
                yield from line.say(content)
            except TimeoutError:
                waited = self._options.timeout
                raise self._closed(
                    f"took no more of the message for {waited:g} seconds.", in_doubt=True
                ) from None
            except OSError:
                hung_up = True  # it may have said why
            line.patience = self._options.reply_timeout
            reply = replies.read(*(yield from line.hear()))
            line.patience = None
            self._spoken = time.monotonic()
        except OSError as error:
            raise self._trouble(_CONTENT, error, in_doubt=True) from error
        if reply.code // 100 in (4, 5) or (reply.code // 100 == 2 and not hung_up):
            return self._want(_CONTENT, reply)
        raise self._closed(f"answered the message with {reply}.", in_doubt=True)

    def _reset(self, line: Line) -> Talk[None]:
        """Makes ready for the next message after a refusal, which stands in any case."""
        if self._session is not None:
            with suppress(TransportUnavailable):
                if (yield from self._asked(line, "RSET", "RSET")).code == 250:
                    self._spoken = time.monotonic()
                    return
        self._drop()

    def _drop(self) -> None:
        session, self._session, self._begun = self._session, None, 0
        if session is not None:
            with suppress(OSError):
                session.close()

    # One command, and what its answer means.

    def _ask(self, session: Line, step: str, command: str) -> Reply:
        try:
            return replies.read(*session.docmd(command))
        except (OSError, ValueError) as error:  # ValueError: a line end in a command
            raise self._trouble(step, error) from error

    def _asked(self, line: Line, step: str, command: str) -> Talk[Reply]:
        """The same, for a talk."""
        try:
            yield from line.say(line.written(command))
            return replies.read(*(yield from line.hear()))
        except (OSError, ValueError) as error:
            raise self._trouble(step, error) from error

    def _want(self, step: str, reply: Reply) -> Reply:
        """The reply where its code is of the wanted class (RFC 5321 4.2.1); else raises."""
        if reply.code // 100 == _WANTED[step]:
            return reply
        if step in ("RCPT", _CONTENT) and replies.about_domain(reply):
            raise Refused(reply)
        if reply.code == 421:  # RFC 5321 3.8: it will hang up, whatever was asked
            raise self._closed(f"closes the connection at {step}: {reply}. Try again later.")
        if replies.about_sender(reply):
            raise self._closed(
                f"does not take mail from this sender: {reply}. This is not about the reader: "
                "check the login, sender.address, and its domain's SPF, DKIM and DMARC."
            )
        if reply.code // 100 in (4, 5):
            raise Refused(reply)
        raise self._closed(f"answered {step} with {reply}, which is no answer to it.")

    def _closed(self, what: str, *, in_doubt: bool = False) -> TransportUnavailable:
        return TransportUnavailable(f"{self._where} {what}", in_doubt=in_doubt)

    def _trouble(
        self, step: str, error: Exception, *, in_doubt: bool = False
    ) -> TransportUnavailable:
        waited = self._options.reply_timeout if in_doubt else self._options.timeout
        talking = in_doubt or self._session is not None
        what = what_broke(error, step, waited, talking=talking)
        if not talking and isinstance(error, TimeoutError) and self._mistaken():
            what += ' Port 465 wants security = "tls".'
        return self._closed(what, in_doubt=in_doubt)

    def _mistaken(self) -> bool:
        return self._port == SUBMISSION_TLS and self._options.security == "starttls"


def stuffed(message: bytes) -> bytes:
    """The content as it goes over the line: dots doubled (RFC 5321 4.5.2), and the final dot."""
    first = b"." if message.startswith(b".") else b""
    last = b"" if message.endswith(b"\r\n") else b"\r\n"
    return first + message.replace(b"\r\n.", b"\r\n..") + last + _FINAL_DOT


def _check(envelope: Envelope, message: bytes) -> None:
    """Raises Refused where a line does not end in CRLF, or either half of it stands alone.

    RFC 5321 2.3.8. Servers that are lax here let one message smuggle in another.
    """
    if envelope.vouched:
        return
    ends = message.count(b"\n")
    if not ends == message.count(b"\r") == message.count(b"\r\n"):
        raise _refused(554, "5.6.0 the message has bare line ends")


def _hung_up(trouble: TransportUnavailable) -> HungUp:
    return HungUp(str(trouble))


def _refused(code: int, text: str) -> Refused:
    """Our own no, in the words a server would have for it (RFC 3463)."""
    return Refused(Reply(code=code, text=text))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
