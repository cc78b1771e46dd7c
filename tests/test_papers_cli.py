"""What `papers show` tells of a paper's trend, by the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import commands

LOOKS = [("2026-03-10T06:00:00Z", 3), ("2026-03-10T18:00:00Z", 9), ("2026-03-11T18:00:00Z", 40)]


def run(place: Path, *words: str, encoding: str = "utf-8") -> str:
    if encoding == "utf-8":
        told = commands.run(place, words)
        assert told.returncode == 0, told.stderr
        return told.stdout
    done = subprocess.run(
        [sys.executable, "-m", "newsletter", *words],
        cwd=place,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def place(tmp_path: Path) -> Path:
    settings = "[sources.votes]\nkind = 'jsonl'\npath = 'papers.jsonl'\nreliability = 0.5\n"
    (tmp_path / "newsletter.toml").write_text(settings, encoding="utf-8")
    seen = [
        {"source": "votes", "listed": "2026-03-10", "at": at, "votes": count} for at, count in LOOKS
    ]
    rows = [
        {"id": "arxiv:2603.00001", "title": "A riser", "observations": seen},
        {"id": "arxiv:2603.00002", "title": "A leader", "observations": [seen[2] | {"votes": 50}]},
        {"id": "arxiv:2603.00003", "title": "A paper of which nobody spoke"},
    ]
    lines = "\n".join(json.dumps(row) for row in rows)
    (tmp_path / "papers.jsonl").write_text(lines, encoding="utf-8")
    run(tmp_path, "collect")
    return tmp_path


def test_a_paper_s_history_is_drawn(place: Path) -> None:
    """Its votes over the looks, and each part of its trend."""
    told = " ".join(run(place, "papers", "show", "2603.00001").split())
    assert "▁▂█ 3 to 40 votes, 2026-03-10 06:00 UTC to 2026-03-11 18:00 UTC (votes)" in told
    assert "rising" in told
    for part in ("standing 0.33 (2 of 2)", "1.3 votes an hour", "source counts 0.50"):
        assert part in told


def test_where_there_is_no_unicode_it_is_drawn_in_ascii(place: Path) -> None:
    """As the table around it is."""
    told = run(place, "papers", "show", "2603.00001", encoding="ascii")
    assert told.isascii()
    assert "_.# 3 to 40 votes" in told


def test_a_terminal_that_lacks_signs_shows_others_in_their_place(tmp_path: Path) -> None:
    """Tables and sentences put question marks; JSON loses nothing."""
    settings = "title = '\u2192'\n[sources.votes]\nkind = 'jsonl'\npath = 'papers.jsonl'\n"
    (tmp_path / "newsletter.toml").write_text(settings, encoding="utf-8")
    row = {"id": "arxiv:2603.00001", "title": "From \u2190 to \u2192", "observations": []}
    (tmp_path / "papers.jsonl").write_text(json.dumps(row), encoding="utf-8")
    run(tmp_path, "collect")
    for words in (["papers", "show", "2603.00001"], ["config", "show"]):
        assert "?" in run(tmp_path, *words, encoding="iso-8859-1")
    told = run(tmp_path, "papers", "show", "2603.00001", "--json", encoding="iso-8859-1")
    assert json.loads(told)["title"] == "From \u2190 to \u2192"


def test_output_that_has_no_room_is_told_in_words(place: Path) -> None:
    """Nobody is shown a traceback."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "newsletter", "papers", "show", "2603.00001"],
            cwd=place,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "Error: The disk is full; make room on it.\n")


def test_programs_get_the_parts_as_numbers(place: Path) -> None:
    """One sign a source, and the votes by instant."""
    told = json.loads(run(place, "papers", "show", "2603.00001", "--json"))
    (sign,) = told["signs"]
    assert (sign["source"], sign["reliability"], sign["pace"]) == ("votes", 0.5, 1.292)
    assert sign["score"] == told["trend"]
    assert [look["votes"] for look in told["history"]["votes"]] == [3, 9, 40]


def test_a_paper_without_a_sign_has_none(place: Path) -> None:
    """Neither trend nor history is made up."""
    told = json.loads(run(place, "papers", "show", "2603.00003", "--json"))
    assert (told["trend"], told["signs"], told["history"]) == (None, [], {})
    shown = run(place, "papers", "show", "2603.00003")
    assert "history" not in shown
