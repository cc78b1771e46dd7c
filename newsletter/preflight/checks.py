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
        yield from people.check(mail, house)
        yield from list_headers.check(mail, house)
        yield from structure.check(mail)
        yield from signature.check(mail, house, records)
        yield from size.check(mail)
        yield from links.check(mail, house)
        yield from remote.check(mail, house)
        yield from lint.check(mail)
        yield from contrast.check(mail)
        yield from sender.imprint(mail, house)
        yield from sender.one_click(mail, house)
    yield from headers.across(kept)
    yield from list_headers.across(kept)
