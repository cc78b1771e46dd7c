"""Segments that can be joined."""

from __future__ import annotations

import quopri

from hypothesis import given
from hypothesis import strategies as st

from newsletter.quoted import LONGEST_LINE, encode

TEXTS = st.lists(
    st.text(max_size=200)
    | st.text(alphabet=". =\n\tFrom ä", max_size=120)
    | st.integers(60, 90).map(lambda n: "x" * n)
)


@given(TEXTS)
def test_joined_segments_decode_to_the_joined_texts(texts: list[str]) -> None:
    """Whatever the pieces hold, the decoder sees one text."""
    joined = b"".join(encode(text) for text in texts)
    plain = "".join(text.replace("\r\n", "\n").replace("\r", "\n") for text in texts)
    assert quopri.decodestring(joined).replace(b"\r\n", b"\n").decode() == plain


@given(TEXTS)
def test_lines_are_short_and_harmless(texts: list[str]) -> None:
    """No line is over 76 octets, begins with a dot or with "From ", or ends in white space."""
    for line in b"".join(encode(text) for text in texts).split(b"\r\n"):
        assert len(line) <= LONGEST_LINE
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b"\t"))
        assert line.isascii()
        assert b"\n" not in line
