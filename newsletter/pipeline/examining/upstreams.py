"""Gathers how sources were, and asks them where an operator wants it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic

import newsletter
from newsletter.doctor import upstreams
from newsletter.doctor.clocks import Apart
from newsletter.doctor.findings import Finding, error, skipped
from newsletter.errors import NewsletterError, SourceError
from newsletter.pipeline.examining.parts import Installation, Manner
from newsletter.sources import NEWS, STALE, Fetcher, Http, Limits, spread
from newsletter.store import source_states
from newsletter.store.turns import Turns

SECONDS = 10.0  # of one answer
ALL = 20.0  # of one source, waiting for its turn and all


def check(one: Installation, now: datetime, *, current: bool) -> Iterator[Finding]:
    """How each configured source was, by what is kept, where the database is `current`."""
    names = list(one.config.settings.sources)
    if not names:
        yield upstreams.none()
        return
    yield from _buildable(one, names)
    if not current:
        yield skipped(
            upstreams.SOURCE,
            "How the sources were is not known: there is no database that this version can ask.",
        )
        return
    with one.bare_database.read() as connection:
        states = source_states.listed(connection)
    every = timedelta(minutes=one.config.settings.schedule.collect_minutes)
    for name in names:
        state = states.get(name) or source_states.SourceState(name=name)
        stale = next((note for note in state.notes if note.startswith("stale")), "")
        facts = upstreams.Facts(
            name=name,
            succeeded_at=state.succeeded_at,
            asked=state.started_at is not None,
            failures=state.failures,
            error=state.error,
            stale=stale.removeprefix(STALE),
            every=every,
        )
        yield from upstreams.check(facts, now)


def _buildable(one: Installation, names: list[str]) -> Iterator[Finding]:
    for name in names:
        try:
            one.sources([name])
        except NewsletterError as problem:
            yield error(
                upstreams.SOURCE, str(problem), f"Correct [sources.{name}], or remove the table."
            )


def ask(one: Installation, name: str, manner: Manner, clocks: list[Apart]) -> Iterator[Finding]:
    """Asks a source once, as its first run would; nothing is kept.

    Adds what its answer tells of the time to `clocks`.
    """
    try:
        yield from upstreams.answered(_asked(one, name, manner, clocks))
    except SourceError as problem:
        yield upstreams.silent(name, str(problem))


def _asked(one: Installation, name: str, manner: Manner, clocks: list[Apart]) -> upstreams.Answered:
    (source,) = one.sources([name])
    fetcher = Fetcher(Http(_limits(one), Turns(one.bare_database)))
    papers, refused, notes = 0, list[str](), list[str]()
    begun, seconds = manner.now(), 0.0
    try:
        for request in source.requests(NEWS, {}, begun):
            first = spread(request)[0]
            started = monotonic()
            with fetcher.open(first) as answer:
                seconds = monotonic() - started
                apart = clock_of(f"that of {answer.where}", answer.date or "", manner.now())
                for harvest in source.read(first, answer, begun):
                    papers += len(harvest.papers) + len(harvest.updates)
                    refused += harvest.refused
                    notes += harvest.notes
            if apart is not None:
                clocks.append(apart)
            break
    finally:
        fetcher.close()
    return upstreams.Answered(
        name=name,
        papers=papers,
        refused=tuple(refused),
        notes=tuple(notes),
        seconds=seconds,
    )


def clock_of(whose: str, date: str, now: datetime) -> Apart | None:
    """A server's clock as its answer tells it, to the second; None where it does not."""
    try:
        told = parsedate_to_datetime(date)
    except ValueError:
        return None
    if told.tzinfo is None:
        return None
    return Apart(whose=whose, ahead=told - now, vague=timedelta(seconds=1))


def _limits(one: Installation) -> Limits:
    http = one.config.settings.http
    told = f" (+{one.contact})" if one.contact else ""
    return Limits(
        agent=f"trending-papers/{newsletter.__version__}{told}",
        connect=min(http.connect_seconds, SECONDS),
        read=min(http.read_seconds, SECONDS),
        total=min(http.total_seconds, SECONDS),
        largest=http.largest_mb * 2**20,
        tries=1,
        allow_private=http.allow_private,
    )
