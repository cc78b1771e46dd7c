"""Which papers an issue may carry as of an instant, with their trends and topics, best first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from newsletter.calendar import Calendar
from newsletter.editor import NO_HAND, Hand
from newsletter.language import ENGLISH
from newsletter.matching import Matcher
from newsletter.papers import Paper, PaperId
from newsletter.pipeline.topics import background
from newsletter.selection import Candidate, Weights
from newsletter.snapshot import Masthead
from newsletter.store import editor_acts, papers
from newsletter.store.database import Connection
from newsletter.store.papers import Kept
from newsletter.text import Embedder
from newsletter.topics import Catalogue
from newsletter.trending import ADDED, UNTOLD, Trend, trends
from subscribers.model import EVERY_DAY


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the operator settled for every issue."""

    masthead: Masthead
    imprint: str  # the postal address
    zone: ZoneInfo  # decides the date
    window: timedelta  # how long a paper stays a candidate
    new_papers: bool = False  # whether papers that nobody has spoken of yet may fill digests
    language: str = ENGLISH  # of readers who chose none
    embedder: Embedder | None = None  # None: texts are compared by their words alone
    origins: tuple[str, ...] = ()  # where the papers are from
    reliability: Mapping[str, float] = field(default_factory=dict)  # of sources, by name
    weights: Weights = field(default_factory=Weights)
    compose_at: time = time(5, 0)  # in `zone`: from when on the day's issue is composed
    weekdays: frozenset[int] = EVERY_DAY  # that issues come out on
    holidays: frozenset[date] = frozenset()
    least_papers: int = 0  # that no issue had yet, or there is nothing worth an issue
    hold: bool = False  # whether an issue waits for an editor
    editor: str | None = None  # who is asked then

    def calendar(self, skipped: frozenset[date] = frozenset()) -> Calendar:
        """When issues come out, less the days an operator skipped."""
        return Calendar(
            zone=self.zone,
            compose_at=self.compose_at,
            weekdays=self.weekdays,
            free_days=self.holidays | skipped,
        )


@dataclass(frozen=True, kw_only=True)
class Running:
    """A paper that an issue may carry, and all that is known of it then."""

    paper: Paper
    trend: Trend
    candidate: Candidate
    note: str  # the editor's


def running(
    connection: Connection, catalogue: Catalogue, terms: Terms, now: datetime
) -> list[Running]:
    """The candidates of an issue composed at `now`, pinned and most trending first.

    Of papers that are nearly the same, the one seen first.
    """
    since = now - terms.window
    hands = editor_acts.hands(connection)
    wanted = [paper_id for paper_id, hand in hands.items() if _is_wanted(hand, since)]
    kept = papers.since(connection, since, besides=wanted)
    return ranked(kept, hands, catalogue, background(connection, catalogue, since), terms, now)


def ranked(
    kept: Iterable[Kept],
    hands: dict[PaperId, Hand],
    catalogue: Catalogue,
    beside: Iterable[Paper],
    terms: Terms,
    now: datetime,
) -> list[Running]:
    """Papers with their trends and topics at `now`, pinned and most trending first.

    `beside` are older papers, which tell how rare a word is.
    """
    since = now - terms.window
    known = {one.paper.id: one for one in kept}
    found = trends_of(known, terms, now)
    best = list[tuple[Kept, Trend, Hand]]()
    for name, one in known.items():
        hand = hands.get(name, NO_HAND)
        trend = found.get(name) or _trend_without_signs(hand, terms)
        if trend is not None:
            best.append((one, trend, hand))

    def standing(one: tuple[Kept, Trend, Hand]) -> tuple[bool, float, int, PaperId]:
        kept, trend, hand = one
        seen = kept.first_seen_at.date().toordinal()
        return not _is_pinned(hand, since), -trend.score, -seen, kept.paper.id

    best.sort(key=standing)
    matcher = Matcher([one.paper for one, _, _ in best], list(beside), terms.embedder)
    topics = matcher.match(catalogue)
    left, lifted = _without_twins(best, matcher.twins(), since)
    return [
        Running(
            paper=one.paper,
            trend=lifted.get(at, trend),
            candidate=Candidate(
                paper_id=one.paper.id,
                seen=one.first_seen_at.date(),
                trend=lifted.get(at, trend).score,
                matches={match.topic: match.strength for match in matches},
                pinned=_is_pinned(hand, since),
            ),
            note=hand.note,
        )
        for at, ((one, trend, hand), matches) in enumerate(zip(best, topics, strict=True))
        if at in left
    ]


def trends_of(kept: Mapping[PaperId, Kept], terms: Terms, now: datetime) -> dict[PaperId, Trend]:
    """The trend of every paper with a sign of one, measured against the others given here."""
    return trends(
        {name: one.observations for name, one in kept.items()},
        now,
        pictured={name for name, one in kept.items() if one.paper.media_urls},
        reliability=terms.reliability,
    )


def _without_twins(
    best: list[tuple[Kept, Trend, Hand]], twins: Iterable[list[int]], since: datetime
) -> tuple[set[int], dict[int, Trend]]:
    """The places that are left when papers nearly the same are one, and what lifts some of them.

    What stands for all of them is the one seen first, every day anew, so that who had it is known
    to have had them; it gets the best trend of them. If the editor hid one, none is left.
    """
    left = {at for at, (_, _, hand) in enumerate(best) if not hand.hidden}
    lifted: dict[int, Trend] = {}
    for group in twins:
        hidden = any(best[at][2].hidden for at in group)
        stays = min(
            group,
            key=lambda at: (
                not _is_pinned(best[at][2], since),
                best[at][0].first_seen_at,
                best[at][0].paper.id,
            ),
        )
        left -= set(group) if hidden else set(group) - {stays}
        lifted[stays] = max((best[at][1] for at in group), key=lambda trend: trend.score)
    return left, lifted


def as_of(kept: Iterable[Kept], now: datetime) -> list[Kept]:
    """Papers as they were known at an instant; those not known then are left out.

    What was only looked at later is taken as if it had been seen then, if it stood in the list of
    a day before: a day that was collected afterwards can be gone over, with hindsight.
    """
    known = list[Kept]()
    for one in kept:
        seen = [sign for sign in one.observations if sign.at <= now]
        if not seen:
            later = (s for s in one.observations if s.listed is not None and s.listed < now.date())
            seen = [replace(sign, at=now) for sign in later][:1]
        if seen or one.first_seen_at <= now:
            first = min([one.first_seen_at, *(sign.at for sign in seen)])
            known.append(replace(one, observations=tuple(seen), first_seen_at=first))
    return known


def _is_pinned(hand: Hand, since: datetime) -> bool:
    return hand.pinned_at is not None and hand.pinned_at >= since


def _is_wanted(hand: Hand, since: datetime) -> bool:
    """Whether an editor brings a paper into the window that it may be too old for."""
    times = (hand.pinned_at, hand.added_at)
    return any(at is not None and at >= since for at in times)


def _trend_without_signs(hand: Hand, terms: Terms) -> Trend | None:
    """The trend of a paper without votes or a place in a list; None: it is no candidate."""
    if hand.pinned_at or hand.added_at:
        return ADDED
    return UNTOLD if terms.new_papers else None
