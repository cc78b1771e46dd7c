"""The settings of a transport of kind "smtp", and the login and certificates they name."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from newsletter.errors import ConfigError
from newsletter.options import Options, read_secret


def _word(text: str) -> str:
    if not text.isprintable() or not text or " " in text:
        raise ValueError("must be one name or address, without spaces")
    return text


Word = Annotated[str, AfterValidator(_word)]


class SmtpOptions(Options):
    """The settings of a transport of kind "smtp"."""

    host: Word = Field(description="The mail server's name or address.")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Its port; by default 587, with tls 465."
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="starttls, tls from the first byte, or none; no mail leaves where the "
        "encryption asked for cannot be had.",
    )
    username: str | None = Field(default=None, description="The login, where the server wants one.")
    password: SecretStr | None = Field(default=None, description="The login's password.")
    password_file: Path | None = Field(
        default=None, description="A file whose first line is the password."
    )
    ca_file: Path | None = Field(
        default=None, description="Certificates (PEM) to trust besides the system's."
    )
    timeout: float = Field(
        default=30, gt=0, le=300, description="Seconds to wait for a connection or an answer."
    )
    reply_timeout: float = Field(
        default=600,  # RFC 5321 4.5.3.2.6
        gt=0,
        le=3600,
        description="Seconds to wait for the answer to a whole message; giving up early leaves "
        "in doubt whether it was taken.",
    )
    renew_after: int = Field(
        default=100,  # many servers hang up after as many, and a round of balancing begins anew
        ge=0,
        le=1_000_000,
        description="Messages on one connection before it is closed and made anew; 0: no limit.",
    )
    renew_idle: float = Field(
        default=30,  # shorter than the patience of servers and of the firewalls before them
        ge=0,
        le=3600,
        description="Seconds unused after which a connection is made anew before its next "
        "message; 0: never.",
    )
    local_hostname: Word | None = Field(
        default=None, description="The name to say in EHLO; by default this machine's."
    )


def login(options: SmtpOptions) -> tuple[str, str] | None:
    """User and password, where a login is wanted; raises ConfigError."""
    password = read_secret(options.password, options.password_file, "password")
    if not options.username:
        if password:
            raise ConfigError("password is set, but username is not.")
        return None
    if not password:
        raise ConfigError("username is set, but neither password nor password_file.")
    if options.security == "none" and not is_loopback(options.host):
        raise ConfigError(
            f"security none would send the password to {options.host} in the clear; "
            "set security to starttls or tls."
        )
    return options.username, password


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """What certificates are checked by; raises ConfigError."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except ssl.SSLError as error:
            raise ConfigError(f"ca_file: {ca_file} holds no certificate in PEM form.") from error
        except OSError as error:
            raise ConfigError(f"ca_file: cannot read {ca_file}: {error.strerror}.") from error
    return context


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, as far as its name tells."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
