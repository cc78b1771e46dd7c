"""How much a paper is trending."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.papers import Observation, PaperId
from newsletter.trending import Trend, trend

NOW = datetime(2026, 3, 11, tzinfo=UTC)


def seen(position: int | None, of: int | None, source: str = "page", days: int = 0) -> Observation:
    at = NOW + timedelta(days=days)
    return Observation(paper_id=PaperId("title:1"), source=source, at=at, position=position, of=of)


@pytest.mark.parametrize(
    ("position", "of", "score"), [(1, 70, 1.0), (1, 1, 1.0), (2, 2, 0.75), (10, 10, 0.55)]
)
def test_an_order_moves_the_upper_half_of_the_score(position: int, of: int, score: float) -> None:
    """The top of a list scores 1, its last just over one half."""
    found = trend([seen(position, of)])
    assert found is not None
    assert (found.score, found.position, found.of) == (pytest.approx(score), position, of)


def test_the_latest_observation_of_a_source_counts() -> None:
    """A paper that fell is no longer where it was, whatever order the two are read in."""
    both = [seen(9, 10, days=1), seen(1, 10)]
    assert trend(both) == trend(both[::-1]) == trend([seen(9, 10)])


def test_the_better_of_several_sources_counts() -> None:
    """Sources are not averaged."""
    assert trend([seen(9, 10, "a"), seen(1, 10, "b")]) == Trend(score=1, position=1, of=10)


@pytest.mark.parametrize("told", [[], [seen(None, None)], [seen(1, None)], [seen(None, 5)]])
def test_without_a_position_there_is_no_trend(told: list[Observation]) -> None:
    """Nothing is made up for a paper whose place is not known."""
    assert trend(told) is None
