"""How much a paper is trending."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.papers import Observation, PaperId
from newsletter.trending import Trend, trends

NOW = datetime(2026, 3, 11, tzinfo=UTC)


def trend(observations: list[Observation]) -> Trend | None:
    return trends({PaperId("title:1"): observations}).get(PaperId("title:1"))


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


def voted(paper: str, votes: int | None, day: int = 5, hours: int = 0) -> Observation:
    return Observation(
        paper_id=PaperId(paper),
        source="votes",
        at=NOW + timedelta(hours=hours),
        listed=date(2026, 3, day),
        votes=votes,
    )


def test_votes_count_as_a_standing_among_the_papers_of_their_day() -> None:
    """The best of a quiet day stands as high as the best of a busy one."""
    counts = {"a": (5, 90), "b": (5, 40), "c": (5, 4), "d": (6, 3), "e": (6, 1)}
    found = trends({PaperId(k): [voted(k, votes, day)] for k, (day, votes) in counts.items()})
    assert found[PaperId("a")].score == found[PaperId("d")].score == 1
    assert found[PaperId("b")] == Trend(
        score=0.5 + 0.5 * 2 / 3, position=2, of=3, votes=40, day=date(2026, 3, 5)
    )
    assert found[PaperId("c")].position == 3


def test_equal_votes_share_the_middle_place() -> None:
    """Neither of two papers with as many votes is ahead; both are told the better place."""
    found = trends({PaperId(k): [voted(k, votes)] for k, votes in (("a", 7), ("b", 0), ("c", 0))})
    assert found[PaperId("b")].score == found[PaperId("c")].score == 0.5 + 0.5 * 0.5
    assert {found[PaperId(k)].position for k in "bc"} == {2}


def test_the_latest_votes_count() -> None:
    """A later call adds to the history, and the standing follows it."""
    a, b = PaperId("a"), PaperId("b")
    history = {
        a: [voted("a", 9), voted("a", 10, hours=8)],
        b: [voted("b", 1), voted("b", 30, hours=8)],
    }
    assert trends(history)[b] == Trend(score=1, position=1, of=2, votes=30, day=date(2026, 3, 5))


def test_an_observation_without_numbers_is_no_sign() -> None:
    """A source that only saw the paper says nothing about its trend."""
    assert trends({PaperId("a"): [voted("a", None)]}) == {}
