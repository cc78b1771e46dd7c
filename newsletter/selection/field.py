"""An issue's candidates, ready to be selected from; readers' wishes in, their picks out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache

import numpy as np

from newsletter.papers import PaperId
from newsletter.selection.batch import NONE, WHOLE, Arrays, Batch, Lists, Readers
from newsletter.selection.values import (
    Candidate,
    Considered,
    Pick,
    Selection,
    Weights,
    Wishes,
)

DEFAULT = Weights()
UNIT = WHOLE**2  # a score of one
FRESH_HALF_LIFE = 2  # days
PICKS = 10_000  # that are kept ready: where few readers voted, most share theirs


def fresh(days: int, weight: float) -> float:
    """What a paper counts that was first seen so many days before the issue."""
    share: float = 2.0 ** (-max(0, days) / FRESH_HALF_LIFE)
    return 1 - weight + weight * share


class Field:
    """The candidates of an issue."""

    def __init__(
        self,
        candidates: Iterable[Candidate],
        day: date,
        hidden: Collection[PaperId] = (),
        sizes: Mapping[PaperId, int] | None = None,
        room: int = 0,
        weights: Weights = DEFAULT,
    ) -> None:
        """`hidden` are left out; where `sizes` (bytes) are given, picks are at most `room` long."""
        self.candidates = [one for one in candidates if one.paper_id not in hidden]
        self._at = {one.paper_id: at for at, one in enumerate(self.candidates)}
        self.slugs = sorted({slug for one in self.candidates for slug in one.matches})
        self._row = {slug: row for row, slug in enumerate(self.slugs)}
        self._fresh = [fresh((day - one.seen).days, weights.fresh) for one in self.candidates]
        self.arrays = self._as_arrays(sizes, room, weights)
        self._names = [one.paper_id for one in self.candidates]
        self._under = [self._surest(at) for at in range(len(self.candidates))]
        self._topics_of = [_bits([row for row, _ in under]) for under in self._under]
        self._pick = lru_cache(maxsize=PICKS)(self._made)

    def _as_arrays(
        self, sizes: Mapping[PaperId, int] | None, room: int, weights: Weights
    ) -> Arrays:
        many = len(self.candidates)
        match = np.zeros((len(self.slugs), many), np.int32)
        for at, one in enumerate(self.candidates):
            for slug, strength in one.matches.items():
                match[self._row[slug], at] = max(1, round(strength * WHOLE))
        weight = [
            max(1, round(one.trend * share * WHOLE))
            for one, share in zip(self.candidates, self._fresh, strict=True)
        ]
        return Arrays(
            match=match,
            weight=np.array(weight, np.int32),
            pinned=np.array([one.pinned for one in self.candidates], np.bool_),
            sizes=None
            if sizes is None
            else np.array([sizes[one.paper_id] for one in self.candidates], np.int64),
            room=room,
            repeat=weights.repeat,
        )

    def row(self, slug: str) -> int:
        """The number of a topic; of one that no candidate is under, that of none."""
        return self._row.get(slug, self.arrays.nothing)

    def select(self, readers: Sequence[Wishes]) -> list[Selection]:
        """The picks of each reader."""
        if not readers or not self.candidates:
            nothing = Selection(picks=(), unmatched=0, muted=0, had=0, beyond=0)
            return [nothing] * len(readers)
        rows = [self._topics(one.follows) for one in readers]
        batch = Batch(self.arrays, self._readers(readers, rows))
        return self._selections(batch, rows)

    def _topics(self, slugs: Iterable[str]) -> list[int]:
        return [self._row[slug] for slug in slugs if slug in self._row]

    def _readers(self, readers: Sequence[Wishes], rows: Sequence[list[int]]) -> Readers:
        fit = [
            (reader, self._at[name], factor)
            for reader, one in enumerate(readers)
            for name, factor in one.fit.items()
            if name in self._at
        ]
        return Readers(
            follows=Lists.of(
                [
                    (row or [self.arrays.nothing]) if one.follows else [self.arrays.everything]
                    for one, row in zip(readers, rows, strict=True)
                ]
            ),
            mutes=Lists.of([self._topics(one.mutes) for one in readers]),
            had=Lists.of(
                [[self._at[name] for name in one.had if name in self._at] for one in readers]
            ),
            starved=Lists.of([self._topics(one.starved) for one in readers]),
            length=np.array([one.length for one in readers], np.int64),
            discover=np.array([one.discover and bool(one.follows) for one in readers], np.bool_),
            fit=(
                np.array([one[0] for one in fit], np.int64),
                np.array([one[1] for one in fit], np.int64),
                np.array([one[2] for one in fit], np.float64),
            ),
        )

    def _selections(self, batch: Batch, rows: Sequence[list[int]]) -> list[Selection]:
        counts = zip(*(one.tolist() for one in batch.counts), strict=True)
        picked, scores = batch.picked.tolist(), batch.pick_scores.tolist()
        pick, topics = self._pick, self._topics_of
        return [
            Selection(
                picks=tuple(
                    [
                        pick(at, score, followed & topics[at])
                        for at, score in zip(places, theirs, strict=True)
                        if at != NONE
                    ]
                ),
                unmatched=unmatched,
                muted=muted,
                had=had,
                beyond=beyond,
            )
            for followed, places, theirs, (unmatched, muted, had, beyond) in zip(
                map(_bits, rows), picked, scores, counts, strict=True
            )
        ]

    def _made(self, at: int, score: int, topics: int) -> Pick:
        """A pick by a score for some of its topics: one for all readers who get it so."""
        return Pick(self._names[at], round(score / UNIT, 6), self._reasons_for(topics, at))

    def _surest(self, at: int) -> tuple[tuple[int, str], ...]:
        """The topics a paper is under, surest first."""
        match = self.arrays.match[:, at]
        rows = sorted(np.flatnonzero(match).tolist(), key=lambda row: (-match[row], row))
        return tuple((row, self.slugs[row]) for row in rows)

    def _reasons_for(self, topics: int, at: int) -> tuple[str, ...]:
        """Those of some topics that a paper is under, surest first."""
        return tuple([slug for row, slug in self._under[at] if topics >> row & 1])

    def explain(self, reader: Wishes) -> list[Considered]:
        """What became of every candidate for a reader: picks first, in order, then by score."""
        if not self.candidates:
            return []
        rows = self._topics(reader.follows)
        batch = Batch(self.arrays, self._readers([reader], [rows]))
        listed = {int(at): k for k, at in enumerate(batch.at[0]) if batch.score[0, k]}
        scores = batch.scored(0)
        places = batch.picks(0)
        told = [
            Considered(
                paper_id=candidate.paper_id,
                verdict=self._verdict(batch, at, places, listed),
                place=places.index(at) + 1 if at in places else 0,
                topic=next(iter(self._reasons_for(_bits(rows), at)), ""),
                match=self._match(rows, at, everything=not reader.follows),
                trend=candidate.trend,
                fresh=self._fresh[at],
                fit=float(reader.fit.get(candidate.paper_id, 1.0)),
                score=int(scores[at]) / WHOLE**2,
                repeats=int(batch.repeats[0, listed[at]]) if at in listed else 0,
            )
            for at, candidate in enumerate(self.candidates)
        ]
        return sorted(told, key=lambda one: (one.place or len(told) + 1, -one.score))

    def _match(self, rows: Sequence[int], at: int, *, everything: bool) -> float:
        if everything:
            return 1.0
        return max((int(self.arrays.match[row, at]) for row in rows), default=0) / WHOLE

    def _verdict(
        self, batch: Batch, at: int, places: Sequence[int], listed: Mapping[int, int]
    ) -> str:
        if at in places:
            if self.arrays.pinned[at]:
                return "picked: pinned by the editor"
            if not batch.fits[0, at]:
                return "picked: to discover something else"
            if batch.forced[0, listed[at]]:
                return "picked: its topic had none last time"
            return "picked"
        if batch.muted[0, at]:
            return "out: under a muted topic"
        if not batch.fits[0, at]:
            return "out: under no followed topic"
        if batch.had[0, at]:
            return "out: sent before"
        return "out: others were better"


def _bits(rows: Iterable[int]) -> int:
    """Some topics as one number, a bit each: compared, and looked up by, in no time."""
    return sum([1 << row for row in rows])
