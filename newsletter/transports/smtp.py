"""Hands messages to a mail server by SMTP (RFC 5321), over a checked TLS connection.

One connection carries many messages. Where in the dialogue it breaks decides what is known::

    connect, EHLO, STARTTLS, AUTH   TransportUnavailable
    MAIL, RCPT, DATA                4yz or 5yz: Refused; the line breaks: TransportUnavailable
    content, final dot              the answer is the truth: a Reply, or Refused;
                                    no answer: TransportUnavailable, in doubt

421, a missing login and a judgement on the sender are the road's trouble wherever they are said.
Messages leave as they came: no header is added, no line end mended, nothing signed.
"""

from __future__ import annotations

import base64
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from newsletter.transports import replies
from newsletter.transports.port import Envelope, Refused, Reply, TransportUnavailable
from newsletter.transports.smtp_options import SmtpOptions, login, trust

SUBMISSION = 587  # RFC 6409 3.1
SUBMISSION_TLS = 465  # RFC 8314 3.3
GOODBYE = 5  # seconds for the answer to QUIT: everything is settled by then
HOSTNAME_MISMATCH = (62, 64)  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH

# What would end a command, or its address, early. Quoted local parts with these are not carried.
_UNFIT = re.compile(r"[\x00-\x20\x7f<>]")


_WANTED = {"MAIL": 2, "RCPT": 2, "DATA": 3}  # the class of a good answer (RFC 5321 4.2.1)


