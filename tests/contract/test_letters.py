"""Letters: queued once, sent once in good weather, never lost in bad, on every database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import text

from newsletter import pipeline
from newsletter.delivery import DeliveryState, Policy
from newsletter.pacing import DomainLimits, RoadLimits, WarmUp, per_hour, per_second
from newsletter.pipeline.letter_sending import AGAIN, HELD, LEASE, TRIES
from newsletter.rendering.letters import Letters
from newsletter.rendering.templates import Templates
from newsletter.resources import folder
from newsletter.store import letters
from newsletter.store.letters import LetterKind, LetterState
from newsletter.topics import Catalogue
from newsletter.transports import Refused, Reply, TransportUnavailable
from subscribers import addresses, store, suppression_store
from subscribers.model import Consent, Preferences, State, Subscriber, parse_days
from subscribers.suppression import PERMANENT, RETURNS, Suppression, SuppressionKind
from subscribers.tokens import Purpose
from tests.contract.test_belt import NOON, SIGNER
from tests.golden.test_golden import TERMS
from tests.world import LATER, LOST, NEVER, Closed, Ledger, Scripted
from tests.world import LEASE as SENDER_LEASE


class Clock:
    """Stands still but for those who sleep."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self.slept = 0.0

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += timedelta(seconds=seconds)


def road(name: str, *connections: Scripted, **more: object) -> pipeline.Road:
    return pipeline.Road(name=name, transports=list(connections), **more)  # type: ignore[arg-type]


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
        named = [pipeline.Road(name=f"road{at}", transports=[one]) for at, one in enumerate(roads)]
        return self.send_by(named, Clock(now))

    def send_by(
        self,
        roads: Sequence[pipeline.Road],
        clock: Clock,
        domains: Mapping[str, DomainLimits] | None = None,
        *,
        wait: bool = True,
    ) -> dict[LetterState, int]:
        post = pipeline.Post(
            roads=roads,
            domains=domains or {},
            owner="one",
            policy=Policy(tries=3, news=timedelta(hours=36)),
            lease=SENDER_LEASE,
            clock=clock,
            sleep=clock.sleep,
            wait=wait,
        )
        return dict(pipeline.send_letters(self.database, self.desk(), post))

    def welcome(self, number: int, domain: str = "example.org") -> None:
        """Queues a welcome each for so many readers of a domain."""
        consent = Consent(at=NOON, form="test")
        with self.database.write() as connection:
            for at in range(number):
                address = f"new{at}@{domain}"
                reader = store.subscribe(connection, address, Preferences(), consent).subscriber
                letters.queue(
                    connection, LetterKind.WELCOME, "1/" + address, address, NOON, reader.id
                )

    def held(self) -> int:
        return sum(reason == HELD for _, reason, _ in self.states())

    def suppression(self, address: str) -> Suppression | None:
        with self.database.read() as connection:
            return suppression_store.find(connection, addresses.key(address))

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


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ("daily", "up to 10 papers every day at 08:00 (UTC)."),
        ("weekdays", "up to 10 papers every day from Monday to Friday at 08:00 (UTC)."),
        ("mon", "up to 10 papers every Monday at 08:00 (UTC)."),
        ("tue,wed", "up to 10 papers every Tuesday and Wednesday at 08:00 (UTC)."),
        ("mon,wed,sun", "up to 10 papers every Monday, Wednesday and Sunday at 08:00 (UTC)."),
    ],
)
def test_a_letter_tells_the_days_that_are_consented_to(
    office: Office, days: str, told: str
) -> None:
    """The days that were chosen, in the confirmation and in the welcome."""
    reader = replace(office.reader(), preferences=Preferences(days=parse_days(days)))
    for kind in (LetterKind.CONFIRMATION, LetterKind.WELCOME):
        mail = pipeline.letter_to(office.desk(), kind, reader, NOON, first=False)
        text = message_from_bytes(mail.content, policy=policy.default).get_body(("plain",))
        assert text is not None
        assert told in " ".join(text.get_content().split())


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
    assert "550 no such user: 1" in text.get_content()
    assert "For the details, run: newsletter status 20" in text.get_content()


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


