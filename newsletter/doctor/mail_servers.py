"""The mail servers that mail is handed to: whether they let us in, and what they take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from newsletter.doctor import certificates
from newsletter.doctor.findings import Finding, error, ok, warning

SERVER, LOGIN, CERTIFICATE, SIZE = "server", "login", "certificate", "size"
ROOM = 1_000_000  # bytes a message may well have: the longest digest with a margin

# What the transport tells a sender to do; here that is told apart.
_ADVICE = re.compile(r"(?<=[.)]) (?:Check|Name|Set|Port|Try) .*", re.DOTALL)


class Trouble(StrEnum):
    """Why a mail server was not come to terms with."""

    NAME = "name"  # its host is not in the DNS
    CLOSED = "closed"  # nothing listens
    SILENT = "silent"
    EXPIRED = "expired"  # its certificate
    UNTRUSTED = "untrusted"
    OTHER_NAME = "other name"  # its certificate is another host's
    TLS = "tls"  # no encryption that both know
    LOGIN = "login"
    OTHER = "other"


_DO = {
    Trouble.NAME: "Correct {t}.host; the name is not known to the DNS that this machine asks.",
    Trouble.CLOSED: "Correct {t}.host and port, start the mail server, or open the firewall: 587 "
    'for security = "starttls", 465 for "tls".',
    Trouble.SILENT: "Correct {t}.host, port and security (587 is starttls, 465 is tls); many "
    "networks let no mail out by port 25.",
    Trouble.EXPIRED: "Have whoever runs the server renew it; mail does not leave before. If it is "
    "valid, this machine's clock is wrong.",
    Trouble.UNTRUSTED: "Name its authority's certificate in {t}.ca_file, if you trust it.",
    Trouble.OTHER_NAME: "Set {t}.host to the name that the certificate is for.",
    Trouble.TLS: 'Correct {t}.security: "starttls" goes with port 587, "tls" with 465.',
    Trouble.LOGIN: "Correct {t}.username and password (or password_file); some providers want an "
    "app password or a key in its place.",
    Trouble.OTHER: "Read what the server says, and correct [{t}].",
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A mail server that let us in."""

    where: str  # host:port
    size: int | None = None  # bytes of a message at most; None: it does not say
    extensions: tuple[str, ...] = ()  # of those that matter to us, as it offers them
    tls: str = ""  # its version; empty: in the clear
    local: bool = False  # on this machine
    user: str = ""  # whom we logged in as
    certificate_ends: datetime | None = None


EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8")


def failed(table: str, trouble: Trouble, words: str) -> Finding:
    """Of a server that did not let us in; `table` is its [transports.NAME], without brackets."""
    check = LOGIN if trouble is Trouble.LOGIN else SERVER
    if trouble in (Trouble.EXPIRED, Trouble.UNTRUSTED, Trouble.OTHER_NAME):
        check = CERTIFICATE
    return error(check, _ADVICE.sub("", words), _DO[trouble].format(t=table))


def check(table: str, seen: Seen, now: datetime) -> Iterator[Finding]:
    """Of a server that let us in."""
    by = f"by {seen.tls}" if seen.tls else "in the clear"
    size = "no limit told" if not seen.size else f"messages of {seen.size:,} bytes at most"
    has = [one for one in EXTENSIONS if one in seen.extensions]
    lacks = [one for one in EXTENSIONS if one not in seen.extensions]
    offers = f"offers {', '.join(has)}" if has else ""
    without = f"without {', '.join(lacks)}" if lacks else ""
    told = "; ".join(part for part in (size, offers, without) if part)
    if seen.tls or seen.local:
        yield ok(SERVER, f"{seen.where} answers {by}: {told}.")
    else:
        yield warning(
            SERVER,
            f"{seen.where} is spoken to in the clear: whoever is between reads every address; "
            f"{told}.",
            f'Set {table}.security to "starttls" or "tls".',
        )
    if seen.user:
        yield ok(LOGIN, f"{seen.where} accepts the login of {seen.user}; nothing was sent.")
    elif not seen.local:
        yield ok(LOGIN, f"{seen.where} lets us in without a login; nothing was sent.")
    if seen.size and seen.size < ROOM:
        yield warning(
            SIZE,
            f"{seen.where} takes messages of {seen.size:,} bytes at most; long digests may not "
            "fit.",
            "Have its limit raised, or let readers have fewer papers.",
        )
    if seen.certificate_ends is not None:
        yield certificates.check(CERTIFICATE, seen.where, seen.certificate_ends, now)
