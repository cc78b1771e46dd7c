"""How much papers are trending: observations in, for each one number in (0, 1] and its reason out.

Votes of different days say nothing beside each other: a quiet day's best has fewer than a busy
day's tenth. So a paper is measured by its standing in its list, the papers that one source showed
for one day, and only shares of lists are compared across days and sources. Of each source the
latest observation counts, as one sign::

    standing = (n - p + 1) / (n + 1)            place p of n; equals share the middle place
    ripe     = 0.5 + (standing - 0.5) * r       r: the share of its day a list by votes had run
    lift     = 0.5 * max(0, 2 * pace - 1)       pace: the standing of its votes gained an hour
    heat     = 1 - (1 - ripe) * (1 - lift)
    fade     = 0.5 + 0.5 * 2 ** (-age / 7 days) age: from the end of the list's day to `now`
    sign     = reliability * fade * (0.5 + 0.5 * heat)
    trend    = 1 - (1 - sign) * (1 - sign of another source) * ...

standing: the place that a list of n promises among all papers of its kind, the mean of an order
statistic, as Laplace's rule of succession has it; so the first of two is not as sure as the first
of forty. Where a source tells places, those; where it tells votes, the order of::

    weight = ln(1 + votes) + 0.2 * ln(1 + comments over 2) + 0.05 if it shows pictures

and 0 up to two votes, which come with being submitted. The logarithm because votes bring votes:
what differs is the factor (Szabo and Huberman, "Predicting the popularity of online content",
CACM 53(8), 2010, doi:10.1145/1787234.1787254). ripe: a list looked at in the morning is shrunk
towards its middle, because most of its votes are still to come. lift: noisy-or (Pearl,
"Probabilistic Reasoning in Intelligent Systems", 1988, 4.3.2), so that a riser gains and nobody
loses by standing still; less than 3 votes gained are none. fade: a half-life, down to what a paper
has of which nobody spoke; Hacker News's gravity, (votes - 1) / (hours + 2) ** 1.8, would empty a
weekly reader's digest of all but yesterday. trend: noisy-or once more; a silent source changes
nothing.

0.5 + 0.5 * heat: the last of a list was still chosen by somebody. A paper without any sign can be
given a trend by what is known of it besides: an editor wants it (0.5), or it is new and the
operator wants such papers to fill digests (0.25). What an editor pinned leads whatever its trend.
`docs/ranking.md` works an example.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import log1p, prod

from newsletter.papers import Observation, PaperId

WEAKEST = 0.5  # the last of a list was still chosen by somebody
NEW = 0.25  # nobody has spoken of it yet
HALF_LIFE = timedelta(days=7)  # a week old, a list's first counts like a fresh one's middle
FADED = NEW / WEAKEST  # where fading ends: below it one would rather be unknown
UNRIPE = 0.25  # the least share a list has run: early votes find most of the day's best
OWN = 2  # votes, and comments: the submitter's own, an author's, a machine's
COMMENTS = 0.2  # of a comment beside a vote
PICTURED = 0.05  # moves a paper past those with a twentieth more votes, no further
LIFT = 0.5  # of the way to the top, for the fastest
LOOK_BACK = timedelta(days=1)  # how far apart two looks are to tell a pace; less where they are not
SHORTEST = timedelta(hours=1)  # between two looks; less says nothing of an hour
RISE = 0.25  # votes gained, as a share of those before, that make a paper a rising one
RISE_LEAST = 3  # votes; less is noise
RISE_AFTER = timedelta(hours=12)  # papers are voted for by day: two looks in one day say little
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Sign:
    """What one source's list says of a paper, and how much that counts. Shares are in [0, 1]."""

    source: str
    score: float  # reliability * fade * (0.5 + 0.5 * heat)
    standing: float  # in its list
    ripeness: float  # r: how much of its day the list had run; 1 for one by places
    pace: float | None  # votes gained an hour; None: seen once
    lift: float  # by that pace, against the others of the list
    age: timedelta  # since the end of the list's day
    fade: float  # by that age
    reliability: float  # of the source
    position: int
    of: int
    votes: int | None = None
    day: date | None = None  # of the list, where it is one by votes


@dataclass(frozen=True, kw_only=True)
class Trend:
    """How much a paper is trending, and by what."""

    score: float  # in (0, 1]
    position: int | None = None  # in the list that counted most
    of: int | None = None
    votes: int | None = None
    day: date | None = None  # of that list, where it is one by votes
    rising: bool = False  # whether its votes grew a lot since half a day before or more
    signs: tuple[Sign, ...] = ()  # what made the score, strongest first


ADDED = Trend(score=WEAKEST)
UNTOLD = Trend(score=NEW)


@dataclass(kw_only=True)
class _List:
    """What the papers of one source and day reached, each in ascending order."""

    weights: list[float]
    paces: list[float]