def test_a_link_is_valid_from_when_it_is_written(office: Office) -> None:
    """A confirmation that waited for two days gives its reader three all the same."""
    reader = office.reader(State.PENDING)
    office.queue(LetterKind.CONFIRMATION, reader)
    late = NOON + timedelta(days=2)
    taken = Scripted()
    assert office.send(taken, now=late) == {LetterState.SENT: 1}
    mail = message_from_bytes(taken.offered[0][1], policy=policy.default)
    body = mail.get_body(("plain",))
    assert body is not None
    token = body.get_content().partition("confirm%20")[2].split()[0]
    assert SIGNER.read_all(Purpose.CONFIRM, token, 2)[1] == (late + timedelta(days=3)).timestamp()


def test_letters_keep_to_a_transport_s_rate(office: Office) -> None:
    """They wait for it as digests do; told not to, for a moment only, and the next run goes on."""
    office.welcome(6)
    clock, line = Clock(), Scripted()
    roads = [road("a", line, limits=RoadLimits(rates=(per_hour(10),)))]
    assert office.send_by(roads, clock, wait=False) == {LetterState.SENT: 1}
    assert clock.slept == 0
    assert {tries for state, _, tries in office.states() if state == "queued"} == {0}
    assert office.send_by(roads, clock) == {LetterState.SENT: 5}
    assert clock.slept == pytest.approx(5 * 360)


def test_a_second_is_waited_for_anyway(office: Office) -> None:
    """Two a second: no run need end for that."""
    office.welcome(6)
    clock = Clock()
    roads = [road("a", Scripted(), limits=RoadLimits(rates=(per_second(2),)))]
    assert office.send_by(roads, clock, wait=False) == {LetterState.SENT: 6}
    assert 2 <= clock.slept <= 3


def test_letters_and_digests_share_one_limit(office: Office) -> None:
    """What letters used of an hour digests have not, and the other way round."""
    office.compose()
    office.queue(LetterKind.WELCOME, office.reader())
    clock, line = Clock(), Scripted()
    roads = [road("a", line, limits=RoadLimits(rates=(per_hour(10),)))]
    post = pipeline.Post(
        roads=roads,
        owner="two",
        policy=Policy(tries=3, news=timedelta(hours=36)),
        lease=SENDER_LEASE,
        clock=clock,
        wait=False,
    )
    assert office.send_by(roads, clock, wait=False) == {LetterState.SENT: 1}
    done = pipeline.dispatch(office.database, SIGNER, post)
    assert (done.states, done.held_back) == ({}, NOON + timedelta(minutes=6))
    clock.now += timedelta(minutes=6)
    assert pipeline.dispatch(office.database, SIGNER, post).states == {DeliveryState.SENT: 1}
    office.queue(LetterKind.WELCOME, office.reader(), "2")
    assert office.send_by(roads, clock, wait=False) == {}


def test_a_warm_up_counts_letters(office: Office) -> None:
    """A new address sends no more on its first day, whatever it is."""
    office.welcome(3)
    limits = RoadLimits(warm_up=WarmUp(since=NOON.date(), days=(2, 10)))
    clock = Clock()
    assert office.send_by([road("a", Scripted(), limits=limits)], clock) == {LetterState.SENT: 2}
    clock.now += timedelta(days=1)
    assert office.send_by([road("a", Scripted(), limits=limits)], clock) == {LetterState.SENT: 1}


def test_a_domain_s_limit_holds_up_its_own_letters_only(office: Office) -> None:
    """Those of others go, and the held are told as such, uncharged."""
    office.welcome(3, "slow.example")
    office.welcome(2, "other.example")
    limits = {"slow.example": DomainLimits(rates=(per_hour(1),))}
    taken = Scripted()
    clock = Clock()
    assert office.send_by([road("a", taken)], clock, limits) == {LetterState.SENT: 3}
    assert office.held() == 2
    assert clock.slept == 0
    clock.now += timedelta(hours=2)
    assert office.send_by([road("a", taken)], clock, limits) == {LetterState.SENT: 1}


def test_a_domain_that_asks_to_go_slower_is_sent_no_letter(office: Office) -> None:
    """What it said to a letter holds for the next letter, and for digests."""
    office.welcome(2, "slow.example")
    asks = Refused(Reply(code=421, text="4.7.28 unusual rate"))
    taken = Scripted(asks)
    assert office.send_by([road("a", taken)], Clock()) == {}
    assert len(taken.offered) == 1
    assert sorted(reason for _, reason, _ in office.states()) == sorted([str(asks.reply), HELD])


