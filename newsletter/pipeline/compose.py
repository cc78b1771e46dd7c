"""compose: freezes the issue of a day, and writes one delivery a reader it is due to.

Repeatable: the issue of a day is frozen once, and a reader has at most one delivery of it. Run
again, it adds only readers who came since, and finishes what a crash left undone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from newsletter.issue import Issue
from newsletter.papers import PaperId
from newsletter.rendering.renderer import Entry, Renderer
from newsletter.selection import Candidate, Ranking, rank, take
from newsletter.snapshot import Masthead
from newsletter.store import deliveries, issues, papers
from newsletter.store.database import Database
from newsletter.store.deliveries import NewDelivery
from newsletter.topics import Catalogue
from newsletter.trending import trend
from subscribers import schedule
from subscribers import store as subscribers
from subscribers.model import State, Subscriber

BATCH = 500  # readers a transaction: short enough that a sender never waits long for it


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the operator settled for every issue."""

    masthead: Masthead
    imprint: str  # the postal address
    zone: ZoneInfo  # decides the issue's date
    window: timedelta  # how long a paper stays a candidate


@dataclass(frozen=True, kw_only=True)
class Composed:
    """What composing did."""

    issue: Issue | None  # None: there is nothing to publish
    fresh: bool  # whether the issue was frozen just now
    queued: int  # deliveries written by this call, with papers
    skipped: int  # and without


def compose(
    database: Database,
    renderer: Renderer,
    catalogue: Catalogue,
    terms: Terms,
    now: datetime,
    progress: Callable[[int], None] = lambda _: None,
) -> Composed:
    """Composes the issue of today; raises TemplateError or StoreError.

    `progress` is told how many readers were looked at since it was last told.
    """
    day = now.astimezone(terms.zone).date()
    with database.read() as connection:
        issue = issues.find(connection, day)
    fresh = issue is None
    if issue is None:
        issue = _freeze(database, renderer, catalogue, terms, day, now)
    if issue is None:
        return Composed(issue=None, fresh=False, queued=0, skipped=0)
    queued = skipped = 0
    select = _Selector(issue, now)
    with database.read() as reader:
        for batch in subscribers.in_batches(reader, State.CONFIRMED, BATCH):
            with database.write() as connection:
                earliest = issue.composed_at - terms.window
                had = deliveries.had(connection, earliest, batch[0].id, batch[-1].id)
                new = [
                    one
                    for subscriber in batch
                    if (one := select(subscriber, had.get(subscriber.id, ()))) is not None
                ]
                written = deliveries.add(connection, issue, new)
            queued += sum(1 for one in written if one.picks)
            skipped += sum(1 for one in written if not one.picks)
            progress(len(batch))
    return Composed(issue=issue, fresh=fresh, queued=queued, skipped=skipped)


def _freeze(
    database: Database,
    renderer: Renderer,
    catalogue: Catalogue,
    terms: Terms,
    day: date,
    now: datetime,
) -> Issue | None:
    with database.read() as connection:
        kept = papers.since(connection, now - terms.window)
    ranked: list[tuple[Candidate, Entry]] = []
    for one in kept:
        found = trend(one.observations)
        if found is None:
            continue
        candidate = Candidate(
            paper_id=one.paper.id,
            seen=one.first_seen_at.date(),
            trend=found.score,
            matches={match.topic: match.strength for match in catalogue.match(one.paper)},
        )
        ranked.append((candidate, Entry(paper=one.paper, trend=found)))
    if not ranked:
        return None
    ranked.sort(key=lambda pair: (-pair[0].trend, -pair[0].seen.toordinal(), pair[0].paper_id))
    snapshot = renderer.freeze(
        masthead=terms.masthead,
        imprint=terms.imprint,
        day=day,
        entries=[entry for _, entry in ranked],
        topics=catalogue.topics.values(),
    )
    with database.write() as connection:
        return issues.freeze(connection, day, now, [one for one, _ in ranked], snapshot)


class _Selector:
    """Selects for one reader after another, ranking once for those who follow the same."""

    def __init__(self, issue: Issue, now: datetime) -> None:
        self._issue = issue
        self._now = now
        self._rankings: dict[tuple[frozenset[str], frozenset[str]], Ranking] = {}

    def __call__(self, subscriber: Subscriber, had: Collection[PaperId]) -> NewDelivery | None:
        """The delivery of a reader, None on the reader's day off."""
        wants = subscriber.preferences
        due_at = schedule.due(wants, self._issue.day)
        if due_at is None:
            return None
        interests = (wants.follows, wants.mutes)
        if interests not in self._rankings:
            candidates: Sequence[Candidate] = self._issue.candidates
            self._rankings[interests] = rank(candidates, *interests)
        selection = take(self._rankings[interests], had, wants.length)
        return NewDelivery(
            subscriber_id=subscriber.id,
            picks=selection.picks,
            reason=selection.reason,
            due_at=max(due_at, self._now),  # an hour that is past is now
        )
