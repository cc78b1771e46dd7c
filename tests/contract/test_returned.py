"""What comes back, on both databases: joined by a token only, recorded once, and what follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest
from sqlalchemy import func, select

from newsletter import pipeline
from newsletter.bounces import EventKind
from newsletter.delivery import DeliveryState
from newsletter.mailboxes import Item
from newsletter.message import Message
from newsletter.pipeline import What
from newsletter.pipeline.bounces import OLDEST
from newsletter.store import events, issues, letters
from newsletter.store.letters import LetterKind
from newsletter.store.schema import delivery_events
from newsletter.transports import Envelope, Refused, Reply
from subscribers import store, suppression_store
from subscribers.model import Consent, Preferences, State
from subscribers.suppression import REST, RETURNS, Suppression, SuppressionKind
from subscribers.tokens import Purpose, Signer
from tests.contract import test_belt
from tests.contract.test_belt import NOON, READERS, SIGNER, issue_id
from tests.returned.make import mail
from tests.world import LATER, LEASE, LOST, NEVER, Ledger, Scripted

ALIGNMENT, EVERYTHING, ROBOTS = READERS
DAY = timedelta(days=1)
GONE = Refused(Reply(code=550, text="5.1.1 no such user"))


class Box:
    """A mailbox in memory that records what was put aside."""

    def __init__(self, *contents: bytes) -> None:
        self.items = [Item(name=str(at), content=one) for at, one in enumerate(contents)]
        self.aside: list[str] = []
        self.unreadable = list[str]()
        self.closed = False

    def batches(self) -> Iterator[list[Item]]:
        for start in range(0, len(self.items), 2):
            yield self.items[start : start + 2]

    def put_aside(self, items: Sequence[Item]) -> None:
        self.aside += [item.name for item in items]

    def close(self) -> None:
        self.closed = True


class Refusing(Scripted):
    """A transport that refuses some readers, or loses its answer about them."""

    def __init__(self, refusals: Mapping[str, Exception]) -> None:
        super().__init__()
        self.refusals = refusals

    def send(self, envelope: Envelope, message: bytes) -> Reply:
        if envelope.recipient in self.refusals:
            raise self.refusals[envelope.recipient]
        return super().send(envelope, message)


class Returns(Ledger):
    """The ledger's world, with mail coming back."""

    def take_back(self, *contents: bytes, now: datetime = NOON) -> pipeline.TakenBack:
        return pipeline.take_back(self.database, SIGNER, Box(*contents), lambda: now)

    def message(self, issue: int, address: str) -> Message:
        entry = self.entries(issue)[address]
        with self.database.read() as connection:
            return pipeline.Edition(issues.by_id(connection, issue), SIGNER).message(entry)

    def returned(self, name: str, issue: int, address: str = EVERYTHING) -> bytes:
        """A mail of that shape about a reader's copy of an issue."""
        message = self.message(issue, address)
        with self.database.read() as connection:
            reader = store.get(connection, address).id
        return mail(
            name,
            bounces=message.sender,
            message_id=message.message_id,
            unsubscribe=SIGNER.sign(Purpose.UNSUBSCRIBE, reader),
            reader=address,
        )

    def suppression(self, address: str = EVERYTHING) -> Suppression | None:
        with self.database.read() as connection:
            return suppression_store.find(connection, address)

    def suppress(self, address: str, kind: SuppressionKind = SuppressionKind.MANUAL) -> None:
        new = Suppression(address_key=address, kind=kind, reason="by hand.", at=NOON, by="test")
        with self.database.write() as connection:
            suppression_store.put(connection, new)

    def day(self, number: int, road: Scripted | None = None) -> int:
        """Composes and sends the issue of a day; returns its id."""
        now = NOON + number * DAY
        done = self.compose(now)
        self.post(road or Scripted(), now)
        return issue_id(done)

    def kept(self) -> int:
        with self.database.read() as connection:
            return connection.scalar(select(func.count()).select_from(delivery_events)) or 0


