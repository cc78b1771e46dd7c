"""The arithmetic of selection, for a batch of readers at once.

R readers, C candidates, T topics, K candidates on a shortlist. All numbers that are compared are
whole ones, or products of whole ones with the same table, so that equal is equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

WHOLE = 4095  # what 1 is in whole numbers; two of them multiplied are exact in 32 bits
SPARE = 22  # candidates a shortlist has beyond the length asked for
NONE = -1

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

_PIN = np.int64(1) << 50  # above every score
_FORCE = np.int64(1) << 49


@dataclass(frozen=True)
class Arrays:
    """An issue's candidates, most trending first."""

    match: Ints  # (T + 1, C), of `WHOLE`; 0: the paper is not under the topic; the last row is 0
    weight: Ints  # (C,), trend times freshness, of `WHOLE`
    pinned: Bools  # (C,)
    surest: Ints  # (C,), the topic each is surest of; NONE: it is under none
    sizes: Longs | None = None  # (C,), bytes of its card
    room: int = 0  # bytes
    repeat: float = 0.9  # what the next paper of the same topic counts

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

    follows: Lists  # topics; of who follows none, the row that is 0
    everything: Bools  # (R,), whether the reader follows none and asks for whatever is trending
    mutes: Lists  # topics
    had: Lists  # candidates
    starved: Lists  # topics
    length: Longs  # (R,)
    discover: Bools  # (R,)
    fit: tuple[Longs, Longs, Floats]  # reader, candidate, factor

    def __len__(self) -> int:
        return len(self.length)


