"""Gives readers whose hour comes a delivery of the newest issue: one a day they chose.

A reader is looked at when `next_due_at` has come, which is sooner than their hour where something
changed: a delivery that waits for an hour they no longer want is taken back then, and composed by
what they want now. Repeatable, and safe beside itself: a reader has one delivery of an issue, and
what a reader changed meanwhile is not written over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from newsletter.calendar import DAY
from newsletter.issue import Issue
from newsletter.pipeline import late_rules
from newsletter.pipeline.selecting import AWAY, Selector
from newsletter.rendering.renderer import Renderer
from newsletter.store import deliveries, issue_acts, issues, locks
from newsletter.store.database import Connection, Database
from newsletter.store.deliveries import NewDelivery
from newsletter.text import Embedder
from subscribers import due_store, schedule
from subscribers.due_store import Due, Looked
from subscribers.model import Subscriber, parse_zone
from subscribers.schedule import Occurrence

BATCH = 1000  # readers a transaction: short enough that a sender never waits long for it
# Between the same hour on two days, be the clocks changed by two hours.
A_DAY = (timedelta(hours=21.5), timedelta(hours=26.5))
SOON = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Which hours are served by an issue."""

    now: datetime
    until: datetime  # when the next issue may come: later hours are its own
    since: datetime | None = None  # earlier ones were another issue's; None: there is none before
    late: timedelta | None = None  # how long after its hour a digest is worth having; None: a day


@dataclass(frozen=True, kw_only=True)
class Range:
    """Which readers are looked at, by their numbers."""

    after: int = 0  # over this
    up_to: int | None = None  # this at most; None: to the last


EVERYBODY = Range()


@dataclass(kw_only=True)
class Enrolled:
    """How many deliveries were written."""

    queued: int = 0  # with papers
    skipped: int = 0  # and without, or to an address that gets nothing
    waiting: int = 0  # readers whose hour has come, and who have had the issue


def enrol(
    database: Database,
    renderer: Renderer,
    embedder: Embedder | None,
    issue: Issue,
    span: Span,
    *,
    readers: Range | None = EVERYBODY,
    progress: Callable[[int], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Enrolled:
    """Writes the deliveries of an issue that are due, or will be before the next one.

    To `readers`, those of all hours up to `span.until`; without, of those that have come.
    `progress` is told how many readers were looked at since it was last told.
    """
    done = Enrolled()
    select = Selector(issue, span.now, embedder)
    with database.read() as connection:
        recent = issues.between(connection, issue.day - AWAY, issue.day)
        over = issue_acts.standing(connection, issue.id).cancelled
    for batch in _batches(database, span, readers):
        if stopped():
            return done
        own = set[str]().union(*(one.reader.preferences.follows for one in batch))
        if late_rules.admit(database, renderer, issue.day, own, embedder):
            with database.read() as connection:
                issue = issues.get(connection, issue.day)
            select = Selector(issue, span.now, embedder)
        with database.read() as connection:
            select.prepare(connection, [one.reader for one in batch])
        with database.write() as connection:
            locks.papers_stay(connection)
            written, waiting = _enrol(connection, issue, select, batch, recent, span, over=over)
        done.queued += sum(1 for one in written if one.picks)
        done.skipped += sum(1 for one in written if not one.picks)
        done.waiting += waiting
        progress(len(batch))
    return done


def enrol_one(connection: Connection, issue: Issue, reader: Subscriber, now: datetime) -> bool:
    """Adds one reader to an issue, due now whatever the hour; whether there are papers.

    By topics alone: somebody waits for it, and who just came has hardly voted.
    """
    locks.papers_stay(connection)
    today = now.astimezone(parse_zone(reader.preferences.zone)).date()
    if schedule.due(reader.preferences, today) is None:
        return False  # the reader's day off
    new = Selector(issue, now, learn=False)(connection, [(reader, now)])
    written = deliveries.add(connection, issue, new)
    if not any(one.picks for one in written):
        return False
    following = schedule.upcoming(reader.preferences, today, now)
    due_store.served(connection, reader.id, today, following.at)
    return True


def _batches(database: Database, span: Span, readers: Range | None) -> Iterator[list[Due]]:
    last = readers.after if readers else 0
    while True:
        with database.read() as connection:
            batch = (
                due_store.before(connection, span.until, last, BATCH, up_to=readers.up_to)
                if readers
                else due_store.now_due(connection, span.now, BATCH)
            )
        if not batch:
            return
        yield batch
        last = batch[-1].reader.id


def _enrol(
    connection: Connection,
    issue: Issue,
    select: Selector,
    batch: Sequence[Due],
    recent: Sequence[int],
    span: Span,
    *,
    over: bool,
) -> tuple[list[NewDelivery], int]:
    numbers = [one.reader.id for one in batch]
    has = deliveries.due_to(connection, issue.id, numbers)
    changed = [one.reader.id for one in batch if one.reader.id in has and one.look_at <= span.now]
    back = deliveries.take_back(connection, issue.id, changed, span.now) if changed else {}
    has = {number: at for number, at in has.items() if number not in back}
    due: list[tuple[Subscriber, datetime]] = []
    looked: list[Looked] = []
    waiting = 0
    for one in batch:
        served_on = one.served_on
        if one.reader.id in back:
            zone = parse_zone(one.reader.preferences.zone)
            served_on = back[one.reader.id].astimezone(zone).date() - DAY
        found = _occurrence(one.reader, served_on, span)
        if found.at < span.until:
            early = span.since is not None and found.at < span.since
            had_at = has.get(one.reader.id)
            if had_at is None and not early and not over:
                due.append((one.reader, found.at))
                served_on = found.day
            elif found.at <= span.now and not early and _waits(found, had_at, span):
                waiting += 1
            elif found.at <= span.now and span.late is not None:
                served_on = found.day  # no other issue comes in time
        look_at = _next_look(one.reader, found, served_on, span)
        looked.append(Looked(one.reader.id, one.look_at, look_at, served_on))
    written = deliveries.add(connection, issue, select(connection, due, recent))
    due_store.looked(connection, looked)
    return written, waiting


def _occurrence(reader: Subscriber, served_on: date | None, span: Span) -> Occurrence:
    """The digest that a reader is owed, else the first that is still to come."""
    wants = reader.preferences
    return schedule.owed(wants, served_on, span.now, span.late) or schedule.upcoming(
        wants, served_on, span.now
    )


def _waits(found: Occurrence, had_at: datetime | None, span: Span) -> bool:
    """Whether a reader who had the issue waits for the next one, which comes soon enough.

    Today's issue is early for who had the last one yesterday. Who had it just before has had that
    day's: they moved to another zone, or chose another hour.
    """
    if span.late is None or span.until - found.at > span.late:
        return False
    if had_at is None:
        return True
    if span.until <= span.now:  # it should be there already
        return found.at - had_at >= A_DAY[0]
    return A_DAY[0] <= found.at - had_at <= A_DAY[1]


def _next_look(
    reader: Subscriber, found: Occurrence, served_on: date | None, span: Span
) -> datetime:
    """When a reader is looked at again: at the next hour, or once one that waits is too late.

    A new issue looks at everybody anyway.
    """
    if served_on == found.day:
        return schedule.upcoming(reader.preferences, served_on, span.now).at
    if found.at > span.now:
        return found.at
    if found.at >= span.until:
        return span.now + SOON
    return max(found.at + (span.late or DAY), span.now) + SOON