@pytest.fixture(params=[False, True], ids=["message-id", "verp"])
def verp(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether mails carry a token in their envelope sender."""
    masthead = type(test_belt.TERMS.masthead)(
        **vars(test_belt.TERMS.masthead) | {"verp": request.param}
    )
    wanted = {"masthead": masthead, "window": timedelta(days=60)}  # papers enough for a rest
    terms = type(test_belt.TERMS)(**vars(test_belt.TERMS) | wanted)
    monkeypatch.setattr(test_belt, "TERMS", terms)
    return bool(request.param)


@pytest.fixture
def world(database_url: str) -> Iterator[Returns]:
    made = Returns(database_url)
    yield made
    made.database.close()


SHAPES = {
    "postfix-no-user": SuppressionKind.HARD,
    "postfix-no-domain": SuppressionKind.HARD,
    "gmail": SuppressionKind.HARD,
    "exchange": SuppressionKind.HARD,
    "qmail": SuppressionKind.HARD,
    "global": SuppressionKind.HARD,
    "complaint": SuppressionKind.COMPLAINT,
    "exim": None,  # 5.2.1: the first of three
    "exim-old": None,
    "exchange-full": None,
    "postfix-expired": None,
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_report_is_joined_and_followed(world: Returns, verp: bool, name: str) -> None:
    """Every shape, by the envelope's token or by our Message-ID; read twice it adds nothing."""
    issue = world.day(0)
    sender = world.message(issue, EVERYTHING).sender
    assert sender.startswith("bounces+") == verp
    content = world.returned(name, issue)
    if verp:  # servers that return no headers
        content = content.replace(b"Message-ID: <2", b"Message-ID: <")
    done = world.take_back(content)
    kind = SHAPES[name]
    what = What.COMPLAINED if kind is SuppressionKind.COMPLAINT else What.BOUNCED
    (taken,) = done.taken
    assert (taken.what, taken.address) == (what, EVERYTHING)
    assert taken.issue == NOON.date()
    assert taken.follows.endswith(".")
    held = world.suppression()
    assert (held.kind if held else None) == kind
    if held:
        assert held.reason == taken.follows
    again = world.take_back(content, content, now=NOON + DAY)
    assert again.counts == {What.KNOWN: 2}
    assert world.kept() == 1
    assert world.suppression() == held


def test_without_a_token_nothing_is_changed(world: Returns, verp: bool) -> None:
    """Bounces that anybody can write, another's token, a stranger's secret: counted, no more."""
    issue = world.day(0)
    mine = world.message(issue, EVERYTHING)
    strange = Signer(b"a stranger's")
    forged = [
        mail("postfix-no-user", reader=EVERYTHING),
        mail(
            "postfix-no-user",
            bounces=f"bounces+{strange.sign_return(2, issue)}@example.org",
            reader=EVERYTHING,
        ),
        mail("qmail", message_id=f"{mine.message_id[:-20]}AAAA@example.org", reader=EVERYTHING),
        mail("complaint", unsubscribe=strange.sign(Purpose.UNSUBSCRIBE, 2)),
        mail("unsubscribe", unsubscribe=strange.sign(Purpose.UNSUBSCRIBE, 2), reader=EVERYTHING),
        mail("unsubscribe", unsubscribe=SIGNER.sign(Purpose.UNSUBSCRIBE, 99), reader=EVERYTHING),
        mail(
            "exim",
            bounces=f"bounces+{SIGNER.sign_return(99, issue)}@example.org",
            message_id="2026-13-99." + "A" * 22 + "@example.org",
        ),
    ]
    done = world.take_back(*forged)
    assert done.counts == {What.UNAUTHENTICATED: len(forged)}
    assert all(one.follows for one in done.taken)
    assert world.kept() == 0
    assert world.suppression() is None
    with world.database.read() as connection:
        assert store.get(connection, EVERYTHING).state is State.CONFIRMED


def test_what_is_no_report_changes_nothing_and_letters_stay(world: Returns, verp: bool) -> None:
    """Delays and machines' answers are put aside; what a person may have written is not."""
    issue = world.day(0)
    names = ["postfix-delayed", "away", "letter", "relayed", "not-spam"]
    box = Box(*(world.returned(name, issue) for name in names))
    done = pipeline.take_back(world.database, SIGNER, box, lambda: NOON)
    assert done.counts == {What.DELAYED: 1, What.AUTO_REPLY: 1, What.OTHER: 3}
    assert box.aside == ["0", "1"]
    assert (world.kept(), world.suppression()) == (0, None)


def test_a_wish_to_leave_is_granted_once(world: Returns) -> None:
    """The same mail again is known; the event stands beside the last mail that was sent."""
    issue = world.day(0)
    content = world.returned("unsubscribe", issue)
    assert world.take_back(content).counts == {What.UNSUBSCRIBED: 1}
    assert world.take_back(content).counts == {What.KNOWN: 1}
    with world.database.read() as connection:
        reader = store.get(connection, EVERYTHING)
        told = events.told(connection, reader.id, 9)
    assert reader.state is State.UNSUBSCRIBED
    assert [(one.kind, one.issue) for one in told] == [(EventKind.UNSUBSCRIBED, NOON.date())]


def test_a_masked_complaint_is_joined_by_the_way_out(world: Returns) -> None:
    """Neither envelope nor Message-ID is left: the List-Unsubscribe is."""
    issue = world.day(0)
    content = world.returned("complaint", issue).replace(b"Message-ID: <2", b"Message-ID: <")
    assert world.take_back(content).counts == {What.COMPLAINED: 1}
    held = world.suppression()
    assert held is not None
    assert held.kind is SuppressionKind.COMPLAINT


def test_three_in_a_row_rest_and_are_tried_again(world: Returns, verp: bool) -> None:
    """Permanent failures of three issues, in one batch; one more after the rest renews it."""
    sent = [world.day(number) for number in range(3)]
    done = world.take_back(*(world.returned("exim", one) for one in sent), now=NOON + 2 * DAY)
    assert done.counts == {What.BOUNCED: 3}
    assert "3 permanent failures in a row" in done.taken[-1].follows
    held = world.suppression()
    assert held is not None
    assert (held.kind, held.until) == (SuppressionKind.SOFT, NOON + 2 * DAY + REST)
    skipped = world.day(3)
    entry = world.entries(skipped)[EVERYTHING]
    assert (entry.state, entry.reason) == (DeliveryState.SKIPPED, f"suppressed: {held.reason}")
    tried = world.day(2 + REST.days)
    assert world.entries(tried)[EVERYTHING].state is DeliveryState.SENT
    world.take_back(world.returned("exim", tried), now=NOON + (2 + REST.days) * DAY)
    renewed = world.suppression()
    assert renewed is not None
    assert renewed.until == NOON + (2 + 2 * REST.days) * DAY
    assert "4 permanent failures" in renewed.reason


def test_a_success_lifts_what_is_soft_and_nothing_else(world: Returns) -> None:
    """Once it can no longer come back; a mailbox that was not there stays silenced."""
    sent = [world.day(number) for number in range(4)]
    world.take_back(*(world.returned("exim", one) for one in sent[:3]), now=NOON + 3 * DAY)
    world.take_back(world.returned("gmail", sent[0], ALIGNMENT), now=NOON + 3 * DAY)
    early = world.take_back(now=NOON + 3 * DAY + RETURNS - timedelta(seconds=1))
    assert early.lifted == []
    late = world.take_back(now=NOON + 3 * DAY + RETURNS)
    assert late.lifted == [(EVERYTHING, "The mail of 2026-03-15 was taken and did not come back.")]
    held = world.suppression()
    assert held is not None
    assert (held.lifted_at, held.lifted_by) == (NOON + 3 * DAY + RETURNS, "review")
    gone = world.suppression(ALIGNMENT)
    assert gone is not None
    assert gone.silences(NOON + 30 * DAY)


def test_a_success_that_comes_back_late_was_none(world: Returns) -> None:
    """What was lifted for it is silenced again, by the whole row: only an operator forgives."""
    sent = [world.day(number) for number in range(4)]
    late = NOON + 3 * DAY + RETURNS
    world.take_back(*(world.returned("exim", one) for one in sent[:3]), now=NOON + 3 * DAY)
    assert len(world.take_back(now=late).lifted) == 1
    done = world.take_back(world.returned("exim", sent[3]), now=late)
    assert "4 permanent failures in a row" in done.taken[0].follows


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gmail", "a bounce came back of it"),
        ("postfix-expired", "a bounce came back of it"),
        ("complaint", "its reader reported it as spam"),
        ("postfix-delayed", "a notice of delay came back of it"),
    ],
)
def test_what_comes_back_was_sent(world: Returns, verp: bool, name: str, reason: str) -> None:
    """A delivery in doubt is settled by whoever returns or reports it, once; accounts balance."""
    issue = issue_id(world.compose())
    world.post(Refusing({EVERYTHING: LOST}))
    before = world.entries(issue)[EVERYTHING]
    assert before.state is DeliveryState.UNKNOWN
    content = world.returned(name, issue)
    if name == "complaint":  # all that is left is the way out and the Date
        content = content.replace(b"Message-ID: <2", b"Message-ID: <").replace(
            b"Subject: A paper", b"Date: %s\nSubject: A paper" % format_datetime(NOON).encode()
        )
    late = NOON + 2 * DAY
    assert world.take_back(content, now=late).settled == [before.id]
    after = world.entries(issue)[EVERYTHING]
    assert (after.state, after.reason) == (DeliveryState.SENT, reason)
    assert after.sent_at == before.due_at  # not when we heard of it
    world.counts(issue)
    assert world.take_back(content, now=late).settled == []


