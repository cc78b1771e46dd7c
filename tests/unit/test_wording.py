"""The words of a subject and a preheader, in English and in German."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import language
from newsletter.rendering import words
from newsletter.wording import LONGEST_SUBJECT, DigestKind, short_title

ENGLISH, GERMAN = (words.freeze(language.load(one), date(2026, 3, 12)) for one in ("en", "de"))
WORDY = st.lists(st.text("abcé:-", min_size=1, max_size=9), min_size=1, max_size=30).map(" ".join)


@pytest.mark.parametrize(
    ("titles", "line"),
    [
        (("Magpie: Data from Nothing",), "Magpie: Data from Nothing"),
        (("Magpie: Data", "LiPO: Lists"), "Magpie and LiPO"),
        (("Magpie: Data", "LiPO: Lists", "C"), "Magpie, LiPO and 1 more"),
        (("A" * 33 + ": x", "B" * 33 + ": y", "C"), "A" * 33 + " and 2 more"),
    ],
)
def test_a_subject_names_the_top_papers(titles: tuple[str, ...], line: str) -> None:
    """Two names where they fit, one where they do not, and how many more there are."""
    assert ENGLISH.subject(titles, DigestKind.DAILY) == line


@given(st.lists(WORDY, min_size=1, max_size=50).map(tuple))
def test_a_subject_of_words_is_bounded(titles: tuple[str, ...]) -> None:
    """Titles of any length and number fit a subject."""
    assert len(ENGLISH.subject(titles, DigestKind.DAILY)) <= LONGEST_SUBJECT


@pytest.mark.parametrize("more", [0, 1, 9, 49])
def test_a_subject_without_spaces_is_bounded(more: int) -> None:
    """A title of one long word fits too, its ellipsis counted."""
    assert len(ENGLISH.subject(("x" * 300,) * (more + 1), DigestKind.DAILY)) <= LONGEST_SUBJECT


def test_a_paper_goes_by_what_stands_before_its_colon() -> None:
    """Only a colon before a space ends a name, and a long title is cut between words."""
    assert short_title("LiPO: Listwise") == "LiPO"
    assert short_title("Ratio 3:1 holds") == "Ratio 3:1 holds"
    assert (
        short_title("one two three four five six seven eight")
        == "one two three four five six seven…"
    )


def test_counts_and_lists_read_as_words() -> None:
    """One paper is not "1 papers", and the last of a list follows "and"."""
    assert (ENGLISH.count(1), ENGLISH.count(7)) == ("1 paper", "7 papers")
    assert [ENGLISH.listed("ABC"[:n]) for n in range(4)] == ["", "A", "A and B", "A, B and C"]
    assert ENGLISH.preheader(3, ()) == "3 papers that are trending, best first."
    assert ENGLISH.preheader(1, ("X", "Y")) == "1 paper on X and Y, best first."
