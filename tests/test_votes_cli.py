"""Votes by the command line: cast, taken back, shown as interests, forgotten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from subscribers.tokens import Purpose, Signer
from tests.commands import PAGE, newsletter, prepare, refused

READER = "a@example.org"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a composed issue for one reader."""
    following = ("subscribe", READER, "-t", "alignment")
    return prepare(tmp_path, following, ("collect", str(PAGE)), ("compose",))


def done(place: Path, *words: str) -> str:
    ran = newsletter(place, *words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def told(place: Path, *words: str) -> Any:
    return json.loads(done(place, *words, "--json"))


def test_what_was_learned_is_shown_and_forgotten(place: Path) -> None:
    """A vote is the last word on a paper; it is told what comes of it."""
    first, second = (one["paper"] for one in told(place, "explain", READER)[:2])
    assert "has not voted yet" in done(place, "subscribers", "show", READER, "--interests")
    assert "come sooner" in done(place, "subscribers", "vote", READER, first, "more")
    assert "come later" in done(place, "subscribers", "vote", READER, second, "less")
    shown = told(place, "subscribers", "show", READER, "--interests")
    assert [one["paper"] for one in shown["interests"][0]["papers"]] == [first]
    assert [one["paper"] for one in shown["less"]] == [second]
    assert "Interest 1" in done(place, "subscribers", "show", READER, "--interests")
    assert {one["fit"] for one in told(place, "explain", READER)} == {1.0}  # it was composed before
    done(place, "subscribers", "vote", READER, second, "none")
    refused(newsletter(place, "subscribers", "vote", READER, second, "none"), 2, "has no vote")
    assert "1 vote forgotten" in done(place, "subscribers", "reset", READER)


def test_explain_tells_the_vote_that_moved_a_paper(tmp_path: Path) -> None:
    """Which one, what it said and how far it moved; of a paper no vote is about, none."""
    place = prepare(tmp_path, ("subscribe", READER), ("collect", str(PAGE)))
    liked, other = (one["id"] for one in told(place, "papers", "list", "--limit", "2"))
    done(place, "subscribers", "vote", READER, liked, "more")
    done(place, "subscribers", "vote", READER, other, "less")
    done(place, "compose")
    for name, value, word in ((liked, 1, "more"), (other, -1, "less")):
        one = told(place, "explain", READER, name)
        assert (one["vote"]["paper"], one["vote"]["value"]) == (name, value)
        assert (one["fit"] - 1) * value > 0
        assert f"by votes, first of all by {word}" in done(place, "explain", READER, name)


def test_the_token_of_a_mail_votes_for_its_reader(place: Path) -> None:
    """As its More and Less links will; a token of something else votes for nobody."""
    done(place, "preview", READER)  # makes the key
    signer = Signer((place / "secret.key").read_bytes().strip())
    assert "come sooner" in done(place, "vote", signer.sign_votes(1, 1, [0])[0], "more")
    shown = told(place, "subscribers", "show", READER, "--interests")
    assert len(shown["interests"]) == 1
    wrong = signer.sign(Purpose.UNSUBSCRIBE, 1)
    refused(newsletter(place, "vote", wrong, "more"), 2)
    refused(newsletter(place, "vote", "1-1-0.x", "more"), 2)


def test_a_reader_who_does_not_learn_is_told_so(place: Path) -> None:
    """Votes are kept, and change nothing until learning is on again."""
    done(place, "subscribe", READER, "--no-learn", "--discover", "--clicks")
    shown = told(place, "subscribers", "show", READER)
    assert (shown["learn"], shown["discover"], shown["clicks"]) == (False, True, True)
    paper = told(place, "explain", READER)[0]["paper"]
    assert "does not learn" in done(place, "subscribers", "vote", READER, paper, "more")
    done(place, "subscribe", READER, "--learn", "--no-clicks")
    shown = told(place, "subscribers", "show", READER)
    assert (shown["learn"], shown["clicks"]) == (True, False)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("subscribers vote nobody@example.org 2403.01234 more", "Nobody here"),
        (f"subscribers vote {READER} 9999.99999 more", "There is no paper"),
        ("subscribers reset nobody@example.org", "Nobody here"),
        ("subscribers show nobody@example.org --interests", "Nobody here"),
    ],
)
def test_wrong_input_is_told_in_words(place: Path, words: str, says: str) -> None:
    """With exit code 2 and no traceback."""
    refused(newsletter(place, *words.split()), 2, says)
