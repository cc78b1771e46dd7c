"""What a reader sees of TeX."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering.tex import to_unicode
from newsletter.resources import folder

TABLE = [
    ("Align^2LLaVA: Cascaded", "Align²LLaVA: Cascaded"),
    (r"I-SHEEP gains 78.2\%", "I-SHEEP gains 78.2%"),
    ("(D^2O)", "(D²O)"),
    ("COCO is \"ALL'' You Need", "COCO is “ALL” You Need"),
    (r"$\mathcal{O}(n\log n)$ with $\ell_2$", "O(n log n) with ℓ₂"),
    (r"Nystr\"om-Initiated", "Nyström-Initiated"),
    (r"Andr\'e and Fran\c{c}ois", "André and François"),
    ("costs $5 and $10", "costs $5 and $10"),
    ("a 50% gain", "a 50% gain"),
    ("user_name, github.com/a_b", "user_name, github.com/a_b"),
    (r"\href{https://a.test/c_d}{here}", "here"),
    (r"see \url{https://a.test/a_z}", "see https://a.test/a_z"),
    ("https://a.test/~x/a--b", "https://a.test/~x/a--b"),
    (r"unknown \method{abc}, C:\new", r"unknown \method{abc}, C:\new"),
    (r"$\beta_{\text{max}}$ and $x^{2}$", "βₘₐₓ and x²"),
    (r"$x^{a+Q}$", "x^(a+Q)"),
    (r"LiPO-{\lambda} e.g.\ this", "LiPO-λ e.g. this"),
    (r"\textbf{a \emph{b}} c", "a b c"),
    ("``lite'' -- weight", "“lite” – weight"),
    ("two\n  lines", "two lines"),
    ("a\0b\x07c\u202ed\u200be", "a b cde"),
    ("$ $ $", "$ $ $"),
    ("", ""),
]


@pytest.mark.parametrize(("raw", "shown"), TABLE)
def test_tex_is_shown_as_people_write_it(raw: str, shown: str) -> None:
    """Known TeX becomes Unicode, everything else stays."""
    assert to_unicode(raw) == shown


def test_nothing_of_the_saved_page_makes_a_reader_stumble() -> None:
    """After conversion no TeX is left in the 70 titles and abstracts."""
    text = (folder("seeds") / "trending-papers.txt").read_text(encoding="utf-8")
    left = re.compile(r"\\[A-Za-z%]|\$[^$]+\$|[\^_]\{|``|''")
    found = [left.search(to_unicode(block)) for block in text.split("\n\n")[5:]]
    assert [one[0] for one in found if one] == []


@given(st.text(max_size=300) | st.text(alphabet="\\${}^_ab'`~\"(1", max_size=60))
def test_anything_becomes_one_clean_line(text: str) -> None:
    """No input raises, and no output has a control character or a second line."""
    shown = to_unicode(text)
    assert not any(unicodedata.category(c) == "Cc" for c in shown)
    assert len(shown) <= 4 * len(text) + 10


@pytest.mark.parametrize("sign", ["$", "{", "\\", "^", "`", "$a", "\\emph{", "\\href{", "^{", "~"])
def test_a_hostile_length_is_borne(sign: str) -> None:
    """Two hundred thousand signs of TeX return."""
    assert to_unicode(sign * 200_000)
