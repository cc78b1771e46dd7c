"""How much a paper is trending: observations in, one number in (0, 1] and its reason out.

A saved list tells only its order. Position `p` of `n` is a standing of `(n - p + 1) / n`, and an
order without votes is weak evidence, so it moves the score only through its upper half::

    trend = 0.5 + 0.5 * standing

The better of several sources counts. Votes, velocity and age come with sources that tell them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from newsletter.papers import Observation

WEAKEST = 0.5  # the last of a curated list was still chosen by somebody


@dataclass(frozen=True, kw_only=True)
class Trend:
    """How much a paper is trending, and by which standing."""

    score: float  # in (0, 1]
    position: int  # in the list that counted
    of: int


def trend(observations: Iterable[Observation]) -> Trend | None:
    """The trend of one paper; None where no observation tells a position.

    Of each source its latest observation counts.
    """
    latest: dict[str, Observation] = {}
    for seen in observations:
        if seen.position is not None and seen.of:
            before = latest.get(seen.source)
            if before is None or seen.at > before.at:
                latest[seen.source] = seen
    trends = [
        Trend(
            score=WEAKEST + (1 - WEAKEST) * (seen.of - seen.position + 1) / seen.of,
            position=seen.position,
            of=seen.of,
        )
        for seen in latest.values()
        if seen.position is not None and seen.of
    ]
    return max(trends, key=lambda found: (found.score, -found.position), default=None)
