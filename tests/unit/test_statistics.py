"""Periods, sums, shares and percentiles of days, how they are told, and how they are drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import plots
from newsletter.plots import Told
from newsletter.statistics import (
    QUARTER,
    Line,
    Period,
    Unit,
    bar,
    by_day,
    change_in_words,
    count,
    fewer,
    in_words,
    level,
    percentile,
    ratio,
    signed,
    spans,
)

MARCH = Period(first=date(2026, 3, 5), last=date(2026, 3, 11))
ZONES = ("UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati", "America/New_York")
SVG = "{http://www.w3.org/2000/svg}"


def test_a_period_knows_its_days_and_those_before() -> None:
    """The first and the last day count; as many lie before."""
    assert (MARCH.length, MARCH.days[0], MARCH.days[-1]) == (7, MARCH.first, MARCH.last)
    assert MARCH.before == Period(first=date(2026, 2, 26), last=date(2026, 3, 4))
    new_york = ZoneInfo("America/New_York")  # the clocks go forward on 8 March
    assert MARCH.begins(new_york) == datetime(2026, 3, 5, 5, tzinfo=UTC)
    assert MARCH.ends(new_york) == datetime(2026, 3, 12, 4, tzinfo=UTC)


@given(st.integers(0, 3 * 366 * 86_400), st.sampled_from(ZONES))
def test_a_quarter_of_an_hour_is_of_one_day(after: int, name: str) -> None:
    """Wherever it is counted, an instant falls on its own day, and within the period's instants."""
    zone, instant = ZoneInfo(name), datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=after)
    day = instant.astimezone(zone).date()
    assert by_day({int(instant.timestamp()) // QUARTER: 3}, zone) == {day: 3}
    period = Period(first=day, last=day)
    assert period.begins(zone) <= instant < period.ends(zone)


def test_days_without_a_number_are_filled_and_those_outside_do_not_count() -> None:
    """The sums are of the period, and of as many days before."""
    days = {MARCH.first: 2, MARCH.last: 3, MARCH.last + timedelta(days=1): 9}
    line = count("k", "l", days | {MARCH.before.last: 4, date(2026, 2, 25): 9}, MARCH)
    assert (line.days, line.total, line.before) == ((2, 0, 0, 0, 0, 0, 3), 5, 4)
    assert line.change == 0.25
    assert count("k", "l", {}, MARCH).silent


def test_a_share_is_of_the_sums_and_of_nothing_there_is_none() -> None:
    """Days are not averaged: a day of three mails weighs less than one of a thousand."""
    part = count("p", "p", {MARCH.first: 1, MARCH.last: 1}, MARCH)
    whole = count("w", "w", {MARCH.first: 1, MARCH.last: 999}, MARCH)
    found = ratio("r", "r", part, whole)
    assert (found.days[0], found.days[1], found.total) == (1, None, 0.002)
    assert (found.before, found.change) == (None, None)


def test_a_level_is_counted_back_from_now() -> None:
    """What moved after the period is taken off first."""
    moves = {date(2026, 3, 4): 5, date(2026, 3, 6): 2, MARCH.last: -1, date(2026, 3, 13): 10}
    line = level("k", "l", 30, moves, MARCH, date(2026, 3, 14))
    assert line.days == (19, 21, 21, 21, 21, 21, 20)
    assert (line.total, line.before) == (20, 19)


@given(st.lists(st.integers(0, 50), min_size=1), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_one_of_the_values(values: list[int], share: float) -> None:
    """As many as asked for are not above it, and fewer are below it."""
    found = percentile(Counter(values), share)
    assert found in values
    assert sum(one <= found for one in values) >= share * len(values)
    assert sum(one < found for one in values) < share * len(values)


def test_percentiles_of_days_and_of_all_of_them() -> None:
    """A day without has none."""
    waits = {MARCH.first: {1: 9, 100: 1}, MARCH.last: {5: 100}}
    line = spans("k", "l", waits, 0.95, MARCH)
    assert line.days == (100, None, None, None, None, None, 5)
    assert (line.total, line.before) == (5, None)


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (1234, Unit.COUNT, "1,234"),
        (-12, Unit.COUNT, "−12"),
        (None, Unit.COUNT, "–"),
        (0.00123, Unit.SHARE, "0.12 %"),
        (1.0, Unit.SHARE, "100 %"),
        (6.04, Unit.MEAN, "6.0"),
        (119, Unit.SECONDS, "119 s"),
        (2700, Unit.SECONDS, "45 min"),
        (12_060, Unit.SECONDS, "3 h 21 min"),
    ],
)
def test_numbers_are_told_in_words(value: float | None, unit: Unit, said: str) -> None:
    """Each with its unit."""
    assert in_words(value, unit) == said


@pytest.mark.parametrize(
    ("total", "before", "said"),
    [
        (112, 100, "+12 %"),
        (97, 100, "−3 %"),
        (100, 100, "±0 %"),
        (5, 0, "new"),
        (0, 0, ""),
        (-5, 0, ""),
        (3, -2, ""),  # of less than nothing there is no share
        (None, 3, ""),
    ],
)
def test_the_change_is_told_where_there_is_one(
    total: float | None, before: float, said: str
) -> None:
    """Against the period before, as a share of it."""
    line = Line(key="k", label="l", days=(), total=total, before=before)
    assert change_in_words(line) == said


def test_small_things_for_a_terminal() -> None:
    """Bars show whatever there is; too many days are told by means of some in a row."""
    assert (bar(1, 1000, 10), bar(0, 5, 10), bar(0, 0, 10)) == ("█", "", "")
    assert bar(5, 5, 10, unicode=False) == "##########"
    assert fewer((1, None, 3), 5) == [1, 0, 3]
    assert fewer((1, 3, None, 10), 2) == [2, 5]
    assert [signed(one) for one in (3, -3, 0)] == ["+3", "−3", "±0"]


def drawing(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def test_columns_stand_on_each_other_and_are_told() -> None:
    """Heights add up to the day's sum; words are escaped, for readers and for pointers."""
    told = Told(key="a", title="<b> & co", words="at most 3")
    axis = plots.scale(4)
    found = drawing(plots.columns(told, [(1, 0), (3, None)], axis, ["<1>", "2"], rules=(2,)))
    assert found.get("aria-labelledby") == "a-title a-words"
    assert [found.findtext(f"{SVG}{one}") for one in ("title", "desc")] == ["<b> & co", "at most 3"]
    first, second = found.findall(f"{SVG}g")
    assert first.findtext(f"{SVG}title") == "<1>"
    boxes = [one for one in first.findall(f"{SVG}rect") if one.get("class") != "room"]
    assert [float(one.get("height", "")) for one in boxes] == [25, 75]
    assert float(boxes[1].get("y", "")) == 0
    assert len(second.findall(f"{SVG}rect")) == 1  # its room alone
    assert len([one for one in found.iter() if one.get("class") == "rule"]) == 1


def test_what_goes_hangs_below_the_line() -> None:
    """0 stands where both meet."""
    axis = plots.scale(30, -4)
    told = Told(key="a", title="t", words="w")
    found = drawing(plots.balance(told, (30,), (4,), axis, ["1"]))
    _, up, down = found.findall(f"{SVG}g/{SVG}rect")
    zero = axis.height(0)
    assert float(up.get("y", "")) + float(up.get("height", "")) == pytest.approx(zero, abs=0.02)
    assert float(down.get("y", "")) == pytest.approx(zero, abs=0.01)
    assert (axis.high, axis.low) == (30, -8)


def test_a_line_goes_over_missing_days_and_one_day_is_a_dot() -> None:
    """Nothing is drawn of nothing."""
    told, axis = Told(key="a", title="t", words="w"), plots.scale(10)
    found = drawing(plots.lines(told, [(10, None, 5)], axis, ["1", "2", "3"], area=True))
    assert [one.get("points") for one in found.iter(f"{SVG}polyline")] == ["5,0.00 25,50.00"]
    dot = drawing(plots.lines(told, [(None, 5), (None, None)], axis, ["1", "2"]))
    assert [one.get("points") for one in dot.iter(f"{SVG}polyline")] == ["15,50.00 15,50.00"]


@given(st.just(0.0) | st.floats(1e-6, 1e9), st.integers(-10_000, 0))
def test_an_axis_holds_what_is_drawn(most: float, least: int) -> None:
    """Nothing sticks out, above or below; most of it is used, and 0 is told."""
    axis = plots.scale(most, least)
    assert axis.low <= least
    assert axis.high >= most * (1 - 1e-9)
    assert max(most, -least / 4) >= axis.high * 0.7 or axis.high == 1
    assert axis.low >= least - max(1, axis.high / 2)
    assert plots.ticks(axis)[0] == axis.high
    assert 0 in plots.ticks(axis)
