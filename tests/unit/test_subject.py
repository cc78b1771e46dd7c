"""The words of a subject and a preheader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.subject import LONGEST_SUBJECT, count, listed, preheader, short_title, subject

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
    assert subject(titles) == line


@given(st.lists(WORDY, min_size=1, max_size=50).map(tuple))
def test_a_subject_of_words_is_bounded(titles: tuple[str, ...]) -> None:
    """Titles of any length and number fit a subject."""
    assert len(subject(titles)) <= LONGEST_SUBJECT


@pytest.mark.parametrize("more", [0, 1, 9, 49])
def test_a_subject_without_spaces_is_bounded(more: int) -> None:
    """A title of one long word fits too, its ellipsis counted."""
    assert len(subject(("x" * 300,) * (more + 1))) <= LONGEST_SUBJECT


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
    assert (count(1), count(7)) == ("1 paper", "7 papers")
    assert [listed("ABC"[:n]) for n in range(4)] == ["", "A", "A and B", "A, B and C"]
    assert preheader(3, ()) == "3 papers trending today, best first."
    assert preheader(1, ("X", "Y")) == "1 paper on X and Y, best first."
