"""How much a paper is trending."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers import Observation, PaperId
from newsletter.trending import ADDED, FADED, UNTOLD, Trend, trends

NOON = datetime(2026, 3, 11, 12, tzinfo=UTC)
TODAY = NOON.date()
YESTERDAY = TODAY - timedelta(days=1)
HOUR = timedelta(hours=1)


def seen(
    position: int | None, of: int | None, source: str = "page", days: int = 0, paper: str = "a"
) -> Observation:
    at = NOON + timedelta(days=days)
    return Observation(paper_id=PaperId(paper), source=source, at=at, position=position, of=of)


def voted(
    paper: str,
    votes: int | None,
    day: date = YESTERDAY,
    at: datetime = NOON,
    comments: int | None = None,
    source: str = "votes",
) -> Observation:
    return Observation(
        paper_id=PaperId(paper), source=source, at=at, listed=day, votes=votes, comments=comments
    )


def found(
    *observations: Observation,
    now: datetime = NOON,
    pictured: str = "",
    reliability: dict[str, float] | None = None,
) -> dict[str, Trend]:
    by_paper: dict[PaperId, list[Observation]] = {}
    for one in observations:
        by_paper.setdefault(one.paper_id, []).append(one)
    ids = {PaperId(paper) for paper in pictured}
    return {
        str(name): trend
        for name, trend in trends(by_paper, now, pictured=ids, reliability=reliability).items()
    }


def order(told: dict[str, Trend]) -> str:
    """The papers, best first; equal ones in brackets."""
    groups: dict[float, list[str]] = {}
    for name, trend in sorted(told.items()):
        groups.setdefault(round(trend.score, 12), []).append(name)
    best = [groups[score] for score in sorted(groups, reverse=True)]
    return "".join(names[0] if len(names) == 1 else f"({''.join(names)})" for names in best)


@pytest.mark.parametrize(
    ("position", "of", "standing"),
    [
        (1, 1, 1 / 2),
        (1, 2, 2 / 3),
        (2, 2, 1 / 3),
        (1, 70, 70 / 71),
        (70, 70, 1 / 71),
        (9, 3, 1 / 4),
    ],
)
def test_a_place_is_a_share_of_its_list(position: int, of: int, standing: float) -> None:
    """The first of two is not as sure as the first of seventy; none is below the last."""
    trend = found(seen(position, of))["a"]
    assert trend.signs[0].standing == pytest.approx(standing)
    assert trend.score == pytest.approx(0.5 + 0.5 * standing)


@pytest.mark.parametrize("told", [[], [seen(None, None)], [seen(1, None)], [seen(None, 5)]])
def test_without_a_place_or_votes_there_is_no_trend(told: list[Observation]) -> None:
    """Nothing is made up for a paper whose place is not known."""
    assert found(*told) == {}


def test_an_observation_without_numbers_is_no_sign() -> None:
    """A source that only saw the paper says nothing about its trend."""
    assert found(voted("a", None)) == {}


def test_votes_count_where_a_place_is_told_without_how_many() -> None:
    """Half a place is none."""
    half = Observation(paper_id=PaperId("a"), source="votes", at=NOON, position=1, votes=3)
    assert found(half)["a"].position == 1


SIGNS = {
    "votes decide": ("ab", {"a": (90, 0), "b": (40, 0)}, ""),
    "equal votes are equal": ("a(bc)", {"a": (9, 1), "b": (7, 1), "c": (7, 2)}, ""),
    "two votes come with being submitted": ("a(bc)", {"a": (3, 0), "b": (2, 9), "c": (0, 0)}, ""),
    "talk breaks ties": ("ba", {"a": (7, 2), "b": (7, 3)}, ""),
    "talk passes who has a little more": ("ba", {"a": (11, 1), "b": (10, 6)}, ""),
    "talk passes nobody who has far more": ("ab", {"a": (40, 1), "b": (20, 9)}, ""),
    "a picture breaks ties": ("ba", {"a": (7, 0), "b": (7, 0)}, "b"),
    "a picture is no vote": ("ab", {"a": (8, 0), "b": (7, 0)}, "b"),
    "silence about comments is none": ("(ab)", {"a": (7, None), "b": (7, 0)}, ""),
}  # fmt: skip


@pytest.mark.parametrize(("expected", "papers", "pictured"), SIGNS.values(), ids=SIGNS)
def test_what_orders_a_list(
    expected: str, papers: dict[str, tuple[int, int | None]], pictured: str
) -> None:
    """Votes first; talk and pictures between those that votes hardly tell apart."""
    observations = [voted(k, v, comments=c) for k, (v, c) in papers.items()]
    assert order(found(*observations, pictured=pictured)) == expected


def test_equals_share_the_middle_place() -> None:
    """Neither of two papers with as many votes is ahead; both are told the better place."""
    told = found(voted("a", 9), voted("b", 7), voted("c", 7))
    assert told["b"].signs[0].standing == told["c"].signs[0].standing == pytest.approx(1.5 / 4)
    assert {told[name].position for name in "bc"} == {2}


def test_a_quiet_day_stands_beside_a_busy_one() -> None:
    """Only the place counts: the best of three with 9 votes is as high as the best with 900."""
    busy = [voted(k, v) for k, v in (("a", 900), ("b", 400), ("c", 40))]
    quiet = [voted(k, v, source="other") for k, v in (("d", 9), ("e", 5), ("f", 3))]
    assert order(found(*busy, *quiet)) == "(ad)(be)(cf)"


def test_a_trend_tells_its_list() -> None:
    """What a card says: the place, of how many, the votes and the day."""
    trend = found(voted("a", 9), voted("b", 7))["b"]
    assert (trend.position, trend.of, trend.votes, trend.day) == (2, 2, 7, YESTERDAY)
    assert found(seen(1, 4))["a"].day is None


def test_the_latest_look_counts() -> None:
    """A paper that fell is no longer where it was, whatever order the two are read in."""
    both = [seen(9, 10, days=1), seen(1, 10)]
    assert found(*both) == found(*both[::-1])
    assert found(*both)["a"].position == 9


def test_several_sources_make_it_surer() -> None:
    """Two signs are more than the better of them, which is what a card tells."""
    one, two = seen(9, 10, "p"), seen(1, 10, "q")
    both = found(one, two)["a"]
    weak, strong = found(one)["a"].score, found(two)["a"].score
    assert both.score == pytest.approx(1 - (1 - weak) * (1 - strong))
    assert [sign.source for sign in both.signs] == ["q", "p"]
    assert both.position == 1


def test_a_source_counts_as_much_as_it_is_relied_on() -> None:
    """Half as reliable, half the sign; one that nobody spoke of is relied on whole."""
    half = found(seen(1, 10, "p"), reliability={"p": 0.5})["a"]
    assert half.score == pytest.approx(0.5 * found(seen(1, 10, "p"))["a"].score)
    assert half.signs[0].reliability == 0.5


def test_a_young_list_is_not_yet_sure() -> None:
    """A morning's first is behind yesterday's first and third, and ahead of yesterday's middle."""
    morning = datetime(2026, 3, 11, 7, tzinfo=UTC)
    old = [voted(k, v, at=morning) for k, v in zip("bcdef", (50, 40, 30, 20, 10), strict=True)]
    new = [voted(k, v, TODAY, at=morning) for k, v in (("a", 6), ("g", 4), ("h", 3))]
    assert order({k: found(*old, *new, now=morning)[k] for k in "abde"}) == "bade"


