"""Examines a whole installation: gathers facts, has `newsletter.doctor` judge them.

Nothing is sent, kept, made or migrated. What has to be waited for is asked side by side, and no
check hides another: what goes wrong in one is a finding of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from newsletter.doctor import clocks, databases, sender
from newsletter.doctor.clocks import Apart
from newsletter.doctor.findings import Area, Finding, placed, skipped
from newsletter.pipeline.examining import mails, places, servers, settings, upstreams
from newsletter.pipeline.examining.asking import Question
from newsletter.pipeline.examining.parts import Installation, Manner, guarded

__all__ = ["Installation", "Manner", "examine"]

SPARE = 2.0  # seconds beside those of doctor.seconds, in which its last question ends


def examine(one: Installation, manner: Manner) -> tuple[Finding, ...]:
    """All there is to say of an installation, area by area."""
    heard: list[Apart] = []  # of other clocks
    asked = _questions(one, manner, heard)  # answers come while the rest is looked at
    database = Question(Area.DATABASE, "database", partial(places.database, one), places.DATABASE)
    found = list(_here(one, manner))
    found += database.found()
    current = databases.is_current(found)
    if current and manner.sources:
        asked += _sources(one, manner, heard)
    now = manner.now()
    found += guarded(Area.SOURCES, "source", lambda: upstreams.check(one, now, current=current))
    for question in asked:
        found += question.found()
    found += guarded(Area.CLOCK, clocks.CLOCK, lambda: _clocks(one, manner, heard, current))
    order = {area: at for at, area in enumerate(Area)}
    return tuple(sorted(found, key=lambda each: order[each.area]))


def _here(one: Installation, manner: Manner) -> Iterator[Finding]:
    """What is looked at on this machine."""
    now = manner.now()
    yield from settings.check(one, now.date())
    yield from guarded(Area.FOLDERS, "folder", lambda: places.folders(one))
    yield from guarded(Area.TEMPLATES, "templates", lambda: mails.check(one, now))
    yield from guarded(Area.CLOCK, clocks.ZONES, lambda: places.zones(one, now))
    if manner.offline:
        dns = skipped(sender.CHECK, "The DNS was not asked (--offline).")
        yield from placed(Area.DNS, [dns])


def _questions(one: Installation, manner: Manner, heard: list[Apart]) -> list[Question]:
    """What is asked over the network of others than sources."""
    own = one.config.settings
    asked = [
        Question(
            Area.TRANSPORTS,
            "transport",
            partial(servers.transport, one, name, manner),
            servers.MAIL,
        )
        for name in own.delivery.transports
    ]
    asked.append(
        Question(Area.PAGES, "pages", partial(servers.pages, one, manner, heard), servers.PAGES)
    )
    if not manner.offline:
        limit = own.doctor.seconds + SPARE
        asked.append(Question(Area.DNS, sender.CHECK, partial(one.dns, anyway=manner.dns), limit))
    return asked


def _sources(one: Installation, manner: Manner, heard: list[Apart]) -> list[Question]:
    return [
        Question(
            Area.SOURCES,
            "source",
            partial(upstreams.ask, one, name, manner, heard),
            upstreams.ALL,
        )
        for name in one.config.settings.sources
    ]


def _clocks(
    one: Installation, manner: Manner, heard: list[Apart], current: bool
) -> Iterator[Finding]:
    server = places.database_clock(one, manner) if current else None
    return clocks.clocks([server, *heard] if server is not None else heard)
