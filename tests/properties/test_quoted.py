"""Segments that can be joined."""

from __future__ import annotations

import binascii
import quopri

from hypothesis import given
from hypothesis import strategies as st

from newsletter.quoted import LONGEST_LINE, SOFT_BREAK, encode, travels

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


@given(TEXTS)
def test_segments_travel_as_they_are(texts: list[str]) -> None:
    """Joined in any order, no server needs a line of them changed."""
    segments = [encode(text) for text in texts]
    assert all(travels(segment) for segment in segments)
    assert travels(b"".join(segments))


@given(
    st.integers(60, 90), st.sampled_from(["", "\n", "\n."]), st.text(alphabet=".=ä\n", max_size=9)
)
def test_what_is_left_of_a_line_that_grew_begins_it_well(n: int, end: str, rest: str) -> None:
    """A line that its mended start made too long goes on in one that needs no change either."""
    for text in ("." * n + end + rest, "." + "x" * n + ".b{margin:0}" + end + rest):
        segment = encode(text)
        assert travels(segment)
        plain = quopri.decodestring(segment).replace(b"\r\n", b"\n").decode()
        assert plain == text


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=74))
def test_a_short_text_is_encoded_as_a_long_one(text: str) -> None:
    """What stands for itself is what the whole encoder would have written."""
    long = encode(f"{text}\n\xe9")  # takes the long way for its last letter
    plain = binascii.b2a_qp(text.encode(), istext=True)
    if plain == text.encode() and not text.startswith((".", "From ")) and len(text) <= 72:
        assert encode(text) == (text.encode() + SOFT_BREAK if text else b"")
    assert long.startswith(encode(text).removesuffix(SOFT_BREAK))


def test_what_a_server_might_change_does_not_travel() -> None:
    """A dot at the start of a line, a bare half of a line end, and a line that has none."""
    for segment in (b".\r\n", b"a\r\n.b\r\n", b"a\nb\r\n", b"a\rb\r\n", b"a\r\nb", b"a\n"):
        assert not travels(segment)
