"""The editor's hand on both databases: pinned papers lead, hidden ones never go out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from newsletter import pipeline
from newsletter.cli.preview import take_apart
from newsletter.delivery import DeliveryState
from newsletter.editor import Act
from newsletter.errors import RequestError
from newsletter.issue import Issue
from newsletter.papers import PaperId
from newsletter.pipeline import Edited
from newsletter.store import editor_acts, ledger, papers
from newsletter.store.schema import deliveries as table
from newsletter.transports.memory import MemoryTransport
from subscribers.schema import subscribers as readers
from tests.contract.test_belt import NOON, READERS
from tests.seed_papers import seed_papers
from tests.world import Ledger, Scripted

LAST = seed_papers()[-1]  # of the page, under none of the readers' topics
EVERYBODY = sorted(READERS)


@pytest.fixture
def world(database_url: str) -> Iterator[Ledger]:
    made = Ledger(database_url)
    yield made
    made.database.close()


def edit(world: Ledger, name: str, act: Act, words: str = "") -> Edited:
    return pipeline.edit(world.database, name, act, by="ed", now=NOON, words=words)


def issue_of(done: pipeline.Composed) -> Issue:
    assert done.issue is not None
    return done.issue


def sent(world: Ledger) -> dict[str, str]:
    """The text part that each reader was sent."""
    sink = MemoryTransport()
    world.send(sink)
    return {envelope.recipient: take_apart(mail).text for envelope, mail in sink.messages}


def test_a_pinned_paper_leads_every_digest_with_its_note(world: Ledger) -> None:
    """Whatever the reader follows, before what stood higher; the card says who chose it."""
    edit(world, LAST.id, Act.PIN)
    edit(world, LAST.id, Act.NOTE, "Read the\u202e appendix <b>first</b>")
    issue = issue_of(world.compose())
    assert issue.candidates[0].paper_id == LAST.id
    mails = sent(world)
    assert sorted(mails) == EVERYBODY
    for text in mails.values():
        head = text[:1500]
        assert head.index("Editor: Read the appendix <b>first</b>") > head.index("CIF-Bench")
        assert "Chosen by the editor" in head


def test_a_pin_ends_and_is_taken_back(world: Ledger) -> None:
    """After the window a pinned paper is no candidate, and an unpinned one leads no more."""
    edit(world, LAST.id, Act.PIN)
    first = issue_of(world.compose())
    assert [one.pinned for one in first.candidates[:2]] == [True, False]
    edit(world, LAST.id, Act.UNPIN)
    second = issue_of(world.compose(NOON + timedelta(days=1)))
    assert not any(one.pinned for one in second.candidates)
    edit(world, LAST.id, Act.PIN)
    assert world.compose(NOON + timedelta(days=8)).issue is None


def test_a_muted_topic_keeps_even_a_pinned_paper_away(world: Ledger) -> None:
    """And a reader who had the paper does not get it again."""
    top = issue_of(world.compose()).candidates[0].paper_id
    world.send(MemoryTransport())
    edit(world, top, Act.PIN)
    issue = issue_of(world.compose(NOON + timedelta(days=1)))
    assert issue.candidates[0].paper_id == top
    got = {
        address: one for address, one in world.entries(issue.id).items() if top in world.papers(one)
    }
    assert "everything@example.org" not in got
    assert got


def test_a_hidden_paper_is_in_no_issue_until_it_is_shown_again(world: Ledger) -> None:
    """Hiding is stronger than pinning, and can be taken back."""
    top = seed_papers()[0].id
    edit(world, top, Act.PIN)
    edit(world, top, Act.HIDE)
    assert top not in issue_of(world.compose()).position
    edit(world, top, Act.SHOW)
    again = issue_of(world.compose(NOON + timedelta(days=1)))
    assert again.candidates[0].paper_id == top


def test_a_paper_hidden_after_composing_leaves_the_waiting_digests(world: Ledger) -> None:
    """Those that wait go out without it; preview shows so; accounts stay balanced."""
    world.add_readers(3)
    issue = issue_of(world.compose())
    before = {address: world.papers(one) for address, one in world.entries(issue.id).items()}
    top = before["everything@example.org"][0]
    assert sum(top in one for one in before.values()) > 2
    gone = edit(world, top, Act.HIDE).withdrawn
    assert gone is not None
    holding = [had for had in before.values() if top in had]
    emptied = sum(len(had) == 1 for had in holding)
    assert (gone.changed, gone.emptied, gone.gone) == (len(holding) - emptied, emptied, 0)
    after = {address: world.papers(one) for address, one in world.entries(issue.id).items()}
    assert after == {address: [one for one in had if one != top] for address, had in before.items()}
    assert all("Implicit Temporal" not in text for text in sent(world).values())
    world.counts(issue.id)


def test_a_digest_that_held_nothing_else_does_not_go_out(world: Ledger) -> None:
    """It is skipped, with the reason."""
    for paper in seed_papers():
        if paper.id != LAST.id:
            edit(world, paper.id, Act.HIDE)
    issue = issue_of(world.compose())
    gone = edit(world, LAST.id, Act.HIDE).withdrawn
    assert gone is not None
    assert gone.emptied == 1
    assert sent(world) == {}
    entry = world.entries(issue.id)["everything@example.org"]
    assert (entry.state, entry.reason) == (
        DeliveryState.SKIPPED,
        "the editor hid the only paper of it",
    )


def test_a_sender_that_holds_a_claim_does_not_send_what_was_hidden_meanwhile(
    world: Ledger,
) -> None:
    """Its claim is void; the next one reads the picks anew, so the mail goes without the paper."""
    issue = issue_of(world.compose())
    top = world.papers(world.entries(issue.id)["everything@example.org"])[0]
    transport = Scripted(lambda: edit(world, top, Act.HIDE) and None)
    world.post(transport)
    world.post(transport)
    mails = dict(transport.offered[1:])
    assert [address for address, _ in transport.offered].count("everything@example.org") == 1
    if "everything@example.org" in mails:
        assert b"Implicit Temporal" not in mails["everything@example.org"]
    assert world.counts(issue.id).get(DeliveryState.SENT) == 2


def test_a_paper_added_by_hand_is_a_candidate_without_any_vote(world: Ledger) -> None:
    """It stands as high as the last of a list; without the editor it would be none."""
    fetcher_not_asked = None
    done = pipeline.add(
        world.database,
        fetcher_not_asked,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        "https://arxiv.org/abs/2603.00001v1",
        pipeline.Typed(title="A paper typed by hand", abstract="It is about alignment."),
        by="ed",
        now=NOON,
    )
    assert (done.is_new, done.paper.id) == (True, "arxiv:2603.00001")
    (found,) = [
        one for one in issue_of(world.compose()).candidates if one.paper_id == done.paper.id
    ]
    assert found.trend == 0.5


def test_who_did_what_and_when_is_kept(world: Ledger) -> None:
    """In order, whatever was taken back later, and still there when the paper got another id."""
    for act, words in ((Act.PIN, ""), (Act.NOTE, "one"), (Act.UNPIN, ""), (Act.NOTE, "")):
        edit(world, LAST.id, act, words)
    known = seed_papers()[-1]
    stronger = PaperId("arxiv:2603.09999")
    with world.database.write() as connection:
        renamed = type(known)(id=stronger, aliases=known.names, title=known.title)
        papers.put(connection, [renamed], NOON, source="arxiv", trust=80)
    with world.database.read() as connection:
        acts = editor_acts.of(connection, stronger)
    assert [(one.act, one.words, one.by, one.at) for one in acts] == [
        (Act.PIN, "", "ed", NOON),
        (Act.NOTE, "one", "ed", NOON),
        (Act.UNPIN, "", "ed", NOON),
        (Act.NOTE, "", "ed", NOON),
    ]
    with pytest.raises(RequestError, match="at most 500"):
        edit(world, stronger, Act.NOTE, "x" * 501)


def test_nobody_gets_a_paper_again_under_another_name(world: Ledger) -> None:
    """What went out by its title does not come back when its arXiv id is learned."""
    first = issue_of(world.compose())
    world.send(MemoryTransport())
    with world.database.write() as connection:
        stronger = [
            type(one)(id=PaperId(f"arxiv:2603.{at:05}"), aliases=one.names, title=one.title)
            for at, one in enumerate(seed_papers())
        ]
        papers.put(connection, stronger, NOON, source="arxiv", trust=80)
        assert papers.count(connection) == 70
    second = issue_of(world.compose(NOON + timedelta(days=1)))
    everything = "everything@example.org"
    titles = [
        {
            issue.snapshot.cards[paper].title
            for paper in world.papers(world.entries(issue.id)[everything])
        }
        for issue in (first, second)
    ]
    assert len(titles[0]) == len(titles[1]) == 10
    assert titles[0].isdisjoint(titles[1])
    assert all(one.paper_id.startswith("arxiv:") for one in second.candidates)
    with world.database.read() as connection:
        assert ledger.count(connection, second.id)[DeliveryState.QUEUED]


def test_a_reader_who_comes_after_a_paper_was_hidden_does_not_get_it(world: Ledger) -> None:
    """The frozen issue holds it; no digest composed since does."""
    issue = issue_of(world.compose())
    top = issue.candidates[0].paper_id
    edit(world, top, Act.HIDE)
    world.add_readers(1)
    world.compose(NOON + timedelta(minutes=5))
    assert top not in world.papers(world.entries(issue.id)["r0@example.org"])


def test_hiding_holds_for_a_paper_that_turns_out_to_be_the_hidden_one(world: Ledger) -> None:
    """Digests that wait hold it under its other name, and go out without it."""
    issue = issue_of(world.compose())
    top = seed_papers()[0]
    stronger = type(top)(id=PaperId("arxiv:2603.00001"), title="Called otherwise")
    with world.database.write() as connection:
        papers.put(connection, [stronger], NOON, source="arxiv", trust=80)
    edit(world, stronger.id, Act.HIDE)
    joined = type(top)(id=stronger.id, aliases=top.names, title=top.title)
    with world.database.write() as connection:
        papers.put(connection, [joined], NOON, source="feed", trust=60)
    assert top.id not in world.papers(world.entries(issue.id)["everything@example.org"])


def test_a_frozen_issue_repeats_no_paper_that_got_another_name_meanwhile(world: Ledger) -> None:
    """Frozen under titles, composed after arXiv ids were learned: still nobody gets one again."""
    first = issue_of(world.compose())
    world.send(MemoryTransport())
    tomorrow = NOON + timedelta(days=1)
    second = issue_of(world.compose(tomorrow))
    everything = "everything@example.org"
    had = set(world.papers(world.entries(first.id)[everything]))
    with world.database.write() as connection:
        connection.execute(delete(table).where(table.c.issue_id == second.id))
        connection.execute(update(readers).values(served_on=None, next_due_at=NOON))
        renamed = [
            type(one)(id=PaperId(f"arxiv:2603.{at:05}"), aliases=one.names, title=one.title)
            for at, one in enumerate(seed_papers())
        ]
        papers.put(connection, renamed, tomorrow, source="arxiv", trust=80)
    world.compose(tomorrow)
    got = world.papers(world.entries(second.id)[everything])
    assert len(got) == 10
    assert had.isdisjoint(got)