def test_what_proves_nothing_settles_nothing(world: Returns, verp: bool) -> None:
    """A forged report, a wish to leave, a machine's answer: it stays in doubt."""
    issue = issue_id(world.compose())
    world.post(Refusing({EVERYTHING: LOST}))
    done = world.take_back(
        mail("postfix-no-user", reader=EVERYTHING),
        mail("postfix-delayed", reader=EVERYTHING),
        world.returned("away", issue),
        world.returned("unsubscribe", issue),
    )
    assert done.settled == []
    assert world.entries(issue)[EVERYTHING].state is DeliveryState.UNKNOWN


def test_a_bounce_may_be_quicker_than_our_own_note(world: Returns) -> None:
    """It silences at once; should the sender die now, it settles what is left in doubt."""
    issue = issue_id(world.compose())
    claims = world.claim("quick", limit=9)
    world.begin("quick", claims)
    done = world.take_back(world.returned("gmail", issue))
    assert done.settled == []
    held = world.suppression()
    assert held is not None
    assert held.kind is SuppressionKind.HARD
    assert world.settle(NOON + LEASE) == 2
    (mine,) = [one.id for one in claims if one.address == EVERYTHING]
    assert world.take_back(now=NOON + LEASE).settled == [mine]
    assert world.entries(issue)[EVERYTHING].state is DeliveryState.SENT


