"""All checks of a mail together, in the order findings are told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from newsletter.preflight import (
    headers,
    links,
    lint,
    list_headers,
    people,
    remote,
    sender,
    signature,
    size,
    structure,
)
from newsletter.preflight.contrast import Contrast
from newsletter.preflight.findings import Finding
from newsletter.preflight.house import House
from newsletter.preflight.mail import Mail


def of_mails(
    mails: Iterable[Mail],
    house: House,
    records: Mapping[str, str],
    composed_at: datetime,
    now: datetime,
) -> Iterator[Finding]:
    """What is wrong with the mails of an issue, one by one and between them."""
    contrast = Contrast()
    kept = []
    for mail in mails:
        kept.append(mail)
        yield from headers.check(mail, house, composed_at, now)
        yield from _any(mail, house, records)
        yield from _page(mail, house, contrast)
        yield from sender.imprint(mail, house)
        yield from sender.one_click(mail, house)
    yield from headers.across(kept)
    yield from list_headers.across(kept)


def of_letters(
    mails: Iterable[Mail], house: House, records: Mapping[str, str], now: datetime
) -> Iterator[Finding]:
    """What is wrong with mails that are no digests; not all of them can be unsubscribed by."""
    contrast = Contrast()
    for mail in mails:
        yield from headers.check(mail, house, now, now, listed=False)
        yield from _any(mail, house, records)
        yield from _page(mail, house, contrast)
        yield from sender.imprint(mail, house)


def of_pages(mails: Iterable[Mail], house: House) -> Iterator[Finding]:
    """What is wrong with what templates decide of mails."""
    contrast = Contrast()
    for mail in mails:
        yield from _page(mail, house, contrast)


def _any(mail: Mail, house: House, records: Mapping[str, str]) -> Iterator[Finding]:
    yield from people.check(mail, house)
    yield from list_headers.check(mail, house)
    yield from structure.check(mail)
    yield from signature.check(mail, house, records)


def _page(mail: Mail, house: House, contrast: Contrast) -> Iterator[Finding]:
    yield from size.check(mail)
    yield from links.check(mail, house)
    yield from remote.check(mail, house)
    yield from lint.check(mail)
    yield from contrast.check(mail)