def trends(
    seen: Mapping[PaperId, Iterable[Observation]],
    now: datetime,
    *,
    pictured: Collection[PaperId] = (),
    reliability: Mapping[str, float] | None = None,
) -> dict[PaperId, Trend]:
    """The trend at `now` of every paper with a sign of one, measured against the others given here.

    `pictured` are those that show pictures or films. `reliability`, in [0, 1], is by the name of
    the source, and 1 where not told. The order of observations does not matter.
    """
    trusted = reliability or {}
    latest: dict[PaperId, list[Observation]] = {}
    paces: dict[tuple[PaperId, str], float | None] = {}
    lists: dict[tuple[str, date], _List] = defaultdict(lambda: _List(weights=[], paces=[]))
    kept = {name: list(observations) for name, observations in seen.items()}
    for name, observations in kept.items():
        latest[name] = [last for history in _by_source(observations) if (last := _last(history))]
        for one in latest[name]:
            pace = _pace(one, observations)
            paces[name, one.source] = pace
            among = lists[one.source, one.list_day]
            if pace is not None:
                among.paces.append(pace)
            if not _has_place(one):
                among.weights.append(_weight(one, name in pictured))
    for among in lists.values():
        among.weights.sort()
        among.paces.sort()
    found: dict[PaperId, Trend] = {}
    for name, observations in kept.items():
        signs = [
            _sign(
                one,
                _place(one, lists[one.source, one.list_day], name in pictured),
                paces[name, one.source],
                lists[one.source, one.list_day].paces,
                trusted.get(one.source, 1.0),
                now,
            )
            for one in latest[name]
        ]
        if signs:
            found[name] = _trend(signs, rising=_is_rising(observations))
    return found


def _trend(signs: list[Sign], *, rising: bool) -> Trend:
    signs.sort(key=lambda sign: (-sign.score, sign.position, sign.source))
    best = signs[0]
    return Trend(
        score=1 - prod(1 - sign.score for sign in signs),
        position=best.position,
        of=best.of,
        votes=best.votes,
        day=best.day,
        rising=rising,
        signs=tuple(signs),
    )


def _sign(
    one: Observation,
    place: tuple[int, int, int],
    pace: float | None,
    paces: Sequence[float],
    reliability: float,
    now: datetime,
) -> Sign:
    first, last, of = place
    begins = datetime.combine(one.list_day, time(), UTC)
    is_by_votes = not _has_place(one)
    standing = _standing(first, last, of)
    ripeness = min(1.0, max(UNRIPE, (one.at - begins) / DAY)) if is_by_votes else 1.0
    lift = 0.0
    if pace is not None:
        lift = LIFT * max(0.0, 2 * _standing(*_places(pace, paces)) - 1)
    ripe = 0.5 + (standing - 0.5) * ripeness
    heat = 1 - (1 - ripe) * (1 - lift)
    age = max(timedelta(), now - (begins + DAY))
    fade = FADED + (1 - FADED) * 2 ** -(age / HALF_LIFE)
    return Sign(
        source=one.source,
        score=reliability * fade * (WEAKEST + (1 - WEAKEST) * heat),
        standing=standing,
        ripeness=ripeness,
        pace=pace,
        lift=lift,
        age=age,
        fade=fade,
        reliability=reliability,
        position=first,
        of=of,
        votes=one.votes,
        day=one.list_day if is_by_votes else None,
    )


def _standing(first: int, last: int, of: int) -> float:
    """Of what shares the places `first` to `last`."""
    return (of - (first + last) / 2 + 1) / (of + 1)


def _place(one: Observation, among: _List, pictured: bool) -> tuple[int, int, int]:
    """The first and the last place that a paper shares, and of how many."""
    if one.position is not None and one.of:
        place = min(max(one.position, 1), one.of)
        return place, place, one.of
    return _places(_weight(one, pictured), among.weights)


def _places(value: float, ascending: Sequence[float]) -> tuple[int, int, int]:
    of = len(ascending)
    return of - bisect_right(ascending, value) + 1, of - bisect_left(ascending, value), of


def _weight(one: Observation, pictured: bool) -> float:
    """What orders a list by votes."""
    votes = one.votes or 0
    if votes <= OWN:
        return 0.0
    talk = log1p(max(0, (one.comments or 0) - OWN))
    return log1p(votes) + COMMENTS * talk + (PICTURED if pictured else 0.0)


def _pace(last: Observation, observations: Iterable[Observation]) -> float | None:
    """Votes a source saw gained an hour, up to its last look; None where it looked once."""
    if last.votes is None:
        return None
    before = [
        one
        for one in observations
        if one.source == last.source
        and one.votes is not None
        and one.list_day == last.list_day
        and one.at <= last.at - SHORTEST
    ]
    if not before:
        return None
    far = [one for one in before if one.at <= last.at - LOOK_BACK]
    then = max(far, key=lambda one: one.at) if far else min(before, key=lambda one: one.at)
    gained = last.votes - (then.votes or 0)
    return 0.0 if gained < RISE_LEAST else gained / ((last.at - then.at) / timedelta(hours=1))


def _is_rising(observations: Iterable[Observation]) -> bool:
    """Whether a source's latest votes are more, by RISE of them, than RISE_AFTER earlier."""
    for history in _by_source(one for one in observations if one.votes is not None):
        last = max(history, key=lambda one: one.at)
        before = [one for one in history if one.at <= last.at - RISE_AFTER]
        if not before or last.votes is None:
            continue
        then = max(before, key=lambda one: one.at).votes or 0
        if last.votes - then >= max(RISE_LEAST, RISE * then):
            return True
    return False


def _by_source(observations: Iterable[Observation]) -> Iterable[list[Observation]]:
    found: dict[str, list[Observation]] = defaultdict(list)
    for one in observations:
        found[one.source].append(one)
    return found.values()


def _has_place(one: Observation) -> bool:
    return one.position is not None and bool(one.of)


def _last(history: Iterable[Observation]) -> Observation | None:
    """A source's latest word that tells a place or votes."""
    told = (one for one in history if one.votes is not None or _has_place(one))
    return max(told, key=lambda one: one.at, default=None)