def test_what_was_in_doubt_before_it_was_forgiven_counts_no_more(world: Returns) -> None:
    """Settled late, it was sent at its hour all the same."""
    issue = issue_id(world.compose())
    world.post(Refusing({EVERYTHING: LOST}))
    world.suppress(EVERYTHING)
    with world.database.write() as connection:
        suppression_store.release(connection, EVERYTHING, NOON + DAY, "ida")
    done = world.take_back(world.returned("gmail", issue), now=NOON + 2 * DAY)
    assert len(done.settled) == 1
    assert done.taken[0].follows == "Nothing that was heard is about the address."
    held = world.suppression()
    assert held is not None
    assert not held.silences(NOON + 2 * DAY)


def test_an_old_wish_to_leave_ends_no_new_subscription(world: Returns) -> None:
    """An mbox that is read again holds it still; our own server's clock tells which was first."""
    issue = world.day(0)
    received = b"Received: from a by b; %s\n" % format_datetime(NOON + timedelta(hours=1)).encode()
    content = received + world.returned("unsubscribe", issue)
    assert world.take_back(content).counts == {What.UNSUBSCRIBED: 1}
    with world.database.write() as connection:
        reader = store.get(connection, EVERYTHING)
        consent = Consent(at=NOON + DAY, form="again")
        store.subscribe(connection, EVERYTHING, reader.preferences, consent)
    done = world.take_back(content, now=NOON + 2 * DAY)
    assert done.counts == {What.KNOWN: 1}
    assert "subscribed again" in done.taken[0].follows
    later = received.replace(b"12 Mar", b"14 Mar") + world.returned("unsubscribe", issue)
    assert world.take_back(later, now=NOON + 2 * DAY).counts == {What.UNSUBSCRIBED: 1}


