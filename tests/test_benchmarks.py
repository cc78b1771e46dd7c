"""The benchmarks run: who doubts a figure can measure it again."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import digests, dkim, matching, readers, results, selection

FEW = ["--readers", "4", "--rounds", "1"]  # so few that they cost seconds; such figures say nothing


def test_signatures_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """Each way to sign is told."""
    dkim.main(FEW)
    assert "dkimpy RSA-2048" in capsys.readouterr().out


def test_digests_are_measured_beside_the_obvious_loop(tmp_path: Path) -> None:
    """The baseline sends mails as large as ours: else the figures would not compare."""
    file = tmp_path / "results.jsonl"
    digests.main([*FEW, "--results", str(file)])
    found = {one.program: one for one in results.kept(file)}
    mine, plain = found[results.OURS], found[digests.PLAIN]
    assert mine.number == 4
    assert all(one.cpu > 0 and one.sink > 0 for one in found.values())
    assert mine.size > 40_000
    assert all(0.8 < one.size / mine.size < 1.25 for one in found.values())
    assert plain.phases.keys() < mine.phases.keys() == {"freeze", "compose", "dispatch"}


def test_the_benchmarks_of_selection_print_their_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Small, so that they cost a second each."""
    readers.main(["--readers", "600", "--plain", "5", "--rounds", "1"])
    matching.main(["--papers", "20", "--older", "40", "--topics", "20", "--rounds", "1"])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [sorted(line)[-1] for line in told] == ["world_mb", "topics"]
    assert all(line["ratio"] >= 0 for line in told)


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


def _told(name: str, text: str) -> SimpleNamespace:
    return SimpleNamespace(id=name, title=text, abstract=f"{text}. We study {text}.", authors=[])


def test_the_bridge_ranks_by_topic_and_by_likes() -> None:
    """What is about the topic, or like what was liked, is the highest."""
    kinds = ("robot grasping", "protein folding", "speech recognition", "traffic forecast")
    kinds += ("galaxy survey", "theorem proving", "image denoising", "query planning")
    papers = [_told(f"{kind}{at}", f"{kind} {at}") for kind in kinds for at in range(4)]
    case = SimpleNamespace(
        task="T1",
        corpus=SimpleNamespace(papers=papers, cache={}),
        candidates=papers,
        query=SimpleNamespace(name="protein", description="", keywords=["protein", "(", ""]),
        likes=[_told("liked", "speech recognition of vowels")],
    )
    best = max(zip(selection.rank(case), papers, strict=True), key=lambda pair: pair[0])
    assert best[1].title.startswith("protein")
    liked = SimpleNamespace(**{**vars(case), "task": "T2", "query": None})
    best = max(zip(selection.rank(liked), papers, strict=True), key=lambda pair: pair[0])
    assert best[1].title.startswith("speech")
