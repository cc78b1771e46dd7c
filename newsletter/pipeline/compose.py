"""compose: freezes the issue of a day, and writes one delivery a reader it is due to.

Repeatable: the issue of a day is frozen once, and a reader has at most one delivery of it. Run
again, it adds only readers who came since, and finishes what a crash left undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from newsletter.editor import NO_HAND, Hand
from newsletter.issue import Issue
from newsletter.language import ENGLISH
from newsletter.matching import Matcher
from newsletter.papers import Paper, PaperId
from newsletter.pipeline.selecting import AWAY, Selector
from newsletter.pipeline.topics import background
from newsletter.rendering.renderer import Entry, Renderer
from newsletter.selection import Candidate
from newsletter.snapshot import Masthead
from newsletter.store import deliveries, editor_acts, issue_acts, issues, locks, papers
from newsletter.store.database import Connection, Database
from newsletter.store.papers import Kept
from newsletter.text import Embedder
from newsletter.topics import Catalogue
from newsletter.trending import ADDED, UNTOLD, Trend, trends
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
    new_papers: bool = False  # whether papers that nobody has spoken of yet may fill digests
    language: str = ENGLISH  # of readers who chose none
    embedder: Embedder | None = None  # None: texts are compared by their words alone
    origins: tuple[str, ...] = ()  # where the papers are from
    reliability: Mapping[str, float] = field(default_factory=dict)  # of sources, by name


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
    select = Selector(issue, now)
    with database.read() as connection:
        recent = issues.between(connection, day - AWAY, day)
    with database.read() as reader:
        for batch in subscribers.in_batches(reader, State.CONFIRMED, BATCH):
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
    """Adds one reader to an issue, due now whatever the hour; whether there are papers."""
    locks.papers_stay(connection)
    new = Selector(issue, now)(connection, [subscriber])
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
    since = now - terms.window
    with database.read() as connection:
        hands = editor_acts.hands(connection)
        wanted = [paper_id for paper_id, hand in hands.items() if _is_wanted(hand, since)]
        kept = papers.since(connection, since, besides=wanted)
        beside = background(connection, catalogue, since)
    found = trends(
        {one.paper.id: one.observations for one in kept},
        now,
        pictured={one.paper.id for one in kept if one.paper.media_urls},
        reliability=terms.reliability,
    )
    running = list[tuple[Kept, Trend, Hand]]()
    for one in kept:
        hand = hands.get(one.paper.id, NO_HAND)
        trend = found.get(one.paper.id) or _trend_without_signs(hand, terms)
        if trend is not None and not hand.hidden:
            running.append((one, trend, hand))
    if not running:
        return None
    ranked = _ranked(running, catalogue, beside, terms, since)
    snapshot = renderer.freeze(
        masthead=terms.masthead,
        imprint=terms.imprint,
        day=day,
        entries=[entry for _, entry in ranked],
        topics=catalogue.topics.values(),
        languages=_languages(database, renderer, terms),
        origins=terms.origins,
    )
    with database.write() as connection:
        return issues.freeze(connection, day, now, [one for one, _ in ranked], snapshot)


def _ranked(
    running: Sequence[tuple[Kept, Trend, Hand]],
    catalogue: Catalogue,
    beside: Sequence[Paper],
    terms: Terms,
    since: datetime,
) -> list[tuple[Candidate, Entry]]:
    """The candidates with their topics, pinned and most trending first, one of nearly the same."""

    def standing(one: tuple[Kept, Trend, Hand]) -> tuple[bool, float, int, PaperId]:
        kept, trend, hand = one
        seen = kept.first_seen_at.date().toordinal()
        return not _is_pinned(hand, since), -trend.score, -seen, kept.paper.id

    best = sorted(running, key=standing)
    matcher = Matcher([one.paper for one, _, _ in best], beside, terms.embedder)
    found = matcher.match(catalogue)
    twins = matcher.twins()
    return [
        (
            Candidate(
                paper_id=kept.paper.id,
                seen=kept.first_seen_at.date(),
                trend=trend.score,
                matches={match.topic: match.strength for match in matches},
                pinned=_is_pinned(hand, since),
            ),
            Entry(paper=kept.paper, trend=trend, pinned=_is_pinned(hand, since), note=hand.note),
        )
        for (kept, trend, hand), matches in zip(best, found, strict=True)
        if kept.paper.id not in twins
    ]


def _is_pinned(hand: Hand, since: datetime) -> bool:
    return hand.pinned_at is not None and hand.pinned_at >= since


def draw_again(
    database: Database, renderer: Renderer, catalogue: Catalogue, terms: Terms, issue: Issue
) -> Issue:
    """The issue as templates, settings and papers are now; kept is nothing. For previews."""
    with database.read() as connection:
        hands = editor_acts.hands(connection)
        kept = {one.paper_id: papers.get(connection, one.paper_id) for one in issue.candidates}
    found = trends(
        {name: one.observations for name, one in kept.items()},
        issue.composed_at,
        pictured={name for name, one in kept.items() if one.paper.media_urls},
        reliability=terms.reliability,
    )
    entries = [
        Entry(
            paper=replace(kept[one.paper_id].paper, id=one.paper_id),
            trend=found.get(one.paper_id, UNTOLD),
            pinned=one.pinned,
            note=hands.get(kept[one.paper_id].paper.id, NO_HAND).note,
        )
        for one in issue.candidates
    ]
    snapshot = renderer.freeze(
        masthead=terms.masthead,
        imprint=terms.imprint,
        day=issue.day,
        entries=entries,
        topics=catalogue.topics.values(),
        languages=_languages(database, renderer, terms),
        origins=terms.origins,
    )
    return replace(issue, snapshot=snapshot)


def _languages(database: Database, renderer: Renderer, terms: Terms) -> list[str]:
    """The publication's language first, then those that readers chose and that there still are."""
    with database.read() as connection:
        chosen = subscribers.languages(connection)
    there = set(renderer.templates.known_languages())
    return [terms.language, *sorted((chosen & there) - {terms.language})]


def _is_wanted(hand: Hand, since: datetime) -> bool:
    """Whether an editor brings a paper into the window that it may be too old for."""
    times = (hand.pinned_at, hand.added_at)
    return any(at is not None and at >= since for at in times)


def _trend_without_signs(hand: Hand, terms: Terms) -> Trend | None:
    """The trend of a paper without votes or a place in a list; None: it is no candidate."""
    if hand.pinned_at or hand.added_at:
        return ADDED
    return UNTOLD if terms.new_papers else None
