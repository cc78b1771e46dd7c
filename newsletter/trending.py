"""How much papers are trending: observations in, for each one number in (0, 1] and its reason out.

Votes of different days say nothing beside each other: a quiet day's best has fewer than a busy
day's tenth. So a paper is measured by its standing in the list it was seen in. Where a source
tells positions, `p` of `n`; where it tells votes, its place by votes among the papers of the same
source and day, of equal votes the middle place. Then::

    standing = (n - p + 1) / n
    trend    = 0.5 + 0.5 * standing

so that the last of a curated list, which somebody still chose, is worth half of the first. Of each
source the latest observation counts, the better of several sources wins. A paper without any
sign can be given a trend by what is known of it besides: an editor wants it (0.5), or it is new
and the operator wants such papers to fill digests (0.25).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from newsletter.papers import Observation, PaperId

WEAKEST = 0.5  # the last of a curated list was still chosen by somebody
NEW = 0.25  # nobody has spoken of it yet
RISE = 0.25  # votes gained, as a share of those before, that make a paper a rising one
RISE_LEAST = 3  # votes; less is noise
RISE_AFTER = timedelta(hours=12)  # papers are voted for by day: two looks in one day say little


@dataclass(frozen=True, kw_only=True)
class Trend:
    """How much a paper is trending, and by what."""

    score: float  # in (0, 1]
    position: int | None = None  # in the list that counted
    of: int | None = None
    votes: int | None = None
    day: date | None = None  # of that list, where it is one by votes
    rising: bool = False  # whether its votes grew a lot since half a day before or more


ADDED = Trend(score=WEAKEST)
UNTOLD = Trend(score=NEW)


def trends(seen: Mapping[PaperId, Iterable[Observation]]) -> dict[PaperId, Trend]:
    """The trend of every paper with a sign of one, measured against the others given here."""
    kept = {name: list(observations) for name, observations in seen.items()}
    latest = [one for observations in kept.values() for one in _latest(observations)]
    lists: dict[tuple[str, date], list[int]] = defaultdict(list)
    for one in latest:
        if one.position is None and one.votes is not None:
            lists[one.source, one.list_day].append(one.votes)
    for votes in lists.values():
        votes.sort()
    found: dict[PaperId, Trend] = {}
    for one in latest:
        trend = _trend(one, lists.get((one.source, one.list_day), []))
        before = found.get(one.paper_id)
        if trend and (before is None or _prior(trend) > _prior(before)):
            found[one.paper_id] = trend
    return {
        name: replace(trend, rising=True) if _is_rising(kept[name]) else trend
        for name, trend in found.items()
    }


def _is_rising(observations: Iterable[Observation]) -> bool:
    """Whether a source's latest votes are more, by RISE of them, than RISE_AFTER earlier."""
    by_source: dict[str, list[Observation]] = defaultdict(list)
    for one in observations:
        if one.votes is not None:
            by_source[one.source].append(one)
    for seen in by_source.values():
        last = max(seen, key=lambda one: one.at)
        before = [one for one in seen if one.at <= last.at - RISE_AFTER]
        if not before or last.votes is None:
            continue
        then = max(before, key=lambda one: one.at).votes or 0
        if last.votes - then >= max(RISE_LEAST, RISE * then):
            return True
    return False


def _latest(observations: Iterable[Observation]) -> Iterable[Observation]:
    latest: dict[str, Observation] = {}
    for seen in observations:
        if seen.votes is None and not (seen.position is not None and seen.of):
            continue
        before = latest.get(seen.source)
        if before is None or seen.at > before.at:
            latest[seen.source] = seen
    return latest.values()


def _trend(seen: Observation, votes: list[int]) -> Trend | None:
    if seen.position is not None and seen.of:
        return _standing(seen.position, seen.position, seen.of, seen.votes)
    if seen.votes is None:
        return None
    of = len(votes)
    first = of - bisect_right(votes, seen.votes) + 1
    last = of - bisect_left(votes, seen.votes)
    return replace(_standing(first, last, of, seen.votes), day=seen.list_day)


def _standing(first: int, last: int, of: int, votes: int | None) -> Trend:
    """Of a paper that shares the places `first` to `last`."""
    standing = (of - (first + last) / 2 + 1) / of
    return Trend(score=WEAKEST + (1 - WEAKEST) * standing, position=first, of=of, votes=votes)


def _prior(trend: Trend) -> tuple[float, int]:
    return trend.score, -(trend.position or 0)
