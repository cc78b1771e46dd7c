"""newsletter stats: what is told in a terminal, to programs, and as a page."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.commands import PAGE, newsletter, prepare, refused

READER = "a@example.org"
NAME = "Caf\u00e9 <script>alert(1)</script>"
RULE = "a phrase of one reader"
TOPIC = ("topics", "add", "cafe", "--name", NAME, "--phrase", "language model*")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder where one reader had one digest, and voted."""
    return prepare(
        tmp_path,
        TOPIC,
        ("collect", str(PAGE)),
        (
            "subscribe",
            READER,
            "-t",
            "cafe",
            "-t",
            "alignment",
            "--mute",
            "survey",
            "--phrase",
            RULE,
        ),
        ("compose",),
        ("send", "--now"),
    )


def done(place: Path, *words: str) -> str:
    ran = newsletter(place, *words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def told(place: Path, *words: str) -> Any:
    return json.loads(done(place, "stats", "--json", *words))


class Page(HTMLParser):
    """What of a page matters here: its tags, what they ask for, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.asked: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.asked += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_nothing_is_told_quietly(tmp_path: Path) -> None:
    """Of an empty database there is a sentence, zeros for programs, and a page all the same."""
    said = done(tmp_path, "stats")
    assert "Nothing to tell" in said
    assert len(said.splitlines()) == 2
    found = told(tmp_path, "--days", "3")
    assert found["digests"]["sent"]["days"] == [0, 0, 0]
    assert (found["returns"]["bounce_rate"]["total"], found["topics"]) == (None, [])
    done(tmp_path, "stats", "--html", "none.html")
    assert "None: readers, digests" in (tmp_path / "none.html").read_text(encoding="utf-8")


def test_one_reader_is_told_in_all_three_ways(place: Path) -> None:
    """The numbers are those of the ledger, in the terminal, as JSON and on the page."""
    found = told(place)
    sent = json.loads(done(place, "status", "--json"))["sent"]
    papers = len(json.loads(done(place, "deliveries", "show", READER, "--json"))["papers"])
    assert sent == 1
    assert found["digests"]["sent"]["total"] == sent
    assert found["digests"]["sent"]["days"] == [0] * 29 + [1]
    assert found["issues"]["papers_sent"]["total"] == papers
    assert found["readers"]["now"] == {"confirmed": 1, "pending": 0, "unsubscribed": 0, "erased": 0}
    alignment, cafe, survey = sorted(found["topics"], key=lambda one: one["slug"])
    assert (cafe["name"], cafe["followers"], cafe["change"]) == (NAME, 1, 1)
    assert (survey["slug"], survey["followers"], survey["mutes"]) == ("survey", 0, 1)
    assert found["own_rules"]["followers"] == 1
    assert cafe["papers"] + alignment["papers"] >= papers - found["papers_for_no_topic"] > 0
    shown = done(place, "stats")
    assert re.search(r"^ +sent .*█ +1 +0 +new", shown, re.MULTILINE)
    assert "readers' own rules" in shown
    assert RULE not in shown + json.dumps(found)
    assert done(place, "stats", "--html", "stats.html").startswith("Wrote stats.html: ")
    text = (place / "stats.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert page.asked == []
    assert "url(" not in text
    assert "prefers-color-scheme:dark" in text
    assert NAME in page.words
    assert RULE not in text
    assert page.tags.count("svg") >= 8
    assert page.tags.count("desc") >= 4
    assert f"{papers}.0" in page.words  # papers a digest
    days = [one for one in page.words if re.fullmatch(r"\d{4}-\d\d-\d\d", one)]
    assert days[:30] == found["days"]


def test_periods_are_chosen_by_their_ends_or_their_length(place: Path) -> None:
    """What a period does not hold, it does not tell; the one before it is as long."""
    today = datetime.now(UTC).date()
    yesterday = today - timedelta(days=1)
    found = told(place, "--until", str(yesterday), "--days", "2")
    assert (found["since"], found["until"]) == (str(yesterday - timedelta(days=1)), str(yesterday))
    assert found["before"]["until"] == str(yesterday - timedelta(days=2))
    assert found["digests"]["sent"]["total"] == 0
    assert found["readers"]["readers"]["days"] == [0, 0]  # who came today was none then
    first = today - timedelta(days=9)
    found = told(place, "--since", str(first), "--days", "5")
    assert (found["since"], len(found["days"])) == (str(first), 5)
    assert len(told(place, "--since", str(first))["days"]) == 10


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--since", "2026-03-05", "--until", "2026-03-01"), "--since 2026-03-05 is after"),
        (("--since", "2999-01-01"), "--since 2999-01-01 is still to come"),
        (("--until", "2999-01-01"), "--until 2999-01-01 is still to come"),
        (("--until", "soon"), "'soon' is not a day for --until"),
        (("--since", "2020-01-01", "--until", "2022-01-01"), "ask for 366 at most"),
        (("--until", "0001-01-02"), "nothing to tell from before"),
        (("--since", "2026-03-01", "--until", "2026-03-02", "--days", "2"), "Name two of"),
        (("--json", "--html", "x.html"), "--html or --json"),
        (("--html", "no/such/x.html"), "Cannot write no/such/x.html"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    """One sentence says what was wrong."""
    refused(newsletter(tmp_path, "stats", *words), 2, why)


def test_a_terminal_without_unicode_or_colour_is_spared_them(place: Path) -> None:
    """Everything fits into 80 columns of ASCII, topics' names included."""
    more = {"PYTHONIOENCODING": "ascii", "COLUMNS": "80", "NO_COLOR": "1"}
    ran = subprocess.run(  # anew: a process that is forked has its encoding already
        [sys.executable, "-m", "newsletter", "stats"],
        cwd=place,
        env=os.environ | more,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout.isascii()
    assert "\x1b" not in ran.stdout
    assert "####" in ran.stdout
    assert max(map(len, ran.stdout.splitlines())) <= 80
