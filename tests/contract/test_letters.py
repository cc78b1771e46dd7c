"""Letters: queued once, sent once in good weather, never lost in bad, on every database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import text

from newsletter import pipeline
from newsletter.delivery import Policy
from newsletter.pipeline.letters import AGAIN, LEASE, TRIES
from newsletter.rendering.letters import Letters
from newsletter.rendering.templates import Templates
from newsletter.resources import folder
from newsletter.store import letters
from newsletter.store.letters import LetterKind, LetterState
from newsletter.topics import Catalogue
from newsletter.transports import TransportUnavailable
from subscribers import addresses, store, suppression_store
from subscribers.model import Consent, Preferences, State, Subscriber
from subscribers.suppression import Suppression, SuppressionKind
from subscribers.tokens import Purpose
from tests.contract.test_belt import NOON, SIGNER
from tests.golden.test_golden import TERMS
from tests.world import LATER, LOST, NEVER, Closed, Ledger, Scripted
from tests.world import LEASE as SENDER_LEASE


class Office(Ledger):
    """The belt's world with a desk."""

    def desk(self) -> pipeline.Desk:
        masthead = TERMS.masthead
        return pipeline.Desk(
            letters=Letters(Templates(folder("templates")), masthead, "1 Example Road"),
            masthead=masthead,
            signer=SIGNER,
            topics=Catalogue([]),
            language="en",
        )

    def reader(self, state: State = State.CONFIRMED, language: str = "") -> Subscriber:
        consent = Consent(at=NOON, form="test")
        with self.database.write() as connection:
            wants = Preferences(language=language)
            return store.subscribe(connection, "asa@example.org", wants, consent, state).subscriber

    def queue(self, kind: LetterKind, reader: Subscriber, key: str = "1") -> bool:
        with self.database.write() as connection:
            return letters.queue(connection, kind, key, reader.address, NOON, reader.id)

    def send(self, *roads: Scripted, now: datetime = NOON) -> dict[LetterState, int]:
        post = pipeline.Post(
            roads=[
                pipeline.Road(name=f"road{at}", transports=[one]) for at, one in enumerate(roads)
            ],
            owner="one",
            policy=Policy(tries=3, news=timedelta(hours=36)),
            lease=SENDER_LEASE,
            clock=lambda: now,
        )
        return dict(pipeline.send_letters(self.database, self.desk(), post))

    def states(self) -> list[tuple[str, str, int]]:
        with self.database.read() as connection:
            return [(one.state, one.reason, one.tries) for one in letters.listed(connection, 9)]


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    made = Office(database_url)
    yield made
    made.database.close()


def test_a_confirmation_asks_and_its_token_answers(office: Office) -> None:
    """The link carries a token for this reader, this purpose and three days."""
    reader = office.reader(State.PENDING)
    assert office.queue(LetterKind.CONFIRMATION, reader)
    road = Scripted()
    assert office.send(road) == {LetterState.SENT: 1}
    mail = message_from_bytes(road.offered[0][1], policy=policy.default)
    assert mail["List-Unsubscribe"] is None
    assert str(mail["Subject"]) == "Please confirm: Trending papers"
    body = mail.get_body(("plain",))
    assert body is not None
    token = body.get_content().partition("confirm%20")[2].split()[0]
    who, ends = SIGNER.read_all(Purpose.CONFIRM, token, 2)
    assert (who, ends) == (reader.id, int((NOON + timedelta(days=3)).timestamp()))


def test_a_letter_is_queued_once_a_key_and_sent_once(office: Office) -> None:
    """The second to queue it and the second run find nothing to do."""
    reader = office.reader(language="de")
    assert office.queue(LetterKind.WELCOME, reader)
    assert not office.queue(LetterKind.WELCOME, reader)
    road = Scripted()
    office.send(road)
    assert office.send(road) == {}
    assert road.taken == ["asa@example.org"]
    mail = message_from_bytes(road.offered[0][1], policy=policy.default)
    assert str(mail["Subject"]) == "Willkommen bei Trending papers"
    assert "unsubscribe" in mail["List-Unsubscribe"]


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (LetterKind.CONFIRMATION, State.CONFIRMED),
        (LetterKind.WELCOME, State.UNSUBSCRIBED),
        (LetterKind.GOODBYE, State.CONFIRMED),
    ],
)
def test_a_letter_that_holds_no_more_is_not_sent(
    office: Office, kind: LetterKind, state: State
) -> None:
    """Nobody who has confirmed is asked, nobody who left is welcomed."""
    office.queue(kind, office.reader(state))
    road = Scripted()
    assert office.send(road) == {LetterState.FAILED: 1}
    assert road.offered == []


