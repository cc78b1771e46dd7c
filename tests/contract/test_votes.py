"""Votes in the store, and what digests make of them, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from newsletter.papers import PaperId
from newsletter.pipeline import interests
from newsletter.pipeline.selecting import Selector
from newsletter.store import issues, papers, votes
from newsletter.store.votes import Cast
from subscribers import store
from subscribers.model import Consent, Preferences, Subscriber
from tests.contract.test_belt import NOON
from tests.world import Ledger


@pytest.fixture
def world(database_url: str) -> Iterator[Ledger]:
    made = Ledger(database_url)
    yield made
    made.database.close()


def reader(world: Ledger, **wishes: object) -> Subscriber:
    wants = Preferences(**wishes)  # type: ignore[arg-type]
    with world.database.write() as connection:
        consent = Consent(at=NOON, form="test")
        return store.subscribe(connection, "voter@example.org", wants, consent).subscriber


def cast(
    world: Ledger, who: Subscriber, paper: PaperId, value: int, *, clicked: bool = False
) -> None:
    with world.database.write() as connection:
        votes.put(
            connection,
            Cast(subscriber_id=who.id, paper_id=paper, value=value, clicked=clicked, at=NOON),
        )


def told(world: Ledger, who: Subscriber) -> list[tuple[PaperId, int, bool]]:
    with world.database.read() as connection:
        found = votes.of_readers(connection, [who.id]).get(who.id, [])
    return [(one.paper_id, one.value, one.clicked) for one in found]


def test_the_last_word_counts_and_a_click_takes_no_votes_place(world: Ledger) -> None:
    """A vote takes a click's place; resetting forgets all."""
    who = reader(world)
    issue = world.compose(NOON).issue
    assert issue is not None
    first, second = (one.paper_id for one in issue.candidates[:2])
    cast(world, who, first, 1)
    cast(world, who, first, -1)
    cast(world, who, first, 1, clicked=True)
    cast(world, who, second, 1, clicked=True)
    cast(world, who, second, -1)
    assert sorted(told(world, who)) == sorted([(first, -1, False), (second, -1, False)])
    with world.database.write() as connection:
        assert votes.take_back(connection, who.id, second)
        assert not votes.take_back(connection, who.id, second)
        assert votes.reset(connection, who.id) == 1
    assert told(world, who) == []


def test_a_vote_moves_papers_unless_the_reader_learns_nothing(world: Ledger) -> None:
    """What is like a liked paper gets a fit above 1; without learning there is none."""
    issue = world.compose(NOON).issue
    assert issue is not None
    who = reader(world)
    liked = issue.candidates[3].paper_id
    cast(world, who, liked, 1)
    select = Selector(issue, NOON + timedelta(hours=1))
    with world.database.read() as connection:
        (wishes,) = select.wishes(connection, [who], before=True)
        found, against = interests(connection, who, issues.latest(connection), NOON)
    assert wishes.fit[liked] > 1.2
    assert [vote.paper.id for vote in found[0].votes] == [liked]
    assert against == []
    learnt = reader(world, learn=False, discover=True)
    with world.database.read() as connection:
        (wishes,) = select.wishes(connection, [learnt], before=True)
    assert (dict(wishes.fit), wishes.discover) == ({}, True)


def test_votes_go_with_a_paper_that_turns_out_to_be_another(world: Ledger) -> None:
    """They are told of under the name it has now."""
    issue = world.compose(NOON).issue
    assert issue is not None
    who = reader(world)
    old = issue.candidates[0].paper_id
    cast(world, who, old, 1)
    with world.database.write() as connection:
        kept = papers.get(connection, old).paper
        better = PaperId("arxiv:2403.99999")
        papers.put(
            connection,
            [replace(kept, id=better, aliases=(old,))],
            NOON,
            source="huggingface",
            trust=9,
        )
    assert told(world, who) == [(better, 1, False)]


def test_of_two_papers_that_are_one_the_last_word_stays(world: Ledger) -> None:
    """Whichever name it was said of; a click is no word beside a vote."""
    issue = world.compose(NOON).issue
    assert issue is not None
    who = reader(world)
    old, other = (one.paper_id for one in issue.candidates[:2])
    cast(world, who, old, -1)
    cast(world, who, other, 1, clicked=True)
    with world.database.write() as connection:
        kept = papers.get(connection, old).paper
        again = papers.get(connection, other).paper
        merged = replace(kept, id=again.id, aliases=(old,))
        papers.put(connection, [merged], NOON, source="huggingface", trust=9)
    assert [(value, clicked) for _, value, clicked in told(world, who)] == [(-1, False)]


def test_clicks_count_for_those_alone_who_opted_in(world: Ledger) -> None:
    """Of others they are not learned from, even if they are there."""
    issue = world.compose(NOON).issue
    assert issue is not None
    who = reader(world)
    cast(world, who, issue.candidates[3].paper_id, 1, clicked=True)
    select = Selector(issue, NOON + timedelta(hours=1))
    with world.database.read() as connection:
        (wishes,) = select.wishes(connection, [who], before=True)
    assert dict(wishes.fit) == {}
    who = reader(world, clicks=True)
    with world.database.read() as connection:
        (wishes,) = select.wishes(connection, [who], before=True)
    assert wishes.fit
