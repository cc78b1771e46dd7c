"""explain and evaluate, as an operator uses them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.commands import PAGE, newsletter, refused

TOPICS = ("--topic", "vision-language", "--topic", "robotics")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the seed papers were collected and an issue composed for two readers."""
    place = tmp_path_factory.mktemp("selection")
    for words in (
        ("subscribe", "a@example.org", "-t", "alignment", "-m", "survey", "--length", "5"),
        ("subscribe", "b@example.org", *TOPICS),
        ("collect", str(PAGE)),
        ("compose",),
    ):
        assert newsletter(place, *words).returncode == 0
    return place


def told(place: Path, *words: str) -> Any:
    return json.loads(newsletter(place, *words, "--json").stdout)


def test_explain_tells_the_picks_that_were_composed_in_their_order(place: Path) -> None:
    """And of every other candidate why it is out."""
    rows = told(place, "explain", "a@example.org", "--limit", "100")
    picked = [row for row in rows if row["place"]]
    assert [row["place"] for row in picked] == [1, 2, 3, 4, 5]
    shown = told(place, "deliveries", "show", "a@example.org")
    assert [row["paper"] for row in picked] == [one["paper"] for one in shown["papers"]]
    assert {row["verdict"] for row in rows} == {
        "picked",
        "out: others were better",
        "out: under no followed topic",
        "out: under a muted topic",
    }
    assert len(rows) == 70
    text = newsletter(place, "explain", "a@example.org").stdout
    assert "5 picked of 70 candidates; 50 shown." in text


def test_explain_of_one_paper_tells_its_topics_and_their_evidence(place: Path) -> None:
    """By which words it is under each, and which of them the reader follows."""
    first = told(place, "explain", "a@example.org")[0]
    one = told(place, "explain", "a@example.org", first["paper"])
    assert one["verdict"] == "picked"
    (followed,) = [match for match in one["matches"] if match["followed"]]
    assert followed["topic"] == "alignment"
    assert followed["evidence"]
    assert "follows" in newsletter(place, "explain", "a@example.org", first["paper"]).stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("explain nobody@example.org", 2, "Nobody here has the address"),
        ("explain a@example.org 2020-01-01", 2, "There is no issue of 2020-01-01"),
        ("explain a@example.org arxiv:0000.00000", 2, "There is no paper"),
        ("evaluate --since 2026-03-05 --until 2026-03-01", 2, "Name 1 to 366 days"),
        ("evaluate --set selection.repeat", 2, "write KEY=VALUE"),
        ("evaluate --set selection.repet=1", 3, "Did you mean selection.repeat?"),
        ("evaluate --set selection.repeat=2", 3, "selection.repeat must"),
    ],
)
def test_wrong_input_is_told_in_words(place: Path, words: str, code: int, says: str) -> None:
    """With the exit code of its kind and no traceback."""
    refused(newsletter(place, *words.split()), code, says)


def test_evaluate_goes_over_days_and_compares_settings(place: Path) -> None:
    """Nothing is repeated, no topic is starved twice running, and what is changed is compared."""
    today = datetime.now(UTC).date()
    days = ("--since", str(today + timedelta(days=1)), "--until", str(today + timedelta(days=3)))
    found = told(place, "evaluate", *days, "--set", "selection.repeat=0.5")
    assert found["set"] == ["selection.repeat=0.5"]
    for one in (found["settings"], found["changed"]):
        assert [day["readers"] for day in one["days"]] == [2, 2, 2]
        assert one["repeats"] == 0
        assert one["topics"]["alignment"]["share"] == 1
        assert all(topic["starved"] == 0 for topic in one["topics"].values())
    assert "the worst served first" in newsletter(place, "evaluate", *days).stdout