class Batch:
    """What selection makes of candidates for readers, step by step."""

    def __init__(self, field: Arrays, readers: Readers) -> None:
        self._field = field
        self._readers = readers
        self._many = len(field.weight)
        self.match = self._best_match()
        self.muted = self._under(readers.mutes)
        self.had = np.zeros(self.match.shape, np.bool_)
        self.had[readers.had.reader, readers.had.number] = True
        self.fits = ((self.match > 0) | field.pinned) & ~self.muted
        self.score = self._scores()
        self.free = self.fits & ~self.had
        self.forced = self._forced()
        self.at, self.repeats, self.worth = self._shortlist()
        self.picked = self._choose()

    def _best_match(self) -> Ints:
        """The strength of each reader's surest topic, (R, C); `WHOLE` for who follows none."""
        follows = self._readers.follows
        starts = np.searchsorted(follows.reader, np.arange(len(self._readers)))
        found: Ints = np.maximum.reduceat(self._field.match[follows.number], starts, axis=0)
        found[self._readers.everything] = WHOLE
        return found

    def _under(self, topics: Lists) -> Bools:
        """Which candidates are under any of a reader's topics, (R, C)."""
        under = np.zeros(self.match.shape, np.bool_)
        for reader, topic in zip(topics.reader, topics.number, strict=True):
            under[reader] |= self._field.match[topic] > 0
        return under

    def _scores(self) -> Longs:
        """Match times weight times fit, (R, C); 0 where a paper does not fit."""
        field = self._field
        score = np.where(self.fits, self.match, 0) * field.weight.astype(np.int64)
        pinned = np.flatnonzero(field.pinned)
        if len(pinned):  # off topic, it is worth its trend
            alone = WHOLE * field.weight[pinned].astype(np.int64)
            off = self.fits[:, pinned] & (self.match[:, pinned] == 0)
            score[:, pinned] = np.where(off, alone, score[:, pinned])
        readers, places, factors = self._readers.fit
        before = score[readers, places]
        after = np.maximum(1, np.rint(before * factors).astype(np.int64))
        score[readers, places] = np.where(before > 0, after, 0)
        return score

    def _forced(self) -> Bools:
        """The best paper of each topic that was starved, (R, C)."""
        forced = np.zeros(self.match.shape, np.bool_)
        starved = self._readers.starved
        if not len(starved.number):
            return forced
        mine = np.where(
            (self._field.match[starved.number] > 0) & self.free[starved.reader],
            self.score[starved.reader],
            0,
        )
        best = mine.argmax(axis=1)
        there = mine[np.arange(len(best)), best] > 0
        forced[starved.reader[there], best[there]] = True
        return forced

    def _shortlist(self) -> tuple[Ints, Ints, Floats]:
        """The best free candidates, best first, with their repeats and worth; all (R, K)."""
        order = np.arange(self._many - 1, -1, -1, dtype=np.int64)
        score = np.where(self.free, self.score, 0)
        key = score * self._many + order + _PIN * (self._field.pinned & self.free)
        wanted = min(self._many, int(self._readers.length.max()) + SPARE)
        at: NDArray[np.intp] = np.arange(self._many)[None, :].repeat(len(self._readers), 0)
        if wanted < self._many:
            cut = self._many - wanted
            at = np.argpartition(key + _FORCE * self.forced, cut, axis=1)[:, cut:]
        at = np.take_along_axis(at, np.argsort(-np.take_along_axis(key, at, 1), axis=1), 1)
        best = np.take_along_axis(score, at, 1)
        topic = self.topic_of(at.astype(np.int32))
        same = (topic[:, :, None] == topic[:, None, :]) & (topic != NONE)[:, :, None]
        same &= (best > 0)[:, None, :]
        repeats = np.tril(same, -1).sum(axis=2, dtype=np.int32)
        worth = best * self._field.repeats[np.minimum(repeats, 63)]
        return at.astype(np.int32), repeats, worth

    def topic_of(self, at: Ints) -> Ints:
        """The surest followed topic of some candidates, (R, K); the first of equals, or NONE."""
        field, follows = self._field, self._readers.follows
        topic = np.full(at.shape, NONE, np.int32)
        best = np.zeros(at.shape, np.int32)
        turn = np.arange(len(follows.reader)) - np.searchsorted(follows.reader, follows.reader)
        for number in range(int(turn.max(initial=0)) + 1):
            mine = turn == number
            reader, row = follows.reader[mine], follows.number[mine]
            here = field.match[row[:, None], at[reader]]
            better = here > best[reader]
            topic[reader] = np.where(better, row[:, None], topic[reader])
            best[reader] = np.where(better, here, best[reader])
        everything = self._readers.everything
        topic[everything] = field.surest[at[everything]]
        return topic

    def _choose(self) -> Ints:
        """The candidates of each digest, in its order, (R, the longest); NONE beyond its end."""
        pinned = self._field.pinned[self.at] & (self.worth > 0)
        forced = np.take_along_axis(self.forced, self.at, 1)
        rank = np.lexsort((self.at, -self.worth, ~forced, ~pinned), axis=1)
        rank = rank[:, : int(self._readers.length.max())]
        worth = np.take_along_axis(self.worth, rank, 1)
        taken = (worth > 0) & (np.arange(rank.shape[1]) < self._readers.length[:, None])
        worth = np.where(taken, worth, NONE)
        chosen = np.take_along_axis(self.at, rank, 1)
        again = np.lexsort((chosen, -worth, ~self._field.pinned[chosen] | ~taken), axis=1)
        picked = np.take_along_axis(np.where(taken, chosen, NONE), again, 1)
        return self._cut(self._with_discoveries(picked))

    def _with_discoveries(self, picked: Ints) -> Ints:
        """As the last pick of who wants it, the most trending paper of other topics."""
        wanting = np.flatnonzero(self._readers.discover & ~self._readers.everything)
        if not len(wanting):
            return picked
        other = ~(self.fits | self.muted | self.had)[wanting]
        best = np.where(other, self._field.weight, 0).argmax(axis=1)
        there = other[np.arange(len(wanting)), best]
        count = (picked[wanting] != NONE).sum(axis=1)
        end = np.minimum(count, self._readers.length[wanting] - 1)
        if picked.shape[1] <= int(end.max(initial=0)):
            picked = np.pad(picked, ((0, 0), (0, 1)), constant_values=NONE)
        picked[wanting[there], end[there]] = best[there]
        return picked

    def _cut(self, picked: Ints) -> Ints:
        """As many as have room, and one at least."""
        if self._field.sizes is None:
            return picked
        there = picked != NONE
        total = np.cumsum(np.where(there, self._field.sizes[picked], 0), axis=1)
        fits = total <= self._field.room
        fits[:, 0] = True
        return np.where(there & fits, picked, NONE).astype(np.int32)

    @cached_property
    def unmatched(self) -> Longs:
        """How many candidates are under no topic of each reader, (R,)."""
        found: Longs = (~self.fits & ~self.muted).sum(axis=1)
        return found

    def picks(self, reader: int) -> list[int]:
        """The candidates of a reader's digest, in its order."""
        return [int(at) for at in self.picked[reader] if at != NONE]


def padded(rows: Iterable[Sequence[int]], none: int) -> list[Sequence[int]]:
    """Lists of topics, of which none is empty."""
    return [one or (none,) for one in rows]
