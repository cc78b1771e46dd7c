"""What the present settings would have sent on days that are over, from what is stored of them.

Candidates, trends and selection are those of `compose`, day after day, for the readers there are
now; nothing is kept. What was sent in truth plays no part, nor does what readers voted: it is what
the outcome is measured by.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from math import log2

from newsletter.editor import Hand
from newsletter.papers import PaperId
from newsletter.pipeline.candidates import Running, Terms, as_of, ranked
from newsletter.pipeline.topics import background
from newsletter.selection import Field, Selection, Wishes
from newsletter.store import editor_acts, papers, votes
from newsletter.store.database import Connection
from newsletter.store.papers import Kept
from newsletter.topics import Catalogue
from subscribers import schedule
from subscribers.model import Subscriber

DEEP = 10  # places that agreement looks at


@dataclass(frozen=True, kw_only=True)
class Day:
    """What one issue would have been."""

    day: date
    candidates: int
    readers: int  # whose day it was
    empty: int  # of them, with nothing
    picks: int
    agreement: float | None  # nDCG@10 of the trend with later votes; None: none came later
    hindsight: int  # candidates that were only looked at after the day


@dataclass(kw_only=True)
class Coverage:
    """How a followed topic fared."""

    followers: int = 0
    digests: int = 0  # of followers, on days with papers of it they had not had
    served: int = 0  # of those, with a paper of it
    starved: int = 0  # twice running without one, while it had papers

    @property
    def share(self) -> float:
        """Of the digests that could have had it."""
        return self.served / self.digests if self.digests else 0.0


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """What came of all days."""

    days: tuple[Day, ...]
    topics: Mapping[str, Coverage]
    repeats: int  # papers sent to a reader twice
    readers: int
    liked: int  # picks of which their reader wanted more, whenever that was said
    disliked: int

    @property
    def agreement(self) -> float | None:
        """The mean over days that have one."""
        told = [one.agreement for one in self.days if one.agreement is not None]
        return sum(told) / len(told) if told else None


@dataclass(kw_only=True)
class _Memory:
    """What one reader had so far."""

    had: set[PaperId] = field(default_factory=set)
    missed: set[str] = field(default_factory=set)  # topics of which the last digest had nothing
    seen: bool = False  # whether there was a last digest


def backtest(
    connection: Connection,
    catalogue: Catalogue,
    terms: Terms,
    days: Sequence[date],
    readers: Sequence[Subscriber],
    at: time = time(6),
    progress: Callable[[int], None] = lambda _: None,
) -> Backtest:
    """Goes over the days, composing each at `at` in the publication's zone."""
    first = datetime.combine(days[0], at, terms.zone) - terms.window
    touched = editor_acts.hands(connection)
    stored = papers.since(connection, first, besides=list(touched))
    beside = background(connection, catalogue, first)
    memory: dict[int, _Memory] = defaultdict(_Memory)
    coverage: dict[str, Coverage] = defaultdict(Coverage)
    followers = Counter(slug for one in readers for slug in one.preferences.follows)
    told: list[Day] = []
    repeats = liked = disliked = 0
    voted = votes.of_readers(connection, [one.id for one in readers]) if readers else {}
    said = {
        (who, vote.paper_id): vote.value
        for who, cast in voted.items()
        for vote in cast
        if not vote.clicked
    }
    for day in days:
        now = datetime.combine(day, at, terms.zone)
        hands = editor_acts.hands(connection, now)
        window = _in_window(stored, now - terms.window, hands)
        field_ = ranked(as_of(window, now), hands, catalogue, beside, terms, now)
        due = [one for one in readers if schedule.due(one.preferences, day) is not None]
        issue = Field([one.candidate for one in field_], day, weights=terms.weights)
        chosen = issue.select([_wishes(one, memory[one.id]) for one in due])
        for reader, selection in zip(due, chosen, strict=True):
            repeats += sum(pick.paper_id in memory[reader.id].had for pick in selection.picks)
            words = [said.get((reader.id, pick.paper_id), 0) for pick in selection.picks]
            liked += words.count(1)
            disliked += words.count(-1)
            _remember(reader, selection, field_, memory[reader.id], coverage)
        told.append(_day(day, field_, due, chosen, stored, now))
        progress(1)
    for slug, many in followers.items():
        coverage[slug].followers = many
    return Backtest(
        days=tuple(told),
        topics=dict(coverage),
        repeats=repeats,
        readers=len(readers),
        liked=liked,
        disliked=disliked,
    )


def _in_window(
    stored: Iterable[Kept], since: datetime, hands: Mapping[PaperId, Hand]
) -> list[Kept]:
    return [
        one
        for one in stored
        if one.first_seen_at >= since
        or one.paper.id in hands
        or any(sign.listed and sign.listed >= since.date() for sign in one.observations)
    ]


def _wishes(reader: Subscriber, memory: _Memory) -> Wishes:
    wants = reader.preferences
    return Wishes(
        follows=wants.follows,
        mutes=wants.mutes,
        length=wants.length,
        discover=wants.discover,
        had=frozenset(memory.had),
        starved=frozenset(memory.missed) if memory.seen else frozenset(),
    )


def _remember(
    reader: Subscriber,
    selection: Selection,
    candidates: Sequence[Running],
    memory: _Memory,
    coverage: dict[str, Coverage],
) -> None:
    wants = reader.preferences
    got = {slug for pick in selection.picks for slug in pick.reasons}
    there = {
        slug
        for one in candidates
        if one.candidate.paper_id not in memory.had
        and wants.mutes.isdisjoint(one.candidate.matches)
        for slug in one.candidate.matches
        if slug in wants.follows
    }
    for slug in there:
        coverage[slug].digests += 1
        coverage[slug].served += slug in got
        coverage[slug].starved += slug not in got and memory.seen and slug in memory.missed
    memory.had.update(pick.paper_id for pick in selection.picks)
    memory.missed = set(wants.follows) - got
    memory.seen = True


def _day(
    day: date,
    candidates: Sequence[Running],
    due: Sequence[Subscriber],
    chosen: Sequence[Selection],
    stored: Iterable[Kept],
    now: datetime,
) -> Day:
    later: dict[PaperId, int] = {}
    hindsight = 0
    shown = {one.paper.id for one in candidates}
    for one in stored:
        signs = [sign for sign in one.observations if sign.votes is not None]
        before = [sign for sign in signs if sign.at <= now]
        if one.paper.id not in shown or not signs:
            continue
        if not before:
            hindsight += 1
        elif signs[-1].at > now:
            later[one.paper.id] = signs[-1].votes or 0
    order = [one.paper.id for one in candidates if one.paper.id in later]
    return Day(
        day=day,
        candidates=len(candidates),
        readers=len(due),
        empty=sum(not one.picks for one in chosen),
        picks=sum(len(one.picks) for one in chosen),
        agreement=ndcg([later[name] for name in order]) if len(order) > 1 else None,
        hindsight=hindsight,
    )


def ndcg(gains: Sequence[int], deep: int = DEEP) -> float | None:
    """How good an order is, in [0, 1]: nDCG (Järvelin and Kekäläinen, 2002) of gains as ordered."""

    def worth(ordered: Sequence[int]) -> float:
        return sum(gain / log2(place + 2) for place, gain in enumerate(ordered[:deep]))

    best = worth(sorted(gains, reverse=True))
    return worth(gains) / best if best else None


def days_between(first: date, last: date) -> list[date]:
    """Every day from one to another, both among them."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
