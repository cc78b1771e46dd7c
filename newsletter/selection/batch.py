"""The arithmetic of selection, for a batch of readers at once.

R readers, C candidates, T topics, K candidates on a shortlist. A score is a whole number, match
times weight. All scores that a topic can give a paper are known before any reader is looked at,
so each gets a rank, from 1, no two alike: the best of a reader's topics is the highest rank, and
the rank tells paper, topic and score. What is compared a reader and paper is thus one small number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

WHOLE = 4095  # what 1 is in whole numbers; two of them multiplied are exact in 32 bits
SPARE = 22  # candidates a shortlist has beyond the length asked for
STARVED = 1000  # starved topics looked at at once
NONE = -1

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Ranks = NDArray[np.uint32]

_FORCED = np.uint32(1 << 30)  # added to a rank that comes before all others
_PIN, _FORCE = np.int64(1) << 50, np.int64(1) << 51  # the same for scores


@dataclass(frozen=True)
class Arrays:
    """An issue's candidates, most trending first."""

    match: Ints  # (T, C), of `WHOLE`; 0: the paper is not under the topic
    weight: Ints  # (C,), trend times freshness, of `WHOLE`
    pinned: Bools  # (C,)
    sizes: Longs | None = None  # (C,), bytes of its card
    room: int = 0  # bytes
    repeat: float = 0.9  # what the next paper of the same topic counts

    @property
    def nothing(self) -> int:
        """The row of `ranks` of who follows a topic that no paper is under."""
        return len(self.match)

    @property
    def everything(self) -> int:
        """The row of who follows nothing and so gets whatever is trending."""
        return len(self.match) + 1

    @cached_property
    def _ranked(self) -> tuple[Ranks, Ints, Ints, Longs]:
        """`ranks`, and of each rank its candidate, topic and score."""
        topics, many = self.match.shape
        scores = np.zeros((topics + 2, many), np.int64)
        scores[:topics] = self.match.astype(np.int64) * self.weight
        scores[self.everything] = WHOLE * self.weight.astype(np.int64)
        scores[:, self.pinned] = 0  # in a row of everybody's, below
        pinned = np.flatnonzero(self.pinned)
        row, at = np.nonzero(scores)
        row = np.concatenate([row, np.full(len(pinned), self.nothing)])
        at = np.concatenate([at, pinned])
        score = np.concatenate([scores[scores > 0], WHOLE * self.weight[pinned].astype(np.int64)])
        order = np.lexsort((-row, -at, score, self.pinned[at]))
        row, at, score = row[order], at[order], score[order]
        ranks = np.zeros(scores.shape, np.uint32)
        ranks[row, at] = np.arange(1, len(order) + 1, dtype=np.uint32)
        ranks[:, pinned] = ranks[self.nothing, pinned]
        topic = np.where(row < topics, row, NONE)
        topic = np.where(row == self.everything, self.surest[at], topic)
        return (
            ranks,
            np.concatenate([[0], at]).astype(np.int32),
            np.concatenate([[NONE], topic]).astype(np.int32),
            np.concatenate([[0], score]),
        )

    @property
    def ranks(self) -> Ranks:
        """(T + 2, C): how a paper ranks among all by a topic, higher is better; 0: it is not there.

        What is pinned ranks above all others, in every row.
        """
        return self._ranked[0]

    @property
    def told(self) -> tuple[Ints, Ints, Longs]:
        """Of each rank, the candidate, the topic (NONE where none brought it in) and the score."""
        return self._ranked[1:]

    @cached_property
    def surest(self) -> Ints:
        """(C,), the topic each is surest of, the first of equals; NONE: it is under none."""
        if not len(self.match):
            return np.full(len(self.weight), NONE, np.int32)
        best = self.match.argmax(axis=0).astype(np.int32)
        return np.where(self.match.max(axis=0) > 0, best, NONE).astype(np.int32)

    @cached_property
    def repeats(self) -> Floats:
        """What a paper counts that is the n-th of its topic, from 0; powers, so made once."""
        return np.array([self.repeat**times for times in range(64)])