def test_the_last_looks_hour_ripens_a_list() -> None:
    """Time that passes without a look makes nothing surer."""
    at = datetime(2026, 3, 10, 6, tzinfo=UTC)
    late = found(voted("a", 9, at=at), voted("b", 3, at=at))["a"]
    assert late.signs[0].ripeness == pytest.approx(0.25)


@pytest.mark.parametrize(("days", "fade"), [(0, 1.0), (7, 0.75), (14, 0.625), (9999, 0.5)])
def test_a_trend_fades(days: int, fade: float) -> None:
    """From the end of its day by half each week, and never below a paper that nobody spoke of."""
    now = datetime(2026, 3, 12, tzinfo=UTC) + timedelta(days=days)
    trend = found(seen(10, 10), now=now)["a"]
    assert trend.signs[0].fade == pytest.approx(fade)
    assert UNTOLD.score < trend.score
    assert trend.signs[0].age == timedelta(days=days)


def test_a_list_of_a_day_to_come_is_not_older_than_now() -> None:
    """Zones differ: a list may carry tomorrow's date."""
    told = found(voted("a", 9, TODAY + timedelta(days=1)))["a"].signs[0]
    assert (told.age, told.fade, told.ripeness) == (timedelta(), 1.0, 0.25)


def climbed(paper: str, before: int, votes: int, hours: int = 24) -> list[Observation]:
    return [voted(paper, before, at=NOON - hours * HOUR), voted(paper, votes)]


