"""Selection for very many readers: ours on arrays beside a plain loop, in the same run.

    python -m benchmarks.readers [--readers 1000000] [--plain 2000] [--rounds 3]

Readers follow 1 to 10 of 2,000 topics (Zipf), had up to five of the 500 papers before, and a third
of them have a topic that was starved; each paper is under 1 to 24 topics. The plain loop goes over
readers and papers, as the obvious program does, on a part of the readers; its cost for all is
extrapolated. CPU time of one core, peak memory of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from newsletter.papers import PaperId
from newsletter.selection import Candidate, Field, Wishes
from newsletter.selection.batch import Batch, Lists, Readers

TOPICS = 2000
PAPERS = 500
LENGTH = 10
BATCH = 512  # readers
DAY = date(2026, 3, 5)


@dataclass(frozen=True)
class World:
    """An issue, and what its readers follow and had; ragged lists as starts and numbers."""

    candidates: list[Candidate]
    starts: np.ndarray  # where each reader's topics begin, and where the last one's end
    topics: np.ndarray
    had: np.ndarray
    starved: np.ndarray


def world(readers: int) -> World:
    """The same for the same number of readers."""
    chance = np.random.default_rng(7)
    share = 1 / np.arange(1, TOPICS + 1)
    share /= share.sum()
    names = [f"t{number:04}" for number in range(TOPICS)]
    candidates = []
    for number in range(PAPERS):
        under = np.unique(chance.choice(TOPICS, chance.integers(1, 25), p=share))
        candidates.append(
            Candidate(
                paper_id=PaperId(f"link:p{number}"),
                seen=DAY - timedelta(days=int(chance.integers(0, 7))),
                trend=float(chance.uniform(0.3, 1)),
                matches={names[at]: float(chance.uniform(0.5, 1)) for at in under},
            )
        )
    counts = chance.integers(1, 11, readers)
    starts = np.concatenate([[0], np.cumsum(counts)])
    topics = np.empty(int(starts[-1]), np.int16)
    for first in range(0, len(topics), 2**20):
        some = min(2**20, len(topics) - first)
        topics[first : first + some] = chance.choice(TOPICS, some, p=share)
    had = chance.integers(0, PAPERS, (readers, 5), np.int16)
    starved = chance.random(readers) < 1 / 3
    return World(candidates, starts, topics, had, starved)


def ours(field: Field, made: World, rows: np.ndarray) -> int:
    """The product's arithmetic; how many papers were picked. Arrays in, arrays out."""
    picked = 0
    for first in range(0, len(made.had), BATCH):
        picked += int((Batch(field.arrays, _readers(field, made, rows, first)).picked >= 0).sum())
    return picked


def _readers(field: Field, made: World, rows: np.ndarray, first: int) -> Readers:
    bounds = made.starts[first : first + BATCH + 1]
    many = len(bounds) - 1
    nothing = field.arrays.nothing
    lengths = np.diff(bounds)
    owner = np.repeat(np.arange(many), lengths)
    topics = rows[made.topics[bounds[0] : bounds[-1]]]
    hungry = made.starved[first : first + many]
    wanted = topics[(bounds[:-1] - bounds[0])[hungry]]
    real = wanted != nothing
    empty = Lists(np.zeros(0, np.int64), np.zeros(0, np.int64))
    return Readers(
        follows=Lists(owner, topics),
        mutes=empty,
        had=Lists(np.repeat(np.arange(many), 5), made.had[first : first + many].ravel()),
        starved=Lists(np.flatnonzero(hungry)[real], wanted[real]),
        length=np.full(many, LENGTH, np.int64),
        discover=np.zeros(many, np.bool_),
        fit=(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)),
    )


def plain(made: World, readers: int) -> int:
    """The obvious loop: every reader, every paper, every topic of it."""
    picked = 0
    papers = [
        (at, {int(slug[1:]): share for slug, share in one.matches.items()}, one.trend)
        for at, one in enumerate(made.candidates)
    ]
    for reader in range(readers):
        follows = _follows(made, reader)
        had = {int(at) for at in made.had[reader]}
        scored = []
        for at, matches, trend in papers:
            if at in had:
                continue
            best = max((share for topic, share in matches.items() if topic in follows), default=0)
            if best:
                scored.append((-best * trend, at))
        scored.sort()
        picked += len(scored[:LENGTH])
    return picked


def _follows(made: World, reader: int) -> set[int]:
    return {int(topic) for topic in made.topics[made.starts[reader] : made.starts[reader + 1]]}


def wishes(made: World, readers: int) -> Iterator[Wishes]:
    """The same readers as the product's own values."""
    for reader in range(readers):
        mine = frozenset(f"t{topic:04}" for topic in _follows(made, reader))
        yield Wishes(
            follows=mine,
            length=LENGTH,
            had=frozenset(made.candidates[at].paper_id for at in made.had[reader]),
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, and prints a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=1_000_000)
    parser.add_argument("--plain", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    made = world(asked.readers)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    field = Field(made.candidates, DAY)
    rows = np.array([field.row(f"t{number:04}") for number in range(TOPICS)])
    few = min(asked.plain, asked.readers)
    mine, theirs, whole = [], [], []
    for _ in range(asked.rounds):
        start = time.process_time()
        picked = ours(field, made, rows)
        mine.append((time.process_time() - start) / asked.readers)
        start = time.process_time()
        plain(made, few)
        theirs.append((time.process_time() - start) / few)
        start = time.process_time()
        field.select(list(wishes(made, few)))
        whole.append((time.process_time() - start) / few)
    ours_us, plain_us = statistics.median(mine) * 1e6, statistics.median(theirs) * 1e6
    print(
        json.dumps(
            {
                "readers": asked.readers,
                "papers_each": round(picked / asked.readers, 2),
                "ours_us": round(ours_us, 2),
                "ours_s": round(ours_us * asked.readers / 1e6, 1),
                "with_values_us": round(statistics.median(whole) * 1e6, 1),
                "plain_us": round(plain_us, 1),
                "ratio": round(plain_us / ours_us, 1),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "world_mb": round(before),
            }
        )
    )


if __name__ == "__main__":
    main()
