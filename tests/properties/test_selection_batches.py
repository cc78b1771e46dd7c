"""Selection on arrays chooses what plain Python chooses, whatever the candidates and readers."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.papers import PaperId
from newsletter.selection import Candidate, Field, Weights, Wishes
from tests import reference_selection

DAY = date(2026, 3, 5)
SLUGS = st.sampled_from([f"t{number}" for number in range(6)])
SHARE = st.sampled_from([0.2, 0.5, 0.5001, 0.7, 0.91, 0.999])


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    many = draw(st.integers(0, 45))
    return [
        Candidate(
            paper_id=PaperId(f"link:p{number}"),
            seen=DAY - timedelta(days=draw(st.integers(0, 9))),
            trend=draw(SHARE),
            matches=draw(st.dictionaries(SLUGS, SHARE, max_size=3)),
            pinned=draw(st.integers(0, 9)) == 0,
        )
        for number in range(many)
    ]


@st.composite
def wishes(draw: st.DrawFn, papers: list[Candidate]) -> Wishes:
    names = [one.paper_id for one in papers]
    some = st.lists(st.sampled_from(names), max_size=8) if names else st.just([])
    follows = draw(st.frozensets(SLUGS, max_size=4))
    fits = st.sampled_from([0.5, 0.77, 1.0, 1.3, 2.0])
    return Wishes(
        follows=follows,
        mutes=draw(st.frozensets(SLUGS, max_size=1)) - follows,
        length=draw(st.integers(1, 12)),
        discover=draw(st.booleans()),
        had=frozenset(draw(some)),
        starved=frozenset(slug for slug in follows if draw(st.booleans())),
        fit={name: draw(fits) for name in draw(some)},
    )


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_arrays_choose_what_plain_python_chooses(data: st.DataObject) -> None:
    """For a batch of readers of different wishes, with and without limits of room."""
    papers = data.draw(candidates())
    readers = [data.draw(wishes(papers)) for _ in range(data.draw(st.integers(1, 4)))]
    hidden = {one.paper_id for one in papers if data.draw(st.integers(0, 9)) == 0}
    sizes = {one.paper_id: data.draw(st.integers(1, 9)) for one in papers}
    weights = Weights(repeat=data.draw(SHARE), fresh=data.draw(SHARE))
    for limit in (None, sizes):
        found = Field(papers, DAY, hidden, limit, 30, weights).select(readers)
        longest = max(one.length for one in readers)
        assert [[pick.paper_id for pick in one.picks] for one in found] == [
            reference_selection.picks(papers, DAY, one, longest, hidden, limit, 30, weights)
            for one in readers
        ]