def test_a_late_riser_is_caught() -> None:
    """Of two with as many votes, the one that got them since yesterday is ahead."""
    told = found(*climbed("a", 40, 40), *climbed("b", 4, 40), *climbed("c", 3, 5))
    assert order(told) == "bac"
    assert told["b"].rising
    assert not told["a"].rising
    sign = told["b"].signs[0]
    assert (sign.pace, sign.lift) == (pytest.approx(1.5), pytest.approx(0.25))


def test_a_pace_is_votes_an_hour() -> None:
    """Looks at different distances say the same where the pace is the same."""
    told = found(*climbed("a", 0, 24, hours=12), *climbed("b", 4, 28, hours=12))
    assert told["a"].signs[0].pace == told["b"].signs[0].pace == 2


@pytest.mark.parametrize(
    ("observations", "pace"),
    [
        ([voted("a", 9)], None),
        ([voted("a", 3, at=NOON - HOUR / 2), voted("a", 9)], None),
        (climbed("a", 5, 7), 0.0),
        (climbed("a", 50, 40), 0.0),
        ([voted("a", 0, at=NOON - 99 * HOUR), *climbed("a", 6, 30)], 1.0),
        ([voted("a", 0, at=NOON - 6 * HOUR), *climbed("a", 3, 9, hours=3)], 1.5),
        ([*climbed("a", 3, 9, hours=3), voted("a", 0, source="other")], 2.0),
    ],
    ids=["once", "too near", "noise", "fallen", "a day back", "the oldest", "another source"],
)
def test_which_two_looks_tell_the_pace(observations: list[Observation], pace: float | None) -> None:
    """The last one, and the last a day before it; where there is none, the oldest."""
    signs = {sign.source: sign for sign in found(*observations)["a"].signs}
    assert signs["votes"].pace == (None if pace is None else pytest.approx(pace))


def test_standing_still_costs_nothing() -> None:
    """A paper looked at twice without new votes is where one look puts it."""
    once = found(voted("a", 40), voted("b", 30))
    twice = found(*climbed("a", 40, 40), *climbed("b", 30, 30))
    assert {k: v.score for k, v in once.items()} == {k: v.score for k, v in twice.items()}


def test_what_an_editor_wants_is_worth_the_last_of_a_list() -> None:
    """And more than what nobody has spoken of."""
    assert UNTOLD.score == ADDED.score * FADED < ADDED.score == 0.5


