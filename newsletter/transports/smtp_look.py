"""Goes to a mail server as far as the login, and tells what it saw; no message is begun.

What that means for an operator is `doctor.mail_servers`'.
"""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime

from newsletter.doctor.mail_servers import EXTENSIONS, Seen, Trouble
from newsletter.errors import ConfigError
from newsletter.transports.port import LoginRefused
from newsletter.transports.smtp import SmtpTransport
from newsletter.transports.smtp_line import HOSTNAME_MISMATCH, Line
from newsletter.transports.smtp_options import SmtpOptions, is_loopback

EXPIRED = 10  # OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED


def look(options: SmtpOptions, where: str, seconds: float) -> Seen:
    """Connects, secures, logs in, says NOOP and QUIT, each step within `seconds`.

    Raises TransportUnavailable; ConfigError where a file of the options cannot be read, told as of
    the table `where`.
    """
    patient = options.model_copy(update={"timeout": min(options.timeout, seconds)})
    try:
        transport = SmtpTransport(patient)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    try:
        place, line = transport.look()
        return _seen(line, options, place)
    finally:
        transport.close()


def trouble(error: BaseException) -> Trouble:
    """What kind of trouble an error of `look` tells of."""
    if isinstance(error, LoginRefused):
        return Trouble.LOGIN
    cause = error.__cause__ or error.__context__
    match cause:
        case ssl.SSLCertVerificationError(verify_code=code):
            if code in HOSTNAME_MISMATCH:
                return Trouble.OTHER_NAME
            return Trouble.EXPIRED if code == EXPIRED else Trouble.UNTRUSTED
        case ssl.SSLError():
            return Trouble.TLS
        case socket.gaierror() | UnicodeError():
            return Trouble.NAME
        case ConnectionRefusedError():
            return Trouble.CLOSED
        case TimeoutError():
            return Trouble.SILENT
        case None:
            return Trouble.TLS if "STARTTLS" in str(error) else Trouble.OTHER
    return Trouble.OTHER


def _seen(line: Line, options: SmtpOptions, where: str) -> Seen:
    size = line.esmtp_features.get("size", "").strip()
    tls = line.sock if isinstance(line.sock, ssl.SSLSocket) else None
    return Seen(
        where=where,
        size=int(size) if size.isdecimal() and int(size) else None,
        extensions=tuple(one for one in EXTENSIONS if line.has_extn(one)),
        tls=(tls.version() or "TLS") if tls is not None else "",
        local=is_loopback(options.host),
        user=options.username or "",
        certificate_ends=_ends(tls) if tls is not None else None,
    )


def _ends(tls: ssl.SSLSocket) -> datetime | None:
    told = (tls.getpeercert() or {}).get("notAfter")
    if not isinstance(told, str):
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(told), UTC)
