"""Numbers drawn small."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.sparkline import BLOCKS, PLAIN, sparkline, sparkline_svg

SVG = "{http://www.w3.org/2000/svg}"
NUMBERS = st.lists(st.integers(0, 10**6), max_size=200)


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([7], "▁"),
        ([3, 3, 3], "▁▁▁"),
        ([0, 7], "▁█"),
        (range(8), BLOCKS),
        ([1, 22, 5], "▁█▂"),
    ],
)
def test_the_least_is_low_and_the_greatest_high(values: list[int], drawn: str) -> None:
    """One block a number, between the least and the greatest of the row."""
    assert sparkline(values) == drawn


def test_a_terminal_without_unicode_gets_ascii() -> None:
    """The same heights in fewer steps."""
    assert sparkline(range(6), unicode=False) == PLAIN
    assert PLAIN.isascii()


@given(NUMBERS)
def test_a_long_row_is_thinned_to_its_width(values: list[int]) -> None:
    """No more characters than there is room for, and none where there is nothing."""
    assert len(sparkline(values, width=20)) == min(len(values), 20)


def test_thinning_keeps_both_ends() -> None:
    """What it began and what it came to are always seen."""
    assert sparkline([9, *[0] * 100, 9], width=5) == "█▁▁▁█"


@given(NUMBERS.filter(bool), st.text(st.characters(codec="utf-8", exclude_categories=["C"])))
def test_a_page_s_line_says_what_it_is_and_stays_in_its_frame(values: list[int], said: str) -> None:
    """Whatever the title, it is one well-formed image with that title, and no point outside."""
    image = ElementTree.fromstring(sparkline_svg(values, title=said, width=80, height=20))
    assert (image.get("role"), image.get("aria-label")) == ("img", said)
    assert (image.findtext(f"{SVG}title") or "") == said
    line = image.find(f"{SVG}polyline")
    assert line is not None
    points = [point.split(",") for point in (line.get("points") or "").split()]
    assert len(points) == min(len(values), 80)
    assert all(0 <= float(x) <= 80 and 0 <= float(y) <= 20 for x, y in points)


def test_without_numbers_a_page_shows_nothing() -> None:
    """There is no empty frame."""
    assert sparkline_svg([], title="votes") == ""


def test_more_is_higher_on_a_page_too() -> None:
    """The y axis of SVG points down."""
    assert 'points="1.5,22.5 118.5,1.5"' in sparkline_svg([1, 2], title="votes")


def test_a_title_cannot_leave_its_place() -> None:
    """Mark-up in it is text."""
    drawn = sparkline_svg([1], title='"><script>alert(1)</script>')
    assert "<script" not in drawn
