"""What is our own: the addresses mails come from, and the hosts they may lead to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

SEARCHES = frozenset({"arxiv.org"})  # where a paper without a page is searched for


@dataclass(frozen=True, kw_only=True)
class House:
    """Whose mails are judged."""

    address: str  # the From
    reply_to: str
    list_id: str
    domain: str  # the right-hand side of Message-IDs
    postal_address: str = ""  # as the settings have it
    web_hosts: frozenset[str] = frozenset()  # that settings name; images may come from there
    paper_hosts: frozenset[str] = frozenset()  # that the papers name
    pages_host: str = ""  # of readers' pages, as the issue was composed
    goes_out: bool = False  # whether a transport carries mail off this machine
    signs: bool = False  # whether mails are to carry a DKIM signature

    @property
    def hosts(self) -> frozenset[str]:
        """Every host that a link may lead to."""
        return self.web_hosts | self.paper_hosts | SEARCHES


def host_of(url: str) -> str:
    """The host of an address in lower case, without "www."; empty where it has none."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return ""
    return (host or "").lower().removeprefix("www.")


def hosts_of(urls: Iterable[str | None]) -> frozenset[str]:
    """The hosts of http(s) addresses, those that have one."""
    named = (
        host_of(url) for url in urls if url and url.lower().startswith(("http://", "https://"))
    )
    return frozenset(host for host in named if host)