DAYS = st.sampled_from([TODAY, YESTERDAY, YESTERDAY - timedelta(days=5)])
OBSERVATIONS = st.lists(
    st.builds(
        Observation,
        paper_id=st.sampled_from([PaperId(name) for name in "abcdef"]),
        source=st.sampled_from(["p", "q"]),
        at=st.integers(0, 200).map(lambda hours: NOON - hours * HOUR),
        position=st.none() | st.integers(1, 9),
        of=st.none() | st.integers(1, 9),
        listed=st.none() | DAYS,
        votes=st.none() | st.integers(0, 500),
        comments=st.none() | st.integers(0, 30),
    ),
    max_size=30,
    unique_by=lambda one: (one.paper_id, one.source, one.at),
)
LIST = st.lists(st.integers(0, 400), min_size=1, max_size=26)


def listed(votes: list[int], day: date = YESTERDAY, first: str = "a") -> list[Observation]:
    return [voted(chr(ord(first) + at), count, day) for at, count in enumerate(votes)]


@given(OBSERVATIONS, st.integers(-50, 5000), st.sampled_from([0.01, 0.8, 1.0]))
def test_a_trend_is_a_number_between_0_and_1(
    observations: list[Observation], hours: int, reliability: float
) -> None:
    """Whatever was seen, and whenever it is asked."""
    told = found(
        *observations, now=NOON + hours * HOUR, pictured="ace", reliability={"q": reliability}
    )
    for trend in told.values():
        assert 0 < trend.score <= 1
        for sign in trend.signs:
            shares = (sign.score, sign.standing, sign.ripeness, sign.lift, sign.fade)
            assert all(0 <= share <= 1 for share in shares)
            assert 1 <= sign.position <= sign.of


@given(OBSERVATIONS, st.randoms())
def test_the_order_of_observations_does_not_matter(
    observations: list[Observation], chance: object
) -> None:
    """History is a set."""
    mixed = list(observations)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert found(*mixed) == found(*observations)


@given(OBSERVATIONS, st.integers(0, 500), st.integers(1, 500))
def test_a_trend_never_grows_by_waiting(
    observations: list[Observation], hours: int, more: int
) -> None:
    """What was seen only gets older."""
    early = found(*observations, now=NOON + hours * HOUR)
    late = found(*observations, now=NOON + (hours + more) * HOUR)
    assert all(late[name].score <= early[name].score for name in early)


@given(LIST, st.integers(1, 300))
def test_more_votes_never_harm(votes: list[int], more: int) -> None:
    """The first paper of the list with more votes, all else equal, stands as high or higher."""
    before = found(*listed(votes))["a"]
    after = found(*listed([votes[0] + more, *votes[1:]]))["a"]
    assert after.score >= before.score


@given(LIST)
def test_a_list_is_in_the_order_of_its_votes(votes: list[int]) -> None:
    """Where nothing but votes is told, they alone order; up to two they are none."""
    told = found(*listed(votes))
    counts = {k: max(count, 2) for k, count in zip(told, votes, strict=True)}
    for one in told:
        for other in told:
            assert (counts[one] > counts[other]) == (told[one].score > told[other].score)


@given(LIST, LIST, st.integers(2, 50))
def test_votes_of_another_day_do_not_matter(
    votes: list[int], others: list[int], times: int
) -> None:
    """A day with fifty times the votes leaves every other day's papers where they are."""
    earlier = YESTERDAY - timedelta(days=1)
    mine = listed(votes)
    quiet = found(*mine, *listed(others, earlier, "A"))
    busy = found(*mine, *listed([count * times for count in others], earlier, "A"))
    for one in mine:
        assert busy[one.paper_id] == quiet[one.paper_id]


@given(LIST, st.integers(1, 30))
def test_a_silent_source_does_not_hurt(votes: list[int], of: int) -> None:
    """Papers that a second source names gain by it; the others stay where they are."""
    alone = found(*listed(votes))
    named = found(*listed(votes), seen(of, of))
    assert named["a"].score > alone["a"].score
    assert all(named[name] == alone[name] for name in alone if name != "a")
