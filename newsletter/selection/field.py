"""An issue's candidates, ready to be selected from; readers' wishes in, their picks out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

import numpy as np

from newsletter.papers import PaperId
from newsletter.selection.batch import NONE, WHOLE, Arrays, Batch, Lists, Readers, padded
from newsletter.selection.values import (
    Candidate,
    Considered,
    Pick,
    Selection,
    Weights,
    Wishes,
)

DEFAULT = Weights()
FRESH_HALF_LIFE = 2  # days


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
        self._arrays = self._as_arrays(sizes, room, weights)
        self._reasons: dict[tuple[tuple[int, ...], int], tuple[str, ...]] = {}

    def _as_arrays(
        self, sizes: Mapping[PaperId, int] | None, room: int, weights: Weights
    ) -> Arrays:
        many = len(self.candidates)
        match = np.zeros((len(self.slugs) + 1, many), np.int32)
        surest = np.full(many, NONE, np.int32)
        for at, one in enumerate(self.candidates):
            for slug, strength in one.matches.items():
                match[self._row[slug], at] = max(1, round(strength * WHOLE))
            if one.matches:
                surest[at] = int(match[:, at].argmax())
        weight = [
            max(1, round(one.trend * share * WHOLE))
            for one, share in zip(self.candidates, self._fresh, strict=True)
        ]
        return Arrays(
            match=match,
            weight=np.array(weight, np.int32),
            pinned=np.array([one.pinned for one in self.candidates], np.bool_),
            surest=surest,
            sizes=None
            if sizes is None
            else np.array([sizes[one.paper_id] for one in self.candidates], np.int64),
            room=room,
            repeat=weights.repeat,
        )

    def select(self, readers: Sequence[Wishes]) -> list[Selection]:
        """The picks of each reader."""
        if not readers or not self.candidates:
            nothing = Selection(picks=(), unmatched=0, muted=0, had=0, beyond=0)
            return [nothing] * len(readers)
        rows = [self._topics(one.follows) for one in readers]
        batch = Batch(self._arrays, self._readers(readers, rows))
        return [self._selection(batch, reader, row) for reader, row in enumerate(rows)]

    def _topics(self, slugs: Iterable[str]) -> tuple[int, ...]:
        return tuple(sorted(self._row[slug] for slug in slugs if slug in self._row))

    def _readers(self, readers: Sequence[Wishes], rows: Sequence[tuple[int, ...]]) -> Readers:
        fit = [
            (reader, self._at[name], factor)
            for reader, one in enumerate(readers)
            for name, factor in one.fit.items()
            if name in self._at
        ]
        return Readers(
            follows=Lists.of(padded(rows, len(self.slugs))),
            everything=np.array([not one.follows for one in readers], np.bool_),
            mutes=Lists.of([self._topics(one.mutes) for one in readers]),
            had=Lists.of(
                [[self._at[name] for name in one.had if name in self._at] for one in readers]
            ),
            starved=Lists.of([self._topics(one.starved) for one in readers]),
            length=np.array([one.length for one in readers], np.int64),
            discover=np.array([one.discover for one in readers], np.bool_),
            fit=(
                np.array([one[0] for one in fit], np.int64),
                np.array([one[1] for one in fit], np.int64),
                np.array([one[2] for one in fit], np.float64),
            ),
        )

    def _selection(self, batch: Batch, reader: int, rows: tuple[int, ...]) -> Selection:
        places = batch.picks(reader)
        free = batch.free[reader]
        return Selection(
            picks=tuple(
                Pick(
                    paper_id=self.candidates[at].paper_id,
                    score=self._share(batch, reader, at),
                    reasons=self._reasons_for(rows, at),
                )
                for at in places
            ),
            unmatched=int(batch.unmatched[reader]),
            muted=int(batch.muted[reader].sum()),
            had=int((batch.had[reader] & batch.fits[reader]).sum()),
            beyond=int(free.sum()) - sum(1 for at in places if free[at]),
        )

    def _share(self, batch: Batch, reader: int, at: int) -> float:
        worth = int(batch.score[reader, at]) or WHOLE * int(self._arrays.weight[at])
        return round(worth / WHOLE**2, 6)

    def _reasons_for(self, rows: tuple[int, ...], at: int) -> tuple[str, ...]:
        """The followed topics a paper is under, surest first; many readers share them."""
        found = self._reasons.get((rows, at))
        if found is None:
            match = self._arrays.match[:, at]
            surest = sorted(rows, key=lambda row: (-match[row], row))
            found = tuple(self.slugs[row] for row in surest if match[row])
            self._reasons[rows, at] = found
        return found

    def explain(self, reader: Wishes) -> list[Considered]:
        """What became of every candidate for a reader: picks first, in order, then by score."""
        if not self.candidates:
            return []
        rows = self._topics(reader.follows)
        batch = Batch(self._arrays, self._readers([reader], [rows]))
        listed = {int(at): k for k, at in enumerate(batch.at[0]) if batch.worth[0, k]}
        topics = batch.topic_of(np.arange(len(self.candidates), dtype=np.int32)[None, :])[0]
        places = batch.picks(0)
        told = [
            Considered(
                paper_id=candidate.paper_id,
                verdict=self._verdict(batch, at, places),
                place=places.index(at) + 1 if at in places else 0,
                topic=self.slugs[topics[at]] if topics[at] != NONE else "",
                match=int(batch.match[0, at]) / WHOLE,
                trend=candidate.trend,
                fresh=self._fresh[at],
                fit=float(reader.fit.get(candidate.paper_id, 1.0)),
                score=int(batch.score[0, at]) / WHOLE**2,
                repeats=int(batch.repeats[0, listed[at]]) if at in listed else 0,
            )
            for at, candidate in enumerate(self.candidates)
        ]
        return sorted(told, key=lambda one: (one.place or len(told) + 1, -one.score))

    def _verdict(self, batch: Batch, at: int, places: Sequence[int]) -> str:
        if at in places:
            if self._arrays.pinned[at]:
                return "picked: pinned by the editor"
            if not batch.fits[0, at]:
                return "picked: to discover something else"
            if batch.forced[0, at]:
                return "picked: its topic had none last time"
            return "picked"
        if batch.muted[0, at]:
            return "out: under a muted topic"
        if not batch.fits[0, at]:
            return "out: under no followed topic"
        if batch.had[0, at]:
            return "out: sent before"
        return "out: others were better"
