"""How plain text is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering.prose import sentences, shorten


def test_sentences_do_not_end_at_abbreviations() -> None:
    """ "e.g.", initials and decimals are inside a sentence."""
    text = "We use X, e.g. Y, of J. Smith et al. Then it gains 78.2% more. The end!"
    assert sentences(text) == [
        "We use X, e.g. Y, of J. Smith et al. Then it gains 78.2% more.",
        "The end!",
    ]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("It is a paradigm.This human-like one flies.", 2),
        ("Between the matrices A and B. We go on.", 2),
        ("Of strings, tails, etc. The end.", 2),
        ("See Node.js or https://a.test/page.This one", 1),
        ("A test (of kites).” The next one‘s here", 2),
        ("Shown in Fig. 3 and Eq. 4.", 1),
    ],
)
def test_sentences_are_told_apart(text: str, count: int) -> None:
    """A space may be missing; a dot in a name, a link or an abbreviation ends nothing."""
    assert len(sentences(text)) == count


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("one two three", 13, "one two three"),
        ("one two three", 12, "one two…"),
        ("one two three", 8, "one two…"),
        ("one, (two three", 8, "one…"),
        ("日本語の論文", 4, "日本語…"),
        ("👩\u200d🔬👩\u200d🔬👩\u200d🔬", 6, "👩\u200d🔬…"),
        ("🇳🇴🇸🇪🇩🇰", 4, "🇳🇴…"),
        ("👍🏽👍🏽👍🏽", 4, "👍🏽…"),
        ("e\u0301" * 4, 4, "e\u0301…"),
    ],
)
def test_a_text_is_cut_between_what_belongs_together(text: str, limit: int, shown: str) -> None:
    """Between words; within a long one, never within what is shown as one character."""
    assert shorten(text, limit) == shown


@given(st.text(max_size=200), st.integers(2, 100))
def test_shortening_keeps_the_limit(text: str, limit: int) -> None:
    """A shortened text is never longer than asked, and starts as the text does."""
    cut = shorten(text, limit)
    assert len(cut) <= limit
    assert text.startswith(cut.removesuffix("…"))