@pytest.mark.parametrize("dated", [True, False])
def test_a_masked_complaint_is_joined_to_the_same_mail_again(world: Returns, dated: bool) -> None:
    """By the Date of the mail it returns, else by the day it came; forgiven, it stays so."""
    issue = world.day(0)
    received = b"Received: from a by b; %s\n" % format_datetime(NOON + timedelta(hours=1)).encode()
    content = world.returned("complaint", issue).replace(b"Message-ID: <2", b"Message-ID: <")
    if dated:
        date = b"Date: %s\nSubject: A paper" % format_datetime(NOON).encode()
        content = content.replace(b"Subject: A paper", date)
    else:
        content = received + content
    assert world.take_back(content).counts == {What.COMPLAINED: 1}
    with world.database.write() as connection:
        suppression_store.release(connection, EVERYTHING, NOON + timedelta(hours=2), "ida")
    world.day(1)
    assert world.take_back(content, now=NOON + DAY).counts == {What.KNOWN: 1}
    held = world.suppression()
    assert held is not None
    assert not held.silences(NOON + DAY)


def test_message_ids_of_old_issues_are_not_looked_for(world: Returns, verp: bool) -> None:
    """Anybody can name all issues there were, and each costs a hash a reader; a token does not."""
    content = world.returned("gmail", world.day(0))
    done = world.take_back(content, now=NOON + OLDEST + DAY)
    assert done.counts == {What.BOUNCED if verp else What.UNAUTHENTICATED: 1}


def test_refusals_while_sending_feed_the_same_rule(world: Returns) -> None:
    """No such user is silenced at once, other refusals in a row, what is deferred not at all."""
    issue = world.day(0, Refusing({ALIGNMENT: GONE, EVERYTHING: NEVER}))
    states = {address: one.state for address, one in world.entries(issue).items()}
    assert states[ALIGNMENT] is states[EVERYTHING] is DeliveryState.FAILED
    held = world.suppression(ALIGNMENT)
    assert held is not None
    assert (held.kind, held.by) == (SuppressionKind.HARD, "reply")
    assert held.reason.endswith("550 5.1.1 no such user.")
    assert world.suppression(EVERYTHING) is None
    world.day(1, Refusing({EVERYTHING: LATER}))
    assert world.kept() == 2  # what is deferred has not failed
    assert world.suppression(EVERYTHING) is None
    world.day(2, Refusing({EVERYTHING: NEVER}))  # that one and the day's own
    rests = world.suppression(EVERYTHING)
    assert rests is not None
    assert rests.kind is SuppressionKind.SOFT
    assert "3 permanent failures in a row" in rests.reason


def test_who_is_suppressed_after_composing_is_skipped_at_claim_time(world: Returns) -> None:
    """As one who left: skipped, with the reason, and neither shown nor counted as due."""
    issue = issue_id(world.compose())
    world.suppress(EVERYTHING)
    with world.database.read() as connection:
        shown = [one.address for one in pipeline.rehearse(world.database, SIGNER, NOON)]
        assert shown == [ALIGNMENT]
        assert connection is not None
    road = Scripted()
    assert world.post(road).states == {DeliveryState.SENT: 1, DeliveryState.SKIPPED: 1}
    assert road.taken == [ALIGNMENT]
    assert world.entries(issue)[EVERYTHING].reason == "suppressed: by hand."
    world.counts(issue)  # the accounts balance


def test_an_operators_word_stands_and_forgives(world: Returns) -> None:
    """No bounce outweighs it; once lifted, what was sent before counts no more, even unread."""
    sent = [world.day(number) for number in range(2)]
    world.suppress(EVERYTHING)
    world.take_back(world.returned("gmail", sent[0]), now=NOON + DAY)
    held = world.suppression()
    assert held is not None
    assert held.kind is SuppressionKind.MANUAL
    with world.database.write() as connection:
        suppression_store.release(connection, EVERYTHING.upper(), NOON + DAY, "ida")
    done = world.take_back(world.returned("gmail", sent[1]), now=NOON + 2 * DAY)
    assert done.taken[0].follows == "Nothing that was heard is about the address."
    held = world.suppression()
    assert held is not None
    assert held.lifted_by == "ida"
    third = world.day(2)
    world.take_back(world.returned("exim", third), now=NOON + 2 * DAY)
    world.suppress(EVERYTHING, SuppressionKind.SOFT)
    with world.database.read() as connection:
        reader = store.get(connection, EVERYTHING).id
        held = suppression_store.find(connection, EVERYTHING)
        assert held is not None
        assert held.forgiven_at == NOON + DAY  # a new suppression forgets no forgiveness
        assert len(events.facts(connection, reader, held.forgiven_at)) == 1


