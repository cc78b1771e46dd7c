"""How plain text is cut."""

from __future__ import annotations

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


@given(st.text(max_size=200), st.integers(2, 100))
def test_shortening_keeps_the_limit(text: str, limit: int) -> None:
    """A shortened text is never longer than asked, and starts as the text does."""
    cut = shorten(text, limit)
    assert len(cut) <= limit
    assert text.startswith(cut.removesuffix("…"))