@dataclass(frozen=True)
class Lists:
    """A list of numbers for each of R readers, one after the other."""

    reader: Longs  # whose each number is, ascending
    number: Longs

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]]) -> Lists:
        """From a list a reader."""
        lengths = np.fromiter(map(len, lists), np.int64, len(lists))
        flat = np.fromiter(chain.from_iterable(lists), np.int64, int(lengths.sum()))
        return cls(np.repeat(np.arange(len(lists)), lengths), flat)


@dataclass(frozen=True)
class Readers:
    """What a batch of readers wants; topics and candidates by their number."""

    follows: Lists  # rows of `Arrays.ranks`, one at least a reader
    mutes: Lists  # topics
    had: Lists  # candidates
    starved: Lists  # topics
    length: Longs  # (R,)
    discover: Bools  # (R,)
    fit: tuple[Longs, Longs, Floats]  # reader, candidate, factor

    def __len__(self) -> int:
        return len(self.length)


class Batch:
    """What selection makes of candidates for readers."""

    def __init__(self, field: Arrays, readers: Readers) -> None:
        self.field = field
        self.readers = readers
        self._many = len(field.weight)
        self.rank = self._best()  # (R, C): of each paper for each reader; 0: it does not fit
        self._free = self.rank.copy()  # and 0 where the reader had it
        self._free[readers.had.reader, readers.had.number] = 0
        forced = self._forced()
        self.at, self.score, topic, self.forced = self._shortlist(forced)
        self.repeats = _repeats(np.where(self.score > 0, topic, NONE))
        self.worth = self.score * field.repeats[np.minimum(self.repeats, 63)]
        self.picked = self._cut(self._with_discoveries(self._choose()))

    def _best(self) -> Ranks:
        """The highest rank that any of a reader's topics gives a paper, (R, C); 0 if muted."""
        follows = self.readers.follows
        starts = np.searchsorted(follows.reader, np.arange(len(self.readers)))
        found: Ranks = np.maximum.reduceat(self.field.ranks[follows.number], starts, axis=0)
        mutes = self.readers.mutes
        for reader, topic in zip(mutes.reader, mutes.number, strict=True):
            found[reader, self.field.match[topic] > 0] = 0
        return found

    def _forced(self) -> tuple[Longs, Longs]:
        """The best paper of each topic that was starved: readers and candidates.

        What is pinned comes first anyway.
        """
        starved = self.readers.starved
        best = np.zeros(len(starved.number), np.int64)
        there = np.zeros(len(best), np.bool_)
        for start in range(0, len(best), STARVED):
            some = slice(start, start + STARVED)
            mine = self._scores(starved.reader[some])
            mine[self.field.match[starved.number[some]] == 0] = 0
            best[some] = mine.argmax(axis=1)
            there[some] = np.take_along_axis(mine, best[some, None], 1)[:, 0] > 0
        there &= ~self.field.pinned[best]
        return starved.reader[there], best[there]

    def _scores(self, readers: Longs) -> Longs:
        """The scores of free papers for some readers, unlike for each paper, (readers, C)."""
        score = self.field.told[2][self._free[readers]]
        if len(self.readers.fit[0]):
            fitted = np.maximum(1, np.rint(score * self._factors(readers))).astype(np.int64)
            score = np.where(score > 0, fitted, 0)
        order = np.arange(self._many - 1, -1, -1, dtype=np.int64)
        return np.where(score > 0, score * self._many + order, 0)

    def _factors(self, readers: Longs) -> Floats:
        reader, at, factor = self.readers.fit
        full = np.ones((len(self.readers), self._many))
        full[reader, at] = factor
        return full[readers]

    def _shortlist(self, forced: tuple[Longs, Longs]) -> tuple[Ints, Longs, Ints, Bools]:
        """The best free candidates, best first: themselves, score, topic, forced; all (R, K)."""
        wanted = min(self._many, int(self.readers.length.max()) + SPARE)
        keys = self._free.copy()
        keys[forced] |= _FORCED
        best = _highest(keys, wanted)
        must = best >= _FORCED
        best = np.sort((best & ~_FORCED) * np.uint32(2) + must, axis=1)[:, ::-1]
        must, best = (best & 1) == 1, best >> np.uint32(1)
        candidate, topic, score = self.field.told
        found = candidate[best], score[best], topic[best], must
        fitted = np.unique(self.readers.fit[0])
        if len(fitted):
            at, scores, topics, musts = self._fitted(fitted, forced, wanted)
            for whole, mine in zip(found, (at, scores, topics, musts), strict=True):
                whole[fitted] = mine
        return found

    def _fitted(
        self, readers: Longs, forced: tuple[Longs, Longs], wanted: int
    ) -> tuple[Ints, Longs, Ints, Bools]:
        """The same for readers whose votes count: scores are theirs alone."""
        score = self._scores(readers)
        must = np.zeros(self.rank.shape, np.bool_)
        must[forced] = True
        must = must[readers]
        key = score + _PIN * (self.field.pinned & (score > 0))
        at = np.argsort(-(key + _FORCE * must), axis=1)[:, :wanted]
        at = np.take_along_axis(at, np.argsort(-np.take_along_axis(key, at, 1), axis=1), 1)
        here = np.take_along_axis(self._free[readers], at, 1)
        return (
            at.astype(np.int32),
            np.take_along_axis(score, at, 1) // self._many,
            self.field.told[1][here],
            np.take_along_axis(must, at, 1),
        )

    def _choose(self) -> Ints:
        """The candidates of each digest, in its order, (R, the longest); NONE beyond its end."""
        there = self.score > 0
        pinned = self.field.pinned[self.at]
        group = np.where(pinned, 0, np.where(self.forced, 1, 2)).astype(np.int8)
        group[~there] = 3
        rank = np.lexsort((-self.worth, group), axis=1)[:, : int(self.readers.length.max())]
        taken = np.take_along_axis(there, rank, 1)
        taken &= np.arange(rank.shape[1]) < self.readers.length[:, None]
        again = np.flatnonzero(self.forced.any(axis=1))
        if len(again):  # what came first for its topic stands where its worth puts it
            places = np.where(taken[again], rank[again], self.at.shape[1])
            order = np.sort(places, axis=1)  # the shortlist's own order settles ties
            more = np.pad(self.worth[again], ((0, 0), (0, 1)), constant_values=NONE)
            first = np.pad(pinned[again], ((0, 0), (0, 1)))
            worth = np.take_along_axis(more, order, 1)
            lead = np.take_along_axis(first, order, 1)
            turn = np.lexsort((-worth, ~lead), axis=1)
            ordered = np.take_along_axis(order, turn, 1)
            taken[again] = ordered < self.at.shape[1]
            rank[again] = np.minimum(ordered, self.at.shape[1] - 1)
        return np.where(taken, np.take_along_axis(self.at, rank, 1), NONE).astype(np.int32)

    def _with_discoveries(self, picked: Ints) -> Ints:
        """As the last pick of who wants it, the most trending paper of other topics."""
        wanting = np.flatnonzero(self.readers.discover)
        if not len(wanting):
            return picked
        other = ~(self.fits | self.muted | self.had)[wanting]
        best = np.where(other, self.field.weight, 0).argmax(axis=1)
        there = other[np.arange(len(wanting)), best]
        count = (picked[wanting] != NONE).sum(axis=1)
        length = self.readers.length[wanting]
        end = np.minimum(count, length - 1)
        full = count == length
        if picked.shape[1] <= int(end.max(initial=0)):  # of so few papers that none is left out
            picked = np.pad(picked, ((0, 0), (0, 1)), constant_values=NONE)
        there &= ~full | ((length > 1) & ~self._must(wanting, picked[wanting, end]))
        picked[wanting[there], end[there]] = best[there]
        return picked

    def _must(self, readers: NDArray[np.intp], picked: Ints) -> Bools:
        """Whether a pick of each of some readers is pinned, or comes first for its topic."""
        forced = ((self.at[readers] == picked[:, None]) & self.forced[readers]).any(axis=1)
        found: Bools = forced | self.field.pinned[picked]
        return found

    def _cut(self, picked: Ints) -> Ints:
        """As many as have room, and one at least."""
        if self.field.sizes is None:
            return picked
        there = picked != NONE
        total = np.cumsum(np.where(there, self.field.sizes[picked], 0), axis=1)
        fits = total <= self.field.room
        fits[:, 0] = True
        return np.where(there & fits, picked, NONE).astype(np.int32)

    @cached_property
    def fits(self) -> Bools:
        """Which candidates are under a topic of each reader, or pinned, and not muted, (R, C)."""
        return self.rank > 0

    @cached_property
    def muted(self) -> Bools:
        """Which are under a topic the reader muted, (R, C)."""
        muted = np.zeros(self.rank.shape, np.bool_)
        for reader, topic in zip(self.readers.mutes.reader, self.readers.mutes.number, strict=True):
            muted[reader] |= self.field.match[topic] > 0
        return muted

    @cached_property
    def had(self) -> Bools:
        """Which the reader had, (R, C)."""
        had = np.zeros(self.rank.shape, np.bool_)
        had[self.readers.had.reader, self.readers.had.number] = True
        return had

    @cached_property
    def free(self) -> Bools:
        """Which might be picked, (R, C)."""
        return self._free > 0

    @property
    def counts(self) -> tuple[Longs, Longs, Longs, Longs]:
        """Of each reader, (R,): how many are under no topic of theirs, muted, had already, and how
        many might have been picked beside those that were."""
        matched, free = self.fits, self.free
        picked_free = np.take_along_axis(free, np.maximum(self.picked, 0), 1)
        return (
            (~matched & ~self.muted).sum(axis=1),
            self.muted.sum(axis=1),
            (self.had & matched).sum(axis=1),
            free.sum(axis=1) - (picked_free & (self.picked != NONE)).sum(axis=1),
        )

    @property
    def pick_scores(self) -> Longs:
        """The score of each pick, as `picked`; of a discovery that of its trend alone."""
        at = np.maximum(self.picked, 0)
        known = self.field.told[2][np.take_along_axis(self._free, at, 1)]
        fitted = np.unique(self.readers.fit[0])
        found = self.at[fitted, None, :] == self.picked[fitted, :, None]
        known[fitted] = np.where(found, self.score[fitted, None, :], 0).max(axis=2)
        return np.where(known > 0, known, WHOLE * self.field.weight[at].astype(np.int64))

    def scored(self, reader: int) -> Longs:
        """The score of every candidate that fits a reader, had or not, (C,)."""
        score = self.field.told[2][self.rank[reader]]
        factor = self._factors(np.array([reader]))[0]
        return np.where(score > 0, np.maximum(1, np.rint(score * factor)), 0).astype(np.int64)

    def picks(self, reader: int) -> list[int]:
        """The candidates of a reader's digest, in its order."""
        return [int(at) for at in self.picked[reader] if at != NONE]


def _highest(keys: Ranks, wanted: int) -> Ranks:
    """The `wanted` highest of each row, in any order."""
    if wanted >= keys.shape[1]:
        return keys
    return np.partition(keys, keys.shape[1] - wanted, axis=1)[:, keys.shape[1] - wanted :]


def _repeats(topic: NDArray[Any]) -> NDArray[np.int64]:
    """How many earlier ones in its row have the same topic, (R, K); 0 of those without."""
    order = np.argsort(topic, axis=1, kind="stable")
    ordered = np.take_along_axis(topic, order, 1)
    places = np.arange(topic.shape[1])[None, :]
    begins = np.ones(topic.shape, np.bool_)
    begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    run = places - np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    found = np.empty(topic.shape, np.int64)
    np.put_along_axis(found, order, run, 1)
    return np.where(topic == NONE, 0, found)
