"""The settings as a whole: what contradicts itself, is unsafe, or is missing where mail leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from newsletter.doctor.answers import is_reserved
from newsletter.doctor.findings import Finding, error, ok, skipped, warning

SHORT_SECRET = 32  # characters: 43 are what we make; fewer may be a word somebody thought of
ROTATION_NEAR = 7  # days
EVERYBODY = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings that are judged, as the operator has them."""

    file: str  # empty: none was read
    given: int  # settings that are not the default
    leaves: bool  # whether mail leaves this machine
    sender: str
    postal_address: str
    pages: str
    pages_hosts: tuple[str, ...] = ()
    proxies: bool = False  # whether some are believed
    hsts_seconds: int = 0
    report_to: str = ""
    editor: str = ""
    hold: bool = False
    metrics: tuple[str, ...] = ()  # the networks that may read them
    contact: bool = True  # whether upstreams can write to somebody
    asks_network: bool = True  # whether a source is on the network
    secret_length: int = 0  # of `secret`; 0: the key is in a file
    older_keys_until: tuple[date, ...] = ()


def check(settings: Settings, today: date) -> Iterator[Finding]:
    """What of the settings should be otherwise."""
    read = f"{settings.file} is read" if settings.file else "There is no settings file"
    yield ok("settings", f"{read}; {settings.given} settings are not the default.")
    if settings.leaves:
        yield from _mail(settings)
    else:
        yield skipped("sender", "Mail stays on this machine, so its sender is not judged.")
    yield from _people(settings)
    if settings.pages:
        yield from _pages(settings)
    if settings.secret_length and settings.secret_length < SHORT_SECRET:
        yield warning(
            "key",
            f"secret has {settings.secret_length} characters: whoever guesses it signs links.",
            f"Use one of {SHORT_SECRET} or more that is drawn at random, in a secret_file.",
        )
    yield from _rotation(settings.older_keys_until, today)


def _mail(settings: Settings) -> Iterator[Finding]:
    domain = settings.sender.rpartition("@")[2]
    if is_reserved(domain):
        yield error(
            "sender",
            f"Mail leaves as {settings.sender}, but {domain} is a name for examples that no mail "
            "comes from: receivers refuse it.",
            "Set sender.address to the address your readers know you by.",
        )
    else:
        yield ok("sender", f"Mail leaves as {settings.sender}.")
    if not settings.postal_address.strip():
        yield warning(
            "postal-address",
            "sender.postal_address is empty; the law of many countries asks for it in bulk mail.",
            "Set sender.postal_address.",
        )
    if not settings.pages:
        yield warning(
            "pages",
            "pages.url is not set: mails carry no links to leave, vote or choose by, and no "
            "one-click unsubscribe, which Gmail and Yahoo ask of bulk senders.",
            "Serve readers' pages, and set pages.url.",
        )


def _people(settings: Settings) -> Iterator[Finding]:
    if settings.leaves and not settings.report_to:
        yield warning(
            "report",
            "report.to is not set: nobody is written to when an issue fails or a source is stale.",
            "Set report.to to a mailbox that somebody reads.",
        )
    if settings.hold and not (settings.editor or settings.report_to):
        yield warning(
            "editor",
            "issue.hold has every issue wait for approval, but nobody is written to when one does.",
            "Set report.editor, or report.to.",
        )
    if settings.asks_network and not settings.contact:
        yield warning(
            "contact",
            "The sources you ask are told nobody they could write to.",
            "Set http.contact, or sender.address.",
        )
    if any(one in EVERYBODY for one in settings.metrics):
        yield warning(
            "metrics",
            "metrics.networks lets everybody read /metrics.",
            "Name the networks of those who watch.",
        )


def _pages(settings: Settings) -> Iterator[Finding]:
    parts = urlsplit(settings.pages)
    host = (parts.hostname or "").lower()
    if settings.pages_hosts and host not in {one.lower() for one in settings.pages_hosts}:
        yield error(
            "hosts",
            f"pages.hosts does not name {host}, the host of pages.url: who follows a link in a "
            "mail is refused.",
            f"Add {host} to pages.hosts, or leave it out.",
        )
    if parts.scheme != "https":
        return
    if not settings.proxies:
        yield warning(
            "proxies",
            "pages.url is https, so a web server stands in front of ours; but pages.proxies names "
            "none, and all readers count as one network where requests are limited.",
            "Set pages.proxies to its address, such as 127.0.0.1.",
        )
    if not settings.hsts_seconds:
        yield warning(
            "hsts",
            "pages.hsts_seconds is 0: a browser's first step may be by http, where links with "
            "tokens can be read.",
            "Once https works for good, set it, to 31536000 say.",
        )


def _rotation(until: tuple[date, ...], today: date) -> Iterator[Finding]:
    ahead = sorted(day for day in until if day >= today)
    if not ahead:
        return
    day, left = ahead[0], (ahead[0] - today).days
    what = f"The key was rotated; links signed with the one before work until {day} (UTC)."
    if left <= ROTATION_NEAR:
        yield warning(
            "rotation",
            what,
            "To let readers leave by older mails for longer, move that date in the key's file.",
        )
    else:
        yield ok("rotation", what)