def test_a_refusal_is_final_or_tried_again_and_at_last_given_up(office: Office) -> None:
    """A 5yz ends it; a 4yz is tried again after longer and longer, six times."""
    reader = office.reader()
    office.queue(LetterKind.WELCOME, reader, "never")
    assert office.send(Scripted(NEVER)) == {LetterState.FAILED: 1}
    office.queue(LetterKind.WELCOME, reader, "later")
    now = NOON
    for tries in range(1, TRIES):
        assert office.send(Scripted(LATER), now=now) == {}
        assert office.send(Scripted(), now=now) == {}  # not before its time
        assert office.states()[0] == ("queued", "450 later", tries)
        now += AGAIN * 2 ** (tries - 1)
    assert office.send(Scripted(LATER), now=now) == {LetterState.FAILED: 1}


def test_a_closed_road_charges_nobody_and_the_next_carries_on(office: Office) -> None:
    """With every road closed the letter waits, uncharged; with a second one it goes by that."""
    office.queue(LetterKind.WELCOME, office.reader())
    with pytest.raises(TransportUnavailable):
        office.send(Closed())
    assert office.states() == [("queued", "", 0)]
    second = Scripted()
    assert office.send(Closed(), second) == {LetterState.SENT: 1}
    assert second.closed == 1


def test_the_letter_of_a_sender_that_died_is_sent_by_the_next(office: Office) -> None:
    """Once its lease is over: a letter may come twice, but is never lost."""
    office.queue(LetterKind.WELCOME, office.reader())
    with office.database.write() as connection:
        assert letters.claim(connection, "dead", NOON, LEASE, 5)
    assert office.send(Scripted(), now=NOON + LEASE / 2) == {}
    assert office.send(Scripted(), now=NOON + LEASE) == {LetterState.SENT: 1}


def test_a_letter_that_cannot_be_written_holds_up_no_other(office: Office) -> None:
    """Without readers' pages there is no link to send; the welcome behind it goes."""
    reader = office.reader()
    office.queue(LetterKind.PREFERENCES, reader)
    office.queue(LetterKind.WELCOME, reader)
    assert office.send(Scripted()) == {LetterState.FAILED: 1, LetterState.SENT: 1}
    assert "pages.url is not set" in office.states()[1][1]


def test_a_letter_in_doubt_goes_by_no_other_road_and_not_without_end(office: Office) -> None:
    """It is tried again later, six times at most."""
    office.queue(LetterKind.WELCOME, office.reader())
    second, now = Scripted(), NOON
    for tries in range(1, TRIES):
        assert office.send(Scripted(LOST), second, now=now) == {}
        now += AGAIN * 2 ** (tries - 1)
    assert office.send(Scripted(LOST), second, now=now) == {LetterState.FAILED: 1}
    assert second.offered == []


def test_who_is_suppressed_gets_no_letter(office: Office) -> None:
    """A welcome to an address that gets nothing is not sent, and says why."""
    reader = office.reader()
    with office.database.write() as connection:
        word = Suppression(
            address_key=addresses.key(reader.address),
            kind=SuppressionKind.MANUAL,
            reason="asked by phone",
            at=NOON,
            by="ida",
        )
        suppression_store.put(connection, word)
    office.queue(LetterKind.WELCOME, reader)
    assert office.send(Scripted()) == {LetterState.FAILED: 1}
    assert "asked by phone" in office.states()[0][1]


def test_a_letter_that_another_sender_took_meanwhile_is_not_sent(office: Office) -> None:
    """Whose lease was over before its turn came leaves it alone."""
    reader = office.reader()
    for key in "ab":
        office.queue(LetterKind.WELCOME, reader, key)

    def taken() -> None:
        with office.database.write() as connection:
            connection.execute(text("UPDATE letters SET owner = 'two' WHERE key = 'welcome/b'"))

    road = Scripted(taken)
    assert office.send(road) == {LetterState.SENT: 1}
    assert len(road.offered) == 1


def test_a_report_comes_once_when_all_has_ended(office: Office) -> None:
    """Not while something waits; then once, with the counts."""
    office.add_readers(2)
    office.compose()
    with office.database.write() as connection:
        assert not pipeline.report(connection, "boss@example.org", NOON)
    office.post(Scripted(NEVER))
    for expected in (True, False):
        with office.database.write() as connection:
            assert pipeline.report(connection, "boss@example.org", NOON) is expected
    road = Scripted()
    office.send(road)
    mail = message_from_bytes(road.offered[0][1], policy=policy.default)
    assert str(mail["Subject"]).endswith("3 digests sent, 1 in trouble")
    text = mail.get_body(("plain",))
    assert text is not None
    assert "550 no such user" in text.get_content()


def test_a_welcome_brings_the_digest_of_today(office: Office) -> None:
    """Whoever comes after composing gets today's issue right away, once."""
    office.add_readers(1)
    issue = office.compose().issue
    assert issue is not None
    reader = office.reader()
    for expected in (True, False):
        with office.database.write() as connection:
            assert pipeline.welcome(connection, reader, NOON, TERMS.zone) is expected
    entry = office.entries(issue.id)["asa@example.org"]
    assert entry.due_at == NOON
    assert entry.picks != "[]"