def test_a_spare_carries_letters_only_where_no_other_does(office: Office) -> None:
    """As with digests; weights share them."""
    office.welcome(4)
    first, second, spare = Scripted(), Scripted(), Scripted()
    roads = [road("a", first), road("b", second), road("c", spare, weight=0)]
    assert office.send_by(roads, Clock()) == {LetterState.SENT: 4}
    assert (len(first.offered), len(second.offered), len(spare.offered)) == (2, 2, 0)
    office.queue(LetterKind.WELCOME, office.reader())
    roads = [road("a", Closed()), road("c", spare, weight=0)]
    assert office.send_by(roads, Clock()) == {LetterState.SENT: 1}
    assert len(spare.offered) == 1


def test_a_letter_to_nobody_silences_the_address(office: Office) -> None:
    """No such mailbox: the digest composed for it is not sent, by the rule of digests."""
    office.queue(LetterKind.WELCOME, office.reader())
    office.compose()
    gone = Refused(Reply(code=550, text="5.1.1 no such user"))
    assert office.send(Scripted(gone)) == {LetterState.FAILED: 1}
    word = office.suppression("asa@example.org")
    assert word is not None
    assert (word.kind, word.by) == (SuppressionKind.HARD, "reply")
    assert "5.1.1 no such user" in word.reason
    taken = Scripted()
    office.post(taken)
    assert "asa@example.org" not in taken.taken


def test_refused_letters_and_digests_make_one_row(office: Office) -> None:
    """Three permanent failures, whatever was refused; what passes, or is our fault, makes none."""
    reader = office.reader()
    odd = Refused(Reply(code=554, text="5.2.1 switched off"))
    ours = Refused(Reply(code=550, text="5.7.26 unauthenticated"))
    now = NOON
    for number in range(PERMANENT):
        assert office.suppression(reader.address) is None
        for key, answer in (("odd", odd), ("ours", ours)):
            with office.database.write() as connection:
                name = f"{key}{number}"
                letters.queue(connection, LetterKind.WELCOME, name, reader.address, now, reader.id)
            office.send(Scripted(answer), now=now)
        now += timedelta(days=1)
    word = office.suppression(reader.address)
    assert word is not None
    assert word.kind is SuppressionKind.SOFT
    assert "3 permanent failures in a row" in word.reason


def test_a_letter_that_was_taken_proves_nothing(office: Office) -> None:
    """It may be returned, and then nobody knows which it was: it ends no row of failures."""
    reader = office.reader()
    odd = Refused(Reply(code=554, text="5.2.1 switched off"))
    now = NOON
    for number, answer in enumerate((odd, odd, None, odd)):
        with office.database.write() as connection:
            letters.queue(
                connection, LetterKind.WELCOME, str(number), reader.address, now, reader.id
            )
        office.send(Scripted(*([answer] if answer else [])), now=now)
        now += RETURNS + timedelta(days=1)
    assert office.suppression(reader.address) is not None


def test_what_an_operator_forgave_counts_no_more(office: Office) -> None:
    """Of letters, too: one refused before makes nothing of one refused after."""
    reader = office.reader()
    gone = Refused(Reply(code=550, text="5.1.1 no such user"))
    office.queue(LetterKind.WELCOME, reader, "a")
    office.send(Scripted(gone))
    later = NOON + timedelta(days=1)
    with office.database.write() as connection:
        suppression_store.lift(
            connection, addresses.key(reader.address), later, "ida", forgive=True
        )
    with office.database.write() as connection:
        letters.queue(connection, LetterKind.WELCOME, "b", reader.address, later, reader.id)
    odd = Refused(Reply(code=554, text="5.2.1 switched off"))
    office.send(Scripted(odd), now=later + timedelta(hours=1))
    word = office.suppression(reader.address)
    assert word is not None
    assert not word.silences(later + timedelta(hours=2))


def test_the_operator_s_report_silences_nobody(office: Office) -> None:
    """It goes to no reader: its refusal is told, and that is all."""
    office.add_readers(1)
    office.compose()
    office.post(Scripted())
    with office.database.write() as connection:
        assert pipeline.report(connection, "boss@example.org", NOON)
    gone = Refused(Reply(code=550, text="5.1.1 no such user"))
    assert office.send(Scripted(gone)) == {LetterState.FAILED: 1}
    assert office.suppression("boss@example.org") is None
