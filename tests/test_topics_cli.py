"""Topics as operators and readers make them, by the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands import PAGE, newsletter, prepare, refused


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder where the saved page was collected."""
    return prepare(tmp_path, ("collect", str(PAGE)))


def done(place: Path, *words: str) -> str:
    ran = newsletter(place, *words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def told(place: Path, *words: str) -> Any:
    return json.loads(done(place, *words, "--json"))


def test_an_operator_adds_tests_edits_and_removes_a_topic(place: Path) -> None:
    """What it finds is told in words; a topic that is followed is not removed without force."""
    found = told(place, "topics", "test", "--phrase", "alignment AND NOT survey", "--days", "366")
    assert found["in_words"] == "papers that say “alignment” but not “survey”"
    assert len(found["papers"]) > 5
    assert all(one["lacks"] for one in found["near_misses"])
    words = ("--name", "Surveys of LLMs", "--phrase", "survey AND language model")
    assert "Added llm-surveys: it finds papers that say" in done(
        place, "topics", "add", "llm-surveys", *words
    )
    refused(newsletter(place, "topics", "add", "llm-surveys", *words), 2, "already")
    (row,) = [one for one in told(place, "topics", "list") if one["slug"] == "llm-surveys"]
    assert row["papers_a_week"] >= 1
    done(place, "topics", "edit", "llm-surveys", "--phrase", "survey", "--name", "Surveys")
    shown = told(place, "topics", "show", "llm-surveys", "--days", "366")
    assert (shown["name"], shown["phrases"]) == ("Surveys", ["survey"])
    done(place, "subscribe", "a@example.org", "-t", "llm-surveys")
    done(place, "compose")
    assert "Because you follow Surveys" in done(place, "preview", "a@example.org", "--text")
    refused(newsletter(place, "topics", "remove", "llm-surveys"), 2, "1 reader follow")
    done(place, "topics", "remove", "llm-surveys", "--force")
    refused(newsletter(place, "topics", "show", "llm-surveys"), 2, "no topic")
    done(place, "topics", "edit", "robotics", "--class", "cs.RO", "--class", "cs.SY")
    done(place, "topics", "edit", "robotics", "--clear", "phrases")
    assert "phrases" not in told(place, "topics", "show", "robotics")
    assert told(place, "topics", "show", "robotics")["classes"] == ["cs.RO", "cs.SY"]
    done(place, "topics", "remove", "robotics")
    assert "robotics" not in [one["slug"] for one in told(place, "topics", "list")]


def test_a_reader_makes_topics_of_her_own(place: Path) -> None:
    """Said back in words with their papers a week; equal rules are one topic, offered to none."""
    paper = told(place, "papers", "list", "--limit", "1")[0]
    rules = ("--phrase", '"instruction tuning"', "--author", "Ann Lee", "--class", "cs.CL")
    said = done(place, "subscribe", "a@example.org", *rules, "--like", paper["id"])
    assert "Papers that say “instruction tuning”: about" in said
    assert "Papers by Ann Lee: none in the last four weeks" in said
    own = told(place, "subscribe", "b@example.org", "--phrase", "Instruction-Tuning")
    (rule,) = own["rules"]
    assert rule["in_words"] == "papers that say “Instruction-Tuning”"
    assert rule["papers_a_week"] > 0
    a, b = (told(place, "subscribers", "show", f"{who}@example.org")["follows"] for who in "ab")
    assert set(b) <= set(a)
    assert len(a) == 4
    assert not [one for one in told(place, "topics", "list") if one["slug"].startswith("own-")]
    done(place, "compose")
    text = done(place, "preview", "b@example.org", "--text")
    assert "Because you follow instruction tuning" in text
    wrong = newsletter(place, "subscribe", "c@example.org", "--class", "cs.CL", "--class", "c!")
    refused(wrong, 2, "'c!' is no arXiv class")
    wrong = newsletter(place, "subscribe", "c@example.org", "--class", "cs.XL")
    refused(wrong, 2, "arXiv has no class cs.XL. Did you mean cs.")
    done(place, "subscribe", "c@example.org", "--author", "Lee, Ann", "--class", "CS.cl")
    assert set(told(place, "subscribers", "show", "c@example.org")["follows"]) <= set(a)
    assert "own-" not in done(place, "papers", "list", "--json")
    assert "Computation and Language (cs.CL)" in done(place, "subscribers", "show", "a@example.org")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--phrase", "((((((((a"], "parentheses deep"),
        (["--phrase", '"open'], "does not close"),
        (["--phrase", "word " * 10_000], "characters"),
        (["--phrase", "NOT a"], "only says what not to find"),
        (["--phrase", ""], "lacks a phrase"),
        (["--class", "no class"], "is no arXiv class"),
        (["--author", "?"], "must have a letter"),
        (["--author", "A\x1bB"], "printable"),
        (["--like", "9999.99999"], "There is no paper"),
    ],
)
def test_a_bad_rule_subscribes_nobody(place: Path, words: list[str], says: str) -> None:
    """It is refused in words, and nothing is kept."""
    refused(newsletter(place, "subscribe", "a@example.org", *words), 2, says)
    refused(newsletter(place, "subscribers", "show", "a@example.org"), 2, "Nobody here")
