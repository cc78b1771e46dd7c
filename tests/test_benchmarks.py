"""The benchmarks run: who doubts a figure can measure it again."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from benchmarks import digests, dkim, matching, readers, selection


@pytest.mark.parametrize(
    ("program", "told"),
    [(digests, "RSA-2048 "), (dkim, "dkimpy RSA-2048")],
    ids=["digests", "dkim"],
)
def test_a_benchmark_prints_its_figures(
    program: object, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Small, so that it costs a second; the figures of so few mails say nothing."""
    program.main(["--readers", "5", "--rounds", "1"])  # type: ignore[attr-defined]
    assert told in capsys.readouterr().out


def test_the_benchmarks_of_selection_print_their_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Small, so that they cost a second each."""
    readers.main(["--readers", "600", "--plain", "5", "--rounds", "1"])
    matching.main(["--papers", "20", "--older", "40", "--topics", "20", "--rounds", "1"])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [sorted(line)[-1] for line in told] == ["world_mb", "topics"]
    assert all(line["ratio"] > 0 for line in told)


def _case(task: str, votes: dict[str, int]) -> SimpleNamespace:
    return SimpleNamespace(
        task=task,
        now="2026-03-10",
        candidates=[SimpleNamespace(id=paper) for paper in votes],
        signals={
            paper: {"upvotes": count, "comments": None, "media": False}
            for paper, count in votes.items()
        },
    )


def test_the_bridge_gives_each_candidate_its_trend() -> None:
    """In the order of the candidates, the most voted for highest."""
    scores = selection.rank(_case("T3", {"2603.00001": 4, "2603.00002": 40, "2603.00003": 9}))
    assert scores[1] > scores[2] > scores[0]


def test_the_bridge_says_what_it_does_not_lead_to() -> None:
    """A task nobody bridged is no score of 0."""
    with pytest.raises(NotImplementedError, match="T1 is not bridged yet"):
        selection.rank(_case("T1", {}))
