"""Which papers a reader gets, in which order, and why."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

from newsletter.papers import PaperId
from newsletter.selection import Candidate, Field, Selection, Wishes

DAY = date(2026, 3, 11)


def candidate(
    name: str, trend: float, seen: date = DAY, *, pinned: bool = False, **matches: float
) -> Candidate:
    return Candidate(paper_id=PaperId(name), seen=seen, trend=trend, matches=matches, pinned=pinned)


def select(candidates: list[Candidate], *follows: str, **wishes: object) -> Selection:
    reader = Wishes(follows=frozenset(follows), **wishes)  # type: ignore[arg-type]
    return Field(candidates, DAY).select([reader])[0]


def names(found: Selection) -> list[str]:
    return [pick.paper_id for pick in found.picks]


def had(*papers: str) -> Collection[PaperId]:
    return [PaperId(name) for name in papers]


def test_the_score_is_match_times_trend() -> None:
    """A sure match on a lesser paper can beat a faint match on a trending one."""
    picks = select([candidate("a", 1.0, x=0.5), candidate("b", 0.6, x=0.9)], "x").picks
    assert [(pick.paper_id, round(pick.score, 2)) for pick in picks] == [("b", 0.54), ("a", 0.5)]


def test_equal_scores_go_to_the_earlier_candidate() -> None:
    """An issue's candidates stand in an order; equal scores never shuffle."""
    found = [candidate(name, 1, x=0.5) for name in "cab"]
    assert names(select(found, "x")) == ["c", "a", "b"]


def test_of_equals_the_newer_comes_first() -> None:
    """Freshness counts little, but it counts."""
    found = [candidate("old", 1, DAY - timedelta(days=4), x=0.5), candidate("new", 1, x=0.5)]
    assert names(select(found, "x")) == ["new", "old"]


def test_a_muted_topic_excludes_whatever_else_matches() -> None:
    """Muting is stronger than following."""
    found = select([candidate("a", 1, x=0.9, y=0.5)], "x", mutes=frozenset({"y"}))
    assert names(found) == []


def test_interests_are_not_averaged_and_reasons_are_surest_first() -> None:
    """The best of several followed topics counts, and all are told."""
    (pick,) = select([candidate("a", 1, x=0.6, y=0.9, z=0.99)], "x", "y").picks
    assert (round(pick.score, 3), pick.reasons) == (0.9, ("y", "x"))


def test_who_follows_nothing_gets_what_is_trending() -> None:
    """Without topics the trend alone decides, and no reason is made up."""
    found = select([candidate("a", 0.5, x=0.9), candidate("b", 0.8)])
    assert names(found) == ["b", "a"]
    assert found.picks[0].reasons == ()


def test_nothing_is_repeated_and_the_length_is_kept() -> None:
    """What a reader had gives its place to the next one."""
    found = [candidate(name, 1 - at / 10, x=0.9) for at, name in enumerate("abcd")]
    chosen = select(found, "x", had=had("a"), length=2)
    assert names(chosen) == ["b", "c"]
    assert (chosen.had, chosen.beyond, chosen.reason) == (1, 1, "")


def test_an_empty_selection_says_why() -> None:
    """The reason counts what was sent before, muted and off topic."""
    found = [candidate("a", 1, x=0.9), candidate("b", 1, y=0.9), candidate("c", 1, x=0.9, z=0.9)]
    chosen = select(found, "x", mutes=frozenset({"z"}), had=had("a"))
    assert chosen.reason == "nothing new matched (1 already sent, 1 muted, 1 off topic)"


def test_what_does_not_fit_waits_for_another_day() -> None:
    """The last of them, never the best; the best comes even where it alone is too large."""
    found = [candidate(name, trend) for name, trend in (("a", 1), ("b", 0.9), ("c", 0.8))]
    sizes = {PaperId("a"): 40, PaperId("b"): 40, PaperId("c"): 1}

    def fitting(room: int) -> Selection:
        return Field(found, DAY, (), sizes, room).select([Wishes(length=3)])[0]

    assert names(fitting(80)) == ["a", "b"]
    assert fitting(80).beyond == 1
    assert names(fitting(1)) == ["a"]
    assert len(fitting(81).picks) == 3


