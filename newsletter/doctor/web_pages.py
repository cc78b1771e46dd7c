"""Readers' pages as the world sees them: whether pages.url answers, and whether that is us."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus

from newsletter.doctor import certificates
from newsletter.doctor.answers import shown
from newsletter.doctor.findings import Finding, error, ok, skipped, warning

ANSWERS, OURS, CERTIFICATE = "pages", "installation", "certificate"
HEALTHY = "ok"  # what our /healthz says
MISDIRECTED = 421  # what our pages say to another name than theirs, RFC 9110 15.5.20
_SERVE = "Start `newsletter run` (or `newsletter serve`)"


class Trouble(StrEnum):
    """Why nothing answered."""

    NAME = "name"  # its host is not in the DNS
    CLOSED = "closed"  # nothing listens
    SILENT = "silent"
    EXPIRED = "expired"  # its certificate
    CERTIFICATE = "certificate"  # it is not trusted, or another name's
    OTHER = "other"


_DO = {
    Trouble.NAME: "Publish the name's address in the DNS, or correct pages.url.",
    Trouble.CLOSED: f"{_SERVE}, and the web server in front of it; or correct pages.url.",
    Trouble.SILENT: "Open the firewall, or look why the web server in front does not answer.",
    Trouble.EXPIRED: "Renew it in the web server in front: browsers show a warning to readers.",
    Trouble.CERTIFICATE: "Give the web server in front a certificate for that name which browsers "
    "trust, with the certificates between.",
    Trouble.OTHER: "Look why, or correct pages.url.",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an address answered."""

    status: int | None = None  # None: nothing did
    words: str = ""  # why not
    trouble: Trouble = Trouble.OTHER
    body: str = ""  # the beginning
    location: str = ""  # where a redirect leads
    date: str = ""  # its clock, in the words of HTTP
    certificate_ends: datetime | None = None


def unset() -> Finding:
    """That there are no pages."""
    return skipped(
        ANSWERS,
        "There is no pages.url: mails ask readers to answer, and nothing is to be served.",
        "Set pages.url where you serve readers' pages.",
    )


def check(url: str, health: Answer, key: Answer | None, now: datetime) -> Iterator[Finding]:
    """Of the answer of /healthz, and to a link that is signed with our key and has expired.

    None for the latter where there is no key yet.
    """
    if health.status is None:
        what = f"{url} does not answer: {health.words}. Links in mails lead nowhere."
        yield error(ANSWERS, what, _DO[health.trouble])
        return
    if health.status == 200 and health.body.strip() == HEALTHY:
        yield ok(ANSWERS, f"{url} answers, and its database does.")
        yield _ours(url, key)
    else:
        yield _strange(url, health)
    if health.certificate_ends is not None:
        yield certificates.check(CERTIFICATE, url, health.certificate_ends, now)


def _strange(url: str, health: Answer) -> Finding:
    asked = f"{url}/healthz"
    if health.location:
        return error(
            ANSWERS,
            f"{asked} leads on to {shown(health.location)}.",
            "Set pages.url to the address that the pages are really at.",
        )
    if health.status == MISDIRECTED:
        return error(
            ANSWERS,
            f"{asked} answers that there are no pages by this name.",
            "Set pages.hosts to the names that the pages are asked for by, or have the web server "
            "in front pass on the name it was asked for (Host).",
        )
    if health.status in (502, 503, 504):
        return error(
            ANSWERS,
            f"{asked} answers {_status(health.status)}: the web server in front, or the database "
            "behind the pages, has no answer.",
            f"{_SERVE} where the web server looks for it, and look at its log.",
        )
    if health.status == 200:
        return error(
            ANSWERS,
            f"{asked} answers something else than our pages do: {shown(health.body.strip())!r}.",
            "Have the web server in front pass everything below pages.url on to `newsletter "
            "serve`, or correct pages.url.",
        )
    return error(
        ANSWERS,
        f"{asked} answers {_status(health.status or 0)}.",
        "Have the web server in front pass everything below pages.url on to `newsletter serve`, "
        "or correct pages.url.",
    )


def _ours(url: str, key: Answer | None) -> Finding:
    if key is None:
        return skipped(OURS, "There is no key yet by which the pages could be told to be ours.")
    if key.status == HTTPStatus.GONE:  # the signature is ours, the time is over
        return ok(OURS, f"The pages at {url} are this installation's: they know its key.")
    if key.status == HTTPStatus.BAD_REQUEST:
        return error(
            OURS,
            f"The pages at {url} do not know the key that links are signed with here: no link in "
            "our mails works there.",
            "Give both the same secret_file, restart `newsletter run` after a rotation, or correct "
            "pages.url.",
        )
    told = key.words if key.status is None else _status(key.status)
    return warning(
        OURS,
        f"Whether the pages at {url} are this installation's could not be told: {told}.",
        "Look at the log of `newsletter serve`.",
    )


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
