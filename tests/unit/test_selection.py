"""Which papers a reader gets, and in which order."""

from __future__ import annotations

from datetime import date

from newsletter.papers import PaperId
from newsletter.selection import Candidate, rank, take

DAY = date(2026, 3, 11)


def candidate(name: str, trend: float, seen: date = DAY, **matches: float) -> Candidate:
    return Candidate(paper_id=PaperId(name), seen=seen, trend=trend, matches=matches)


def names(
    candidates: list[Candidate], follows: set[str], mutes: set[str] = frozenset()
) -> list[str]:  # type: ignore[assignment]
    return [pick.paper_id for pick in rank(candidates, follows, mutes).picks]


def test_the_score_is_match_times_trend() -> None:
    """A sure match on a lesser paper can beat a faint match on a trending one."""
    found = [candidate("a", 1.0, x=0.5), candidate("b", 0.6, x=0.9)]
    picks = rank(found, {"x"}, set()).picks
    assert [(pick.paper_id, round(pick.score, 2)) for pick in picks] == [("b", 0.54), ("a", 0.5)]


def test_ties_go_to_the_newer_then_the_lower_id() -> None:
    """Equal scores never shuffle."""
    found = [
        candidate("c", 1, x=0.5),
        candidate("b", 1, x=0.5),
        candidate("a", 1, date(2026, 3, 10), x=0.5),
    ]
    assert names(found, {"x"}) == ["b", "c", "a"]


def test_a_muted_topic_excludes_whatever_else_matches() -> None:
    """Muting is stronger than following."""
    assert names([candidate("a", 1, x=0.9, y=0.5)], {"x"}, {"y"}) == []


def test_interests_are_not_averaged_and_reasons_are_surest_first() -> None:
    """The best of several followed topics counts, and all are told."""
    (pick,) = rank([candidate("a", 1, x=0.6, y=0.9, z=0.99)], {"x", "y"}, set()).picks
    assert (pick.score, pick.reasons) == (0.9, ("y", "x"))


def test_who_follows_nothing_gets_what_is_trending() -> None:
    """Without topics the trend alone decides, and no reason is made up."""
    found = [candidate("a", 0.5, x=0.9), candidate("b", 0.8)]
    assert names(found, set()) == ["b", "a"]
    assert rank(found, set(), set()).picks[0].reasons == ()


def test_nothing_is_repeated_and_the_length_is_kept() -> None:
    """What a reader had gives its place to the next one."""
    found = [candidate(name, 1 - at / 10, x=0.9) for at, name in enumerate("abcd")]
    chosen = take(rank(found, {"x"}, set()), {PaperId("a")}, 2)
    assert [pick.paper_id for pick in chosen.picks] == ["b", "c"]
    assert (chosen.had, chosen.beyond, chosen.reason) == (1, 1, "")


def test_an_empty_selection_says_why() -> None:
    """The reason counts what was sent before, muted and off topic."""
    found = [candidate("a", 1, x=0.9), candidate("b", 1, y=0.9), candidate("c", 1, x=0.9, z=0.9)]
    chosen = take(rank(found, {"x"}, {"z"}), {PaperId("a")}, 5)
    assert chosen.reason == "nothing new matched (1 already sent, 1 muted, 1 off topic)"


def test_what_does_not_fit_waits_for_another_day() -> None:
    """The last of them, never the best; the best comes even where it alone is too large."""
    found = rank(
        [candidate(name, trend) for name, trend in (("a", 1), ("b", 0.9), ("c", 0.8))], (), ()
    )
    sizes = {PaperId("a"): 40, PaperId("b"): 40, PaperId("c"): 1}
    fitting = take(found, (), 3, sizes=sizes, room=80)
    assert [pick.paper_id for pick in fitting.picks] == ["a", "b"]
    assert fitting.beyond == 1
    assert [pick.paper_id for pick in take(found, (), 3, sizes=sizes, room=1).picks] == ["a"]
    assert len(take(found, (), 3, sizes=sizes, room=81).picks) == 3
