"""compose: freezes the issue of a day, and writes one delivery a reader it is due to.

Repeatable: the issue of a day is frozen once, and a reader has at most one delivery of it. Run
again, it adds only readers who came since, and finishes what a crash left undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from newsletter.issue import Issue
from newsletter.pipeline import late_rules, showing
from newsletter.pipeline.candidates import Terms, running
from newsletter.pipeline.selecting import AWAY, Selector
from newsletter.rendering.faces import Entry
from newsletter.rendering.renderer import Renderer
from newsletter.selection import Candidate
from newsletter.store import deliveries, issue_acts, issues, locks
from newsletter.store.database import Connection, Database
from newsletter.topics import Catalogue, Topic
from subscribers import store as subscribers
from subscribers.model import State, Subscriber

BATCH = 500  # readers a transaction: short enough that a sender never waits long for it


@dataclass(frozen=True, kw_only=True)
class Composed:
    """What composing did."""

    issue: Issue | None  # None: there is nothing to publish
    fresh: bool  # whether the issue was frozen just now
    queued: int  # deliveries written by this call, with papers
    skipped: int  # and without, or to an address that gets nothing
    cancelled: str = ""  # why nobody is added to the issue; empty where it goes out


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
    with database.read() as connection:
        if issue_acts.standing(connection, issue.id).cancelled:
            why = issue_acts.reason(connection, issue.id)
            return Composed(issue=issue, fresh=False, queued=0, skipped=0, cancelled=why)
    queued = skipped = 0
    select = Selector(issue, now, terms.embedder)
    with database.read() as connection:
        recent = issues.between(connection, day - AWAY, day)
    with database.read() as reader:
        for batch in subscribers.in_batches(reader, State.CONFIRMED, BATCH):
            own = {slug for one in batch for slug in one.preferences.follows}
            if late_rules.admit(database, renderer, day, own, terms.embedder):
                with database.read() as connection:
                    issue = issues.get(connection, day)
                select = Selector(issue, now, terms.embedder)
            with database.read() as connection:
                select.prepare(connection, batch)
            with database.write() as connection:
                locks.papers_stay(connection)
                new = select(connection, batch, recent)
                written = deliveries.add(connection, issue, new)
            queued += sum(1 for one in written if one.picks)
            skipped += sum(1 for one in written if not one.picks)
            progress(len(batch))
    return Composed(issue=issue, fresh=fresh, queued=queued, skipped=skipped)


def compose_one(
    connection: Connection, issue: Issue, subscriber: Subscriber, now: datetime
) -> bool:
    """Adds one reader to an issue, due now whatever the hour; whether there are papers.

    By topics alone: somebody waits for it, and who just came has hardly voted.
    """
    locks.papers_stay(connection)
    new = Selector(issue, now, learn=False)(connection, [subscriber])
    if not new:  # the reader's day off
        return False
    written = deliveries.add(connection, issue, [replace(one, due_at=now) for one in new])
    return any(one.picks for one in written)


def _freeze(
    database: Database,
    renderer: Renderer,
    catalogue: Catalogue,
    terms: Terms,
    day: date,
    now: datetime,
) -> Issue | None:
    with database.read() as connection:
        ranked = running(connection, catalogue, terms, now)
    if not ranked:
        return None
    snapshot = renderer.freeze(
        masthead=terms.masthead,
        imprint=terms.imprint,
        day=day,
        entries=[
            Entry(paper=one.paper, trend=one.trend, pinned=one.candidate.pinned, note=one.note)
            for one in ranked
        ],
        topics=_asked(catalogue, (one.candidate for one in ranked)),
        languages=_languages(database, renderer, terms),
        origins=terms.origins,
    )
    snapshot = replace(snapshot, weights=vars(terms.weights))
    with database.write() as connection:
        return issues.freeze(connection, day, now, [one.candidate for one in ranked], snapshot)


def draw_again(
    database: Database, renderer: Renderer, catalogue: Catalogue, terms: Terms, issue: Issue
) -> Issue:
    """The issue as templates, settings and papers are now; kept is nothing. For previews."""
    with database.read() as connection:
        entries = showing.entries(connection, terms, issue)
    snapshot = renderer.freeze(
        masthead=terms.masthead,
        imprint=terms.imprint,
        day=issue.day,
        entries=list(entries.values()),
        topics=_asked(catalogue, issue.candidates),
        languages=_languages(database, renderer, terms),
        origins=terms.origins,
    )
    return replace(issue, snapshot=snapshot)


def _asked(catalogue: Catalogue, candidates: Iterable[Candidate]) -> list[Topic]:
    """The topics that some candidate is under: no others can be a reason."""
    slugs = {slug for one in candidates for slug in one.matches}
    return [topic for slug, topic in catalogue.topics.items() if slug in slugs]


def _languages(database: Database, renderer: Renderer, terms: Terms) -> list[str]:
    """The publication's language first, then those that readers chose and that there still are."""
    with database.read() as connection:
        chosen = subscribers.languages(connection)
    there = set(renderer.templates.known_languages())
    return [terms.language, *sorted((chosen & there) - {terms.language})]