def test_no_topic_fills_a_digest_while_another_is_nearly_as_good() -> None:
    """The third paper of a topic waits for the first of another that is but a little weaker."""
    found = [candidate(f"x{n}", 0.9, x=0.9) for n in range(3)] + [candidate("y", 0.8, y=0.9)]
    assert names(select(found, "x", "y", length=3)) == ["x0", "x1", "y"]


def test_a_topic_that_had_nothing_last_time_comes_before_all_others() -> None:
    """Its best paper is in, however weak, and stands where its score puts it."""
    found = [candidate(f"x{n}", 1, x=0.99) for n in range(5)]
    found += [candidate("y0", 0.3, y=0.6), candidate("y1", 0.2, y=0.6)]
    assert names(select(found, "x", "y", length=3)) == ["x0", "x1", "x2"]
    assert names(select(found, "x", "y", length=3, starved={"y"})) == ["x0", "x1", "y0"]


def test_votes_move_papers_and_silence_none() -> None:
    """What a reader's votes speak for comes first; what they speak against still comes."""
    found = [candidate("a", 0.8, x=0.9), candidate("b", 0.7, y=0.9)]
    fit = {PaperId("a"): 0.5, PaperId("b"): 2.0}
    assert names(select(found, "x", "y")) == ["a", "b"]
    assert names(select(found, "x", "y", fit=fit)) == ["b", "a"]


def test_a_discovery_is_the_most_trending_paper_of_other_topics() -> None:
    """In the last place of a full digest, without a reason, and never of a muted topic."""
    found = [candidate(f"x{n}", 0.9, x=0.9) for n in range(3)]
    found += [candidate("muted", 1, z=0.9), candidate("new", 0.8, y=0.9)]
    chosen = select(found, "x", mutes=frozenset({"z"}), length=2, discover=True)
    assert names(chosen) == ["x0", "new"]
    assert chosen.picks[1].reasons == ()


def test_a_discovery_takes_no_place_that_was_promised() -> None:
    """Neither of what is pinned, nor of a starved topic, nor the only one."""
    found = [candidate("x", 0.9, x=0.9), candidate("y", 0.3, y=0.6), candidate("new", 1, z=0.9)]
    assert names(select(found, "x", length=1, discover=True)) == ["x"]
    starved = select(found, "x", "y", length=2, discover=True, starved={"y"})
    assert names(starved) == ["x", "y"]
    pinned = [candidate("pin", 0.2, pinned=True), *found]
    assert names(select(pinned, "x", length=2, discover=True)) == ["pin", "new"]


def test_what_the_editor_pinned_leads_off_topic_too() -> None:
    """But not for who muted its topic."""
    found = [candidate("x", 1, x=0.9), candidate("pinned", 0.2, pinned=True, y=0.9)]
    assert names(select(found, "x")) == ["pinned", "x"]
    assert names(select(found, "x", mutes=frozenset({"y"}))) == ["x"]


def test_explaining_tells_of_every_candidate_why() -> None:
    """Picks first, in order, then the others by score, each with what decided."""
    found = [
        candidate("picked", 0.9, x=0.9),
        candidate("weaker", 0.5, x=0.9),
        candidate("had", 0.8, x=0.9),
        candidate("off", 0.8, y=0.9),
        candidate("muted", 0.8, x=0.9, z=0.9),
    ]
    reader = Wishes(follows=frozenset({"x"}), mutes=frozenset({"z"}), had=had("had"), length=1)
    told = {one.paper_id: one for one in Field(found, DAY).explain(reader)}
    assert {name: one.verdict for name, one in told.items()} == {
        "picked": "picked",
        "weaker": "out: others were better",
        "had": "out: sent before",
        "off": "out: under no followed topic",
        "muted": "out: under a muted topic",
    }
    first = told[PaperId("picked")]
    assert (first.place, first.topic, round(first.score, 2)) == (1, "x", 0.81)
    assert told[PaperId("weaker")].repeats == 1
