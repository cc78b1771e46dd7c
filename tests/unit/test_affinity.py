"""What votes say of papers: per interest, bounded, fading."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.affinity import LEAST, MOST, Taste, Vote, fit
from newsletter.matching import Matcher
from newsletter.papers import Paper, PaperId

NOW = datetime(2026, 3, 5, tzinfo=UTC)
ROBOT = "robot arm grasps objects by learned manipulation policy and tactile sensing {}"
SPEECH = "speech recognition of spoken language transcribes audio by acoustic phonemes {}"
PROOF = "theorem prover finds formal proofs of lemmas in a proof assistant {}"
KINDS = (
    ROBOT,
    SPEECH,
    PROOF,
    "protein folding predicts molecular structure of amino acids {}",
    "traffic forecasting estimates congestion on urban road graphs {}",
    "galaxy survey telescopes measure redshift of faint quasars {}",
    "federated optimisation aggregates gradients from private clients {}",
)


def paper(number: int, kind: str, authors: Iterable[str] = ()) -> Paper:
    extra = ("simulation dexterous", "noise robust", "benchmark scaling", "transfer data")[
        number % 4
    ]
    return Paper(
        id=PaperId(f"link:{kind[:5]}{number}"),
        title=kind.format(extra),
        abstract=f"{kind.format(number)}. {kind.format(extra)}.",
        authors=tuple(authors),
    )


CANDIDATES = [paper(number, kind) for number in range(12) for kind in KINDS]
TASTE = Taste(Matcher(CANDIDATES))


def vote(number: int, kind: str, value: int = 1, days: int = 0, **more: object) -> Vote:
    return Vote(
        paper=paper(number, kind),
        value=value,
        at=NOW - timedelta(days=days),
        **more,  # type: ignore[arg-type]
    )


def mean(votes: list[Vote], kind: str) -> float:
    """How welcome the candidates of a kind are."""
    liked = TASTE.affinity(votes, NOW)
    mine = [float(liked[at]) for at, one in enumerate(CANDIDATES) if one.title.startswith(kind[:9])]
    return sum(mine) / len(mine)


def test_the_first_vote_counts() -> None:
    """One liked paper makes those like it welcome, and no others."""
    votes = [vote(50, ROBOT)]
    assert mean(votes, ROBOT) > 0.5 > mean(votes, SPEECH)


def test_two_interests_are_not_averaged_into_one() -> None:
    """Who likes robots and speech gets both as if each were all there is."""
    both = [vote(50, ROBOT), vote(51, ROBOT), vote(50, SPEECH), vote(51, SPEECH)]
    for kind in (ROBOT, SPEECH):
        alone = [one for one in both if one.paper.title.startswith(kind[:9])]
        assert mean(both, kind) == pytest.approx(mean(alone, kind), abs=0.05)
        assert mean(both, kind) > mean(both, PROOF) + 0.5
    found = TASTE.interests(both, NOW)
    assert sorted(len(one.votes) for one in found) == [2, 2]


def test_less_pulls_down_what_is_near_alone() -> None:
    """What is not like the disliked paper stays where it was."""
    votes = [vote(50, ROBOT, -1)]
    assert mean(votes, ROBOT) < -0.5
    assert mean(votes, SPEECH) == pytest.approx(0, abs=0.2)


def test_authors_of_a_liked_paper_are_followed() -> None:
    """Their next paper is welcome whatever it is about; authors disliked are not banned."""
    by = [
        replace(one, authors=("Ann Example",)) if at == 1 else one
        for at, one in enumerate(CANDIDATES)
    ]
    taste = Taste(Matcher(by))
    liked = Vote(paper=paper(50, ROBOT, ["Ann Example"]), value=1, at=NOW)
    found = taste.affinity([liked], NOW)
    assert found[1] > found[2] + 1
    disliked = taste.affinity([replace(liked, value=-1)], NOW)
    assert disliked[1] == pytest.approx(0, abs=0.3)


def test_votes_fade_and_clicks_count_little() -> None:
    """Half after half a year; an interest's weight is the sum of its votes."""
    (old,) = TASTE.interests([vote(50, ROBOT, days=180)], NOW)
    (clicked,) = TASTE.interests([vote(50, ROBOT, clicked=True)], NOW)
    assert old.weight == pytest.approx(0.5)
    assert clicked.weight == pytest.approx(0.3)
    assert any(term.startswith(("robot", "grasp", "manipul")) for term in old.terms)


def test_what_votes_do_fades_with_them() -> None:
    """Half after half a year, and a lone click does 0.3 of what a vote does."""
    new = mean([vote(50, ROBOT)], ROBOT)
    assert mean([vote(50, ROBOT, days=180)], ROBOT) == pytest.approx(new / 2, abs=0.01)
    assert mean([vote(50, ROBOT, clicked=True)], ROBOT) == pytest.approx(new * 0.3, abs=0.01)


def test_the_order_of_votes_does_not_matter() -> None:
    """Nor do votes of the same instant get in each other's way."""
    votes = [vote(number, kind) for kind in KINDS for number in (50, 51)]
    forth, back = TASTE.affinity(votes, NOW), TASTE.affinity(votes[::-1], NOW)
    assert forth.tolist() == back.tolist()
    assert TASTE.affinity([], NOW).tolist() == [0] * len(CANDIDATES)


@given(st.floats(0.001, 1), st.floats(-60, 60), st.floats(0, 5))
def test_a_fit_is_bounded_and_grows_with_affinity(
    match: float, affinity: float, more: float
) -> None:
    """Whatever votes say, a score is doubled or halved at most, and nothing said is 1."""
    matches, affinities = np.full(3, match), np.array([affinity, affinity + more, 0])
    one, with_more, nothing = fit(matches, affinities).tolist()
    assert LEAST <= one <= with_more <= MOST
    assert nothing == pytest.approx(1)