class _HungUp(Exception):
    """The road closed at MAIL, before anything was said of the message."""

    def __init__(self, cause: TransportUnavailable) -> None:
        super().__init__(str(cause))
        self.cause = cause


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
        self._session: smtplib.SMTP | None = None
        self._used = False  # whether a message was begun on this connection

    def open(self) -> None:
        """Connects, secures and logs in; raises TransportUnavailable."""
        self._ready()

    def send(self, envelope: Envelope, message: bytes) -> Reply:
        """Hands over one message; raises Refused or TransportUnavailable."""
        if message.count(b"\r\n") != message.count(b"\n") or b"\r" in message.replace(b"\r\n", b""):
            # RFC 5321 2.3.8. Servers that are lax here let one message smuggle in another.
            raise Refused(Reply(code=554, text="5.6.0 the message has bare line ends"))
        try:
            session = self._envelope(envelope, len(message))
            if envelope.expires is not None and time.monotonic() >= envelope.expires:
                # Frozen or slow for so long that another may have settled it: nothing has left.
                raise self._closed("was answered too late: the lease of the message is over.")
            return self._content(session, message)
        except Refused:
            self._reset()
            raise
        except BaseException:  # whoever interrupts, half a transaction cannot be gone on with
            self._drop()
            raise

    def close(self) -> None:
        """Says QUIT where somebody may listen, and lets go."""
        if self._session is not None:
            with suppress(OSError):
                _patience(self._session, GOODBYE)
                self._session.docmd("QUIT")
        self._drop()

    # The connection.

    def _ready(self) -> smtplib.SMTP:
        if self._session is None:
            self._session = self._connected()
        return self._session

    def _connected(self) -> smtplib.SMTP:
        options = self._options
        try:
            if options.security == "tls":
                session: smtplib.SMTP = smtplib.SMTP_SSL(
                    options.host,
                    self._port,
                    options.local_hostname,
                    timeout=options.timeout,
                    context=self._trust,
                )
            else:
                session = smtplib.SMTP(
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

    def _introduce(self, session: smtplib.SMTP) -> None:
        self._hello(session)
        if self._options.security == "starttls":
            if not session.has_extn("starttls"):
                raise self._closed(
                    "offers no STARTTLS, and mail is not sent in the clear. "
                    "Check port and security."
                )
            try:
                session.starttls(context=self._trust)
            except (OSError, ValueError) as error:
                raise self._trouble("STARTTLS", error) from error
            self._hello(session)  # RFC 3207 4.2: what was offered before counts no more
        if self._login is not None:
            self._authenticate(session, *self._login)

    def _hello(self, session: smtplib.SMTP) -> None:
        try:
            reply = replies.read(*session.ehlo())
        except (OSError, ValueError) as error:
            raise self._trouble("EHLO", error) from error
        if reply.code != 250:
            raise self._closed(f"is not ready for mail: {reply}.")

    def _authenticate(self, session: smtplib.SMTP, user: str, password: str) -> None:
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
        raise self._closed(
            f"does not accept the login of {user}: {reply.code} {text}. "
            "Check username and password."
        )

    # The message.

    def _envelope(self, envelope: Envelope, size: int) -> smtplib.SMTP:
        """MAIL, RCPT and DATA; the session then waits for the content."""
        if self._used:
            # Servers hang up between messages, some after every few. Nothing has left: once more.
            with suppress(_HungUp):
                return self._envelope_once(envelope, size)
            self._drop()
        try:
            return self._envelope_once(envelope, size)
        except _HungUp as error:
            raise error.cause from error.cause.__cause__

    def _envelope_once(self, envelope: Envelope, size: int) -> smtplib.SMTP:
        session = self._ready()
        commands = {
            "MAIL": self._mail_command(session, envelope, size),
            "RCPT": f"RCPT TO:<{envelope.recipient}>",
            "DATA": "DATA",
        }
        self._used = True
        if session.has_extn("pipelining"):
            self._pipelined(session, commands)
            return session
        for step, command in commands.items():
            try:
                reply = self._ask(session, step, command)
                self._want(_WANTED[step], step, reply)
            except TransportUnavailable as error:
                if step == "MAIL":
                    raise _HungUp(error) from error
                raise
        return session

    def _pipelined(self, session: smtplib.SMTP, commands: Mapping[str, str]) -> None:
        """The commands in one write, then their answers in order (RFC 2920 3.1)."""
        replies_by_step: dict[str, Reply] = {}
        try:
            session.send("".join(f"{command}\r\n" for command in commands.values()))
            for step in commands:
                replies_by_step[step] = replies.read(*session.getreply())
                if replies_by_step[step].code == 421:  # it will not answer the others
                    break
        except (OSError, ValueError) as error:
            closed = self._trouble(next(s for s in commands if s not in replies_by_step), error)
            if not replies_by_step:
                raise _HungUp(closed) from error
            raise closed from error
        data = replies_by_step.get("DATA")
        refused = any(
            reply.code // 100 in (4, 5) for step, reply in replies_by_step.items() if step != "DATA"
        )
        if refused and data is not None and data.code == 354:
            # It waits for content although it took no recipient: an empty one ends that. Whatever
            # it says to it, the refusal stands.
            try:
                self._ask(session, "DATA", ".")
            except TransportUnavailable:
                self._drop()
        for step, reply in replies_by_step.items():
            try:
                self._want(_WANTED[step], step, reply)
            except TransportUnavailable as error:
                if step == "MAIL":
                    raise _HungUp(error) from error
                raise

    def _mail_command(self, session: smtplib.SMTP, envelope: Envelope, size: int) -> str:
        if _UNFIT.search(envelope.recipient) or not envelope.recipient:
            raise Refused(Reply(code=553, text="5.1.3 no server can be told this address"))
        command = f"MAIL FROM:<{envelope.sender}>"
        if session.has_extn("size"):  # RFC 1870 5
            command += f" SIZE={size}"
        if envelope.recipient.isascii() and envelope.sender.isascii():
            return command
        if session.has_extn("smtputf8"):  # RFC 6531 3.4
            session.command_encoding = "utf-8"
            return command + " SMTPUTF8"
        if not envelope.sender.isascii():
            raise self._closed(f"takes no sender outside ASCII: {envelope.sender}.")
        words = f"5.6.7 {self._where} takes no address with letters outside ASCII"
        raise Refused(Reply(code=553, text=words))

    def _content(self, session: smtplib.SMTP, message: bytes) -> Reply:
        """The content and the final dot; from its first byte on only an answer is the truth."""
        sock = cast(socket.socket, session.sock)  # DATA was just answered on it
        hung_up = False
        try:
            try:
                sock.sendall(stuffed(message))
            except TimeoutError:
                waited = self._options.timeout
                raise self._closed(
                    f"took no more of the message for {waited:g} seconds.", in_doubt=True
                ) from None
            except OSError:
                hung_up = True  # it may have said why
            _patience(session, self._options.reply_timeout)
            reply = replies.read(*session.getreply())
            _patience(session, self._options.timeout)
        except OSError as error:
            raise self._trouble("the message", error, in_doubt=True) from error
        if reply.code // 100 in (4, 5) or (reply.code // 100 == 2 and not hung_up):
            return self._want(2, "the message", reply)
        raise self._closed(f"answered the message with {reply}.", in_doubt=True)

    def _reset(self) -> None:
        """Makes ready for the next message after a refusal, which stands in any case."""
        if self._session is not None:
            with suppress(TransportUnavailable):
                if self._ask(self._session, "RSET", "RSET").code == 250:
                    return
        self._drop()

    def _drop(self) -> None:
        session, self._session, self._used = self._session, None, False
        if session is not None:
            with suppress(OSError):
                session.close()

    # One command, and what its answer means.

    def _ask(self, session: smtplib.SMTP, step: str, command: str) -> Reply:
        try:
            return replies.read(*session.docmd(command))
        except (OSError, ValueError) as error:  # ValueError: a line end in a command
            raise self._trouble(step, error) from error

    def _want(self, wanted: int, step: str, reply: Reply) -> Reply:
        """The reply where its code is of the wanted class (RFC 5321 4.2.1); else raises."""
        if reply.code // 100 == wanted:
            return reply
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
        # smtplib wraps what broke a line, and keeps it as the context.
        cause = error.__context__ if isinstance(error, smtplib.SMTPServerDisconnected) else error
        match cause:
            case smtplib.SMTPResponseException(smtp_code=-1):
                what = f"answered {step} with something that is not SMTP. Check host and port."
            case smtplib.SMTPResponseException():
                reply = replies.read(cause.smtp_code, cause.smtp_error)
                what = f"is not ready for mail: {reply}."
            case ssl.SSLCertVerificationError() if cause.verify_code in HOSTNAME_MISMATCH:
                what = (
                    "shows a certificate of another name. Set host to a name it is valid for: "
                    f"{replies.line(cause.verify_message)}"
                )
            case ssl.SSLCertVerificationError():
                what = (
                    f"shows a certificate that is not trusted: {cause.verify_message}. "
                    "Name its authority's certificate in ca_file, if you trust it."
                )
            case TimeoutError():
                waited = self._options.reply_timeout if in_doubt else self._options.timeout
                hint = ' Port 465 wants security = "tls".' if self._mistaken() else ""
                what = f"does not answer within {waited:g} seconds, at {step}.{hint}"
            case ConnectionRefusedError():
                what = "refuses the connection: nothing listens there. Check host and port."
            case socket.gaierror() | UnicodeError():
                what = f"cannot be found: {cause}. Check host."
            case ssl.SSLError() if not in_doubt and self._session is None:
                what = f"does not agree on TLS: {cause.reason}. Check port and security."
            case ConnectionError() | ssl.SSLError() | None:
                what = f"hung up at {step}."
            case _:
                what = f"cannot be reached, or no more: {replies.line(str(cause))}."
        return self._closed(what, in_doubt=in_doubt)

    def _mistaken(self) -> bool:
        return self._port == SUBMISSION_TLS and self._options.security == "starttls"


def stuffed(message: bytes) -> bytes:
    """The content as it goes over the line: dots doubled (RFC 5321 4.5.2), and the final dot."""
    first = b"." if message.startswith(b".") else b""
    last = b"" if message.endswith(b"\r\n") else b"\r\n"
    return first + message.replace(b"\r\n.", b"\r\n..") + last + b".\r\n"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _patience(session: smtplib.SMTP, seconds: float) -> None:
    if session.sock is not None:
        session.sock.settimeout(seconds)
