"""Hands messages to a mail server by SMTP (RFC 5321), over a checked TLS connection.

The session (connect, EHLO, STARTTLS, AUTH) is smtplib's; the message transaction is spelled out
here, because where it breaks decides what is known: before the content leaves nothing happened,
after it the answer to the final dot is the truth, and without an answer nobody knows.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from newsletter.options import Options, read_secret
from newsletter.transports.port import Envelope, Refused, Reply, TransportUnavailable

LONGEST_REPLY = 300  # characters of a server's words that are kept
# Enhanced codes (RFC 3463, RFC 7372) that speak of the sender's own standing, not of a recipient:
# Gmail's 5.7.26 to 5.7.30, Microsoft's 5.7.515. Each of them would meet every reader alike.
_ABOUT_THE_SENDER = ("5.7.26", "5.7.27", "5.7.28", "5.7.29", "5.7.30", "5.7.515")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SmtpOptions(Options):
    """The settings of a transport of kind "smtp"."""

    host: str = Field(description="The mail server.")
    port: int = Field(
        default=0, ge=0, le=65535, description="Its port; by default 587, or 465 with tls."
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls, tls from the first byte, or none."
    )
    username: str | None = Field(default=None, description="The login, where it wants one.")
    password: SecretStr | None = Field(default=None, description="The login's password.")
    password_file: Path | None = Field(
        default=None, description="A file whose first line is the password."
    )
    ca_file: Path | None = Field(
        default=None, description="Certificates (PEM) to trust besides the system's."
    )
    timeout: float = Field(
        default=30, gt=0, description="Seconds to wait for a connection or a reply."
    )
    reply_timeout: float = Field(
        default=600, gt=0, description="Seconds to wait for the reply to a whole message."
    )  # RFC 5321 4.5.3.2.6: ten minutes
    local_hostname: str | None = Field(
        default=None, description="The name to say in EHLO; by default this machine's."
    )


class SmtpTransport:
    """One connection to one server, kept over many messages."""

    def __init__(self, options: SmtpOptions) -> None:
        self._options = options
        self._port = options.port or (465 if options.security == "tls" else 587)
        self._where = f"{options.host}:{self._port}"
        self._session: smtplib.SMTP | None = None
        self._used = False  # whether the connection has carried a message

    def open(self) -> None:
        """Connects, secures and logs in; raises TransportUnavailable."""
        if self._session is None:
            self._session = self._connect()
            self._used = False

    def send(self, envelope: Envelope, message: bytes) -> Reply:
        """Hands over one message; raises Refused or TransportUnavailable."""
        self.open()
        try:
            self._begin(envelope)
        except TransportUnavailable:
            if not self._used:
                raise
            # Some servers close after a number of messages, without a word. Nothing has left.
            self.open()
            self._begin(envelope)
        reply = self._content(message)
        self._used = True
        return reply

    def close(self) -> None:
        """Says QUIT where somebody listens, and lets go."""
        session, self._session = self._session, None
        if session is not None:
            try:
                session.quit()
            except (OSError, smtplib.SMTPException):
                session.close()

    def _connect(self) -> smtplib.SMTP:
        options = self._options
        password = read_secret(options.password, options.password_file, "password")
        if options.username and options.security == "none" and options.host not in _LOOPBACK:
            raise TransportUnavailable(
                f"A password is not sent to {self._where} in the clear; "
                "set security to starttls or tls."
            )
        try:
            context = ssl.create_default_context()
            if options.ca_file is not None:
                context.load_verify_locations(options.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise TransportUnavailable(
                f"ca_file {options.ca_file} cannot be used: {error}."
            ) from error
        session: smtplib.SMTP | None = None
        try:
            if options.security == "tls":
                session = smtplib.SMTP_SSL(
                    timeout=options.timeout,
                    local_hostname=options.local_hostname,
                    context=context,
                )
            else:
                session = smtplib.SMTP(
                    timeout=options.timeout, local_hostname=options.local_hostname
                )
            # smtplib names the host it checks the certificate against only in its constructor,
            # which connects at once and leaks the socket when the greeting is not a welcome.
            session._host = options.host  # type: ignore[attr-defined]
            code, words = session.connect(options.host, self._port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, words)
            session.ehlo_or_helo_if_needed()
            if options.security == "starttls":
                session.starttls(context=context)
                session.ehlo_or_helo_if_needed()
            if options.username:
                session.login(options.username, password or "")
        except (OSError, smtplib.SMTPException, ValueError) as error:
            if session is not None:
                session.close()
            raise TransportUnavailable(self._reason(error)) from error
        return session

    def _reason(self, error: Exception) -> str:
        match error:
            case smtplib.SMTPAuthenticationError():
                reply = _reply(error.smtp_code, error.smtp_error)
                return (
                    f"{self._where} does not accept the login of {self._options.username}: "
                    f"{reply}. Check username and password."
                )
            case smtplib.SMTPNotSupportedError():
                if self._options.security == "starttls":
                    return (
                        f"{self._where} does not offer what is needed: {error} "
                        "Check port and security."
                    )
                return f"{self._where} does not offer a login: {error}"
            case smtplib.SMTPResponseException():
                reply = _reply(error.smtp_code, error.smtp_error)
                return f"{self._where} is not ready for mail: {reply}."
            case ssl.SSLCertVerificationError():
                return (
                    f"The certificate of {self._where} is not trusted: {error.verify_message}. "
                    "Check the host name, or name its authority in ca_file."
                )
            case ssl.SSLError():
                return f"TLS with {self._where} failed: {error.reason}. Check port and security."
            case TimeoutError():
                return f"{self._where} does not answer within {self._options.timeout:g} seconds."
            case smtplib.SMTPServerDisconnected():
                return f"{self._where} hung up: {_line(str(error))}."
            case socket.gaierror():
                return f"There is no server {self._options.host}: {error.strerror}."
            case OSError():
                return f"No connection to {self._where}: {error.strerror or error}."
            case _:
                return f"{self._where}: {_line(str(error))}."

    def _begin(self, envelope: Envelope) -> None:
        """MAIL, RCPT and DATA, up to the server's go-ahead. Nothing of the content leaves."""
        session = self._opened()
        extensions = []
        if not envelope.recipient.isascii():
            if not session.has_extn("smtputf8"):  # RFC 6531 3.2
                words = f"5.6.7 {self._where} takes no address with letters outside ASCII"
                raise Refused(Reply(code=553, text=words))
            extensions = ["SMTPUTF8", "BODY=8BITMIME"]
            session.command_encoding = "utf-8"
        try:
            self._say(session, f"MAIL FROM:<{envelope.sender}> {' '.join(extensions)}".strip(), 250)
            self._say(session, f"RCPT TO:<{envelope.recipient}>", 250, 251)
            self._say(session, "DATA", 354)
        finally:
            session.command_encoding = "ascii"

    def _say(self, session: smtplib.SMTP, command: str, *wanted: int) -> None:
        try:
            code, words = session.docmd(command)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise TransportUnavailable(self._reason(error)) from error
        if code not in wanted:
            self._refuse(_reply(code, words))

    def _content(self, message: bytes) -> Reply:
        session = self._opened()
        # RFC 5321 4.5.2: a line that begins with a dot gets another one.
        stuffed = message.replace(b"\r\n.", b"\r\n..")
        if stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        ending = b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
        try:
            if session.sock is not None:
                session.sock.settimeout(self._options.reply_timeout)
            session.send(stuffed + ending)
            code, words = session.getreply()
            if session.sock is not None:
                session.sock.settimeout(self._options.timeout)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise TransportUnavailable(
                f"{self._where} gave no answer to a message: {_line(str(error))}.", in_doubt=True
            ) from error
        reply = _reply(code, words)
        if code != 250:
            self._refuse(reply)
        return reply

    def _refuse(self, reply: Reply) -> None:
        """Tells a refusal for what it is about: the recipient, or the road."""
        if reply.code == 421 or not 400 <= reply.code <= 599:  # RFC 5321 3.8: it will hang up
            self._drop()
            raise TransportUnavailable(f"{self._where} closes the connection: {reply}.")
        if reply.code == 530 or reply.text.startswith(_ABOUT_THE_SENDER):
            self._drop()
            raise TransportUnavailable(
                f"{self._where} does not take mail from this sender: {reply}. "
                "Check login, SPF, DKIM and DMARC."
            )
        try:
            self._opened().rset()
        except (OSError, smtplib.SMTPException):
            self._drop()  # the refusal stands; the next message opens anew
        raise Refused(reply)

    def _opened(self) -> smtplib.SMTP:
        if self._session is None:
            raise TransportUnavailable(f"{self._where} is not connected.")
        return self._session

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


def _reply(code: int, words: bytes | str) -> Reply:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return Reply(code=code, text=_line(text))


def _line(text: str) -> str:
    clean = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(clean.split()).rstrip(".")[:LONGEST_REPLY]