def test_what_is_not_recorded_is_not_put_aside(
    world: Returns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash in the middle of a batch leaves its messages where they are, and no half of it."""
    issue = world.day(0)
    box = Box(world.returned("exim", issue), world.returned("gmail", issue, ALIGNMENT))
    with monkeypatch.context() as patch:
        patch.setattr(pipeline.silencing, "judge", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pipeline.take_back(world.database, SIGNER, box, lambda: NOON)
    assert (box.aside, world.kept()) == ([], 0)
    assert pipeline.take_back(world.database, SIGNER, box, lambda: NOON).counts == {What.BOUNCED: 2}
    assert box.aside == ["0", "1"]


def pending(world: Returns, at: datetime = NOON) -> int:
    """A reader who was asked at that instant."""
    consent = Consent(at=at, form="test")
    with world.database.write() as connection:
        done = store.subscribe(connection, "asa@example.org", Preferences(), consent, State.PENDING)
    return done.subscriber.id


def yes(reader: int, ends: datetime = NOON + 3 * DAY, came: datetime | None = None) -> bytes:
    """An answer with a token that ends then, as our server took it."""
    received = f"Received: from a.test; {format_datetime(came)}\n" if came else ""
    token = SIGNER.sign(Purpose.CONFIRM, reader, int(ends.timestamp()))
    return received.encode() + mail("confirm", confirm=token, reader="other@example.test")


def test_an_answer_confirms_once_and_is_welcomed(world: Returns) -> None:
    """As `newsletter confirm` does: confirmed, a welcome queued, today's issue for right away."""
    issue = issue_id(world.compose())
    reader = pending(world)
    done = world.take_back(yes(reader), yes(reader), now=NOON + timedelta(hours=1))
    assert done.counts == {What.CONFIRMED: 1, What.KNOWN: 1}
    assert (done.taken[0].address, done.taken[0].what) == ("asa@example.org", What.CONFIRMED)
    with world.database.read() as connection:
        assert store.by_id(connection, reader).state is State.CONFIRMED
        assert [one.kind for one in letters.listed(connection, 9)] == [LetterKind.WELCOME]
    assert "asa@example.org" in world.entries(issue)
    assert world.take_back(yes(reader), now=NOON + 9 * DAY).counts == {What.TOO_LATE: 1}


def test_an_answer_in_time_counts_however_late_it_is_read(world: Returns) -> None:
    """By our server's own Received; one that claims to be of the future is of now."""
    reader = pending(world)
    late = NOON + 9 * DAY
    for came in (None, NOON + 4 * DAY, late + DAY):
        done = world.take_back(yes(reader, came=came), now=late)
        assert done.counts == {What.TOO_LATE: 1}
        assert "expired" in done.taken[0].follows
    in_time = yes(reader, came=NOON + 2 * DAY)
    assert world.take_back(in_time, now=late).counts == {What.CONFIRMED: 1}


def test_an_old_yes_is_none_to_a_new_question(world: Returns) -> None:
    """Who left, or was asked again since, has to answer anew."""
    reader = pending(world)
    answer = yes(reader, came=NOON + timedelta(hours=1))
    with world.database.write() as connection:
        store.unsubscribe(connection, reader, NOON + timedelta(hours=2))
    assert world.take_back(answer, now=NOON + DAY).counts == {What.TOO_LATE: 1}
    pending(world, NOON + DAY)
    done = world.take_back(answer, now=NOON + DAY)
    assert done.counts == {What.TOO_LATE: 1}
    assert "asked again" in done.taken[0].follows


def test_a_forged_yes_confirms_nobody(world: Returns) -> None:
    """Another secret, another purpose, an unknown reader: told, and nothing changed."""
    reader = pending(world)
    ends = int((NOON + DAY).timestamp())
    tokens = (
        Signer(b"x" * 32).sign(Purpose.CONFIRM, reader, ends),
        SIGNER.sign(Purpose.VIEW, reader, ends),
        SIGNER.sign(Purpose.CONFIRM, 999, ends),
    )
    done = world.take_back(*(mail("confirm", confirm=one) for one in tokens))
    assert done.counts == {What.UNAUTHENTICATED: 3}
    with world.database.read() as connection:
        assert store.by_id(connection, reader).state is State.PENDING
