"""Webhooks are told what happened, on both databases, by a real server that misbehaves as told."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from newsletter.calls import Caller
from newsletter.errors import RequestError
from newsletter.pipeline import webhooks as telling
from newsletter.pipeline.webhooks import LEASE, Run
from newsletter.store import webhooks as kept
from newsletter.store.database import Database
from newsletter.webhooks import TRIES, Webhook, shown_secret
from subscribers import event_store, store
from subscribers.events import EventKind
from subscribers.model import Consent, Preferences
from subscribers.schema import subscriber_events
from subscribers.tokens import Signer
from tests.receiver import Receiver, Reply

NOON = datetime(2026, 3, 11, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SIGNER = Signer(b"a secret of the tests")
CALLER = Caller("test/1", allow_private=True, seconds=2)
DOCS = Path(__file__).resolve().parents[2] / "docs" / "webhooks.md"
BUSY = Reply(status=503, body=b"busy\nmore")


class Killed(Exception):
    """What stands for the end of a process in the middle of a run."""


class World:
    """A database with one reader, what happens to them, and runs at a time that is said."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.database.upgrade()
        self.now = NOON
        with self.database.write() as connection:
            consent = Consent(at=NOON, form="test")
            done = store.subscribe(connection, "asa@example.org", Preferences(), consent)
        self.reader = done.subscriber.id

    def add(self, url: str, *kinds: EventKind) -> int:
        with self.database.write() as connection:
            return kept.add(connection, url, kinds, NOON).id

    def happens(self, *kinds: EventKind) -> None:
        for kind in kinds:
            with self.database.write() as connection:
                event_store.append(connection, self.reader, kind, NOON, "test")

    def tell(self, now: datetime | None = None, posts: telling.Posts = CALLER) -> list[Run]:
        self.now = now or self.now
        return telling.tell(self.database, SIGNER, posts, lambda: self.now)

    def webhook(self, number: int) -> Webhook:
        with self.database.read() as connection:
            return {one.id: one for one in kept.listed(connection, removed=True)}[number]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.database.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def kinds(receiver: Receiver) -> list[str]:
    return [post.told["type"] for post in receiver.posts]


def verified(secret: str, headers: Any, body: bytes) -> bool:
    """As docs/webhooks.md tells receivers to do it."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    given: dict[str, Any] = {}
    exec(code, given)
    given["time"] = type("Clock", (), {"time": staticmethod(NOON.timestamp)})
    return bool(given["verified"](secret, headers, body))


def test_it_is_told_in_order_what_happens_after_it_was_added(
    world: World, receiver: Receiver
) -> None:
    """Once each, whole, and nothing of before."""
    hook = world.add(receiver.url)
    assert world.tell() == []
    world.happens(EventKind.CONFIRMED, EventKind.CHANGED, EventKind.UNSUBSCRIBED)
    (run,) = world.tell()
    assert (run.sent, run.lost, run.webhook.answer) == (3, 0, "204 No Content")
    assert world.tell() == []
    assert kinds(receiver) == ["confirmed", "changed", "unsubscribed"]
    first = receiver.posts[0]
    assert first.told == {
        "id": first.told["id"],
        "type": "confirmed",
        "at": NOON.isoformat(),
        "subscriber": {"id": world.reader, "address": "asa@example.org"},
        "by": "test",
    }
    assert first.headers["webhook-id"] == f"evt_{first.told['id']}"
    assert first.headers["content-type"] == "application/json"
    world.happens(EventKind.BOUNCED)
    assert world.tell()[0].sent == 1
    assert world.webhook(hook).next_at == NOON


def test_who_is_asked_to_end_tells_no_more_of_many(world: World, receiver: Receiver) -> None:
    """After the post under way; the rest follows at once when it starts again, nothing twice."""
    world.add(receiver.url)
    world.happens(EventKind.CONFIRMED, EventKind.CHANGED, EventKind.UNSUBSCRIBED)
    (run,) = telling.tell(
        world.database, SIGNER, CALLER, lambda: world.now, lambda: bool(receiver.posts)
    )
    assert run.sent == 1
    assert world.tell()[0].sent == 2
    assert kinds(receiver) == ["confirmed", "changed", "unsubscribed"]


def test_it_is_told_only_what_it_asked_for(world: World, receiver: Receiver) -> None:
    """What it did not ask for is passed over, and does not stay in the way."""
    hook = world.add(receiver.url, EventKind.BOUNCED, EventKind.COMPLAINED)
    world.happens(EventKind.CHANGED, EventKind.BOUNCED, EventKind.CHANGED)
    assert [run.sent for run in world.tell()] == [1]
    assert world.tell() == []
    world.happens(EventKind.CHANGED)
    before = world.webhook(hook).cursor
    assert [run.sent for run in world.tell()] == [0]
    assert world.webhook(hook).cursor > before
    assert kinds(receiver) == ["bounced"]


def test_what_it_is_sent_can_be_verified(world: World, receiver: Receiver) -> None:
    """By the ten lines of the docs: with the new and the old secret, with no other, unaltered."""
    hook = world.add(receiver.url)
    world.happens(EventKind.CONFIRMED)
    rotated = Signer(b"a new secret", [b"a secret of the tests"])
    assert telling.tell(world.database, rotated, CALLER, lambda: NOON)[0].sent == 1
    (post,) = receiver.posts
    new, old = map(shown_secret, rotated.webhook_secrets(hook))
    assert old == shown_secret(SIGNER.webhook_secrets(hook)[0])
    assert verified(new, post.headers, post.body)
    assert verified(old, post.headers, post.body)
    other = shown_secret(SIGNER.webhook_secrets(hook + 1)[0])
    assert not verified(other, post.headers, post.body)
    assert not verified(new, post.headers, post.body + b" ")
    for name, value in (("webhook-id", "evt_99"), ("webhook-timestamp", "1773230300")):
        assert not verified(new, {**post.headers, name: value}, post.body)


def test_what_fails_is_tried_again_and_holds_up_what_follows(
    world: World, receiver: Receiver
) -> None:
    """After a minute, then two; by the same name, at a new time; then all goes on."""
    hook = world.add(receiver.url)
    world.happens(EventKind.CONFIRMED, EventKind.CHANGED)
    receiver.script = [BUSY, Reply(status=302, headers={"Location": "/other"})]
    (run,) = world.tell()
    assert (run.sent, run.webhook.tries) == (0, 1)
    assert run.webhook.answer == "503 Service Unavailable: busy more"
    assert world.tell(NOON + 0.9 * MINUTE) == []
    assert world.tell(NOON + MINUTE)[0].webhook.answer == "302 Found; redirects are not followed"
    assert world.tell(NOON + 2 * MINUTE) == []
    (run,) = world.tell(NOON + 3 * MINUTE)
    assert (run.sent, run.webhook.tries, run.webhook.id) == (2, 0, hook)
    assert kinds(receiver) == ["confirmed"] * 3 + ["changed"]
    assert {post.path for post in receiver.posts} == {"/in"}
    assert len({post.headers["webhook-id"] for post in receiver.posts[:3]}) == 1
    assert len({post.headers["webhook-timestamp"] for post in receiver.posts[:3]}) == 3


def test_what_fails_for_long_is_given_up(world: World, receiver: Receiver) -> None:
    """Counted as lost after twelve tries; the next one follows at once."""
    hook = world.add(receiver.url)
    world.happens(EventKind.CONFIRMED, EventKind.CHANGED)
    receiver.script = [BUSY] * TRIES
    for tried in range(1, TRIES):
        world.tell(world.webhook(hook).next_at)
        assert world.webhook(hook).tries == tried
    (run,) = world.tell(world.webhook(hook).next_at)
    assert (run.sent, run.lost, run.webhook.lost, run.webhook.tries) == (1, 1, 1, 0)
    assert kinds(receiver) == ["confirmed"] * TRIES + ["changed"]
    assert world.now - NOON < timedelta(hours=24)


def test_who_is_gone_is_told_nothing_more(world: World, receiver: Receiver) -> None:
    """410 removes a webhook; so does an operator, and a removed one is not found any more."""
    hook = world.add(receiver.url)
    world.happens(EventKind.CONFIRMED, EventKind.CHANGED)
    receiver.script = [Reply(status=410)]
    (run,) = world.tell()
    assert run.webhook.removed_at == NOON
    assert world.tell(NOON + MINUTE) == []
    assert len(receiver.posts) == 1
    with world.database.write() as connection:
        assert kept.listed(connection) == []
        with pytest.raises(RequestError, match="was removed on 2026-03-11"):
            kept.get(connection, hook)
        with pytest.raises(RequestError, match="no webhook number 99"):
            kept.get(connection, 99)
        assert kept.remove(connection, run.webhook, NOON, "") is None


def test_one_removed_during_its_post_stays_so(world: World, receiver: Receiver) -> None:
    """What was on its way arrives; nothing more is recorded or sent."""
    hook = world.add(receiver.url)
    world.happens(EventKind.CONFIRMED, EventKind.CHANGED)

    def remove() -> None:
        with world.database.write() as connection:
            kept.remove(connection, kept.get(connection, hook), NOON, "by hand")

    receiver.script = [Reply(then=remove)]
    world.tell()
    assert (len(receiver.posts), world.webhook(hook).answer) == (1, "by hand")


def test_a_run_that_was_killed_leaves_its_event_to_be_sent_again(
    world: World, receiver: Receiver
) -> None:
    """At least once, and in order: after the lease of the run that is no more."""
    world.add(receiver.url)
    world.happens(EventKind.CONFIRMED, EventKind.CHANGED)

    class Dying:
        def post(self, *told: Any) -> Any:
            CALLER.post(*told)
            raise Killed

    with pytest.raises(Killed):
        world.tell(posts=Dying())
    assert world.tell(NOON + MINUTE) == []
    assert world.tell(NOON + LEASE)[0].sent == 2
    assert kinds(receiver) == ["confirmed", "confirmed", "changed"]
    names = [post.headers["webhook-id"] for post in receiver.posts]
    assert names[0] == names[1] != names[2]


def test_two_runs_at_once_send_an_event_once(world: World, receiver: Receiver) -> None:
    """The second leaves a webhook to the first; one whose lease ran out takes nothing back."""
    hook = world.add(receiver.url)
    world.happens(EventKind.CONFIRMED, EventKind.CHANGED)
    inner: list[list[Run]] = []
    receiver.script = [Reply(then=lambda: inner.append(world.tell()))]
    assert [run.sent for run in world.tell()] == [2]
    assert inner == [[]]
    world.happens(EventKind.BOUNCED, EventKind.COMPLAINED)
    receiver.script = [Reply(then=lambda: inner.append(world.tell(NOON + LEASE)))]
    assert [run.sent for run in world.tell()] == [0]
    assert [run.sent for run in inner[1]] == [2]
    assert kinds(receiver)[2:] == ["bounced", "bounced", "complained"]
    assert world.webhook(hook).tries == 0


def test_a_webhook_is_held_by_one_run(world: World, receiver: Receiver) -> None:
    """Two that found it due at the same instant do not both have it, until the lease has ended."""
    found = world.webhook(world.add(receiver.url))

    def claims(now: datetime) -> bool:
        with world.database.write() as connection:
            return kept.claim(connection, found, now, now + LEASE)

    assert [claims(NOON), claims(NOON), claims(NOON + LEASE)] == [True, False, True]


def test_a_slow_one_holds_up_nobody_else(world: World, receiver: Receiver) -> None:
    """Several are told at once: here neither is answered before both have been asked."""
    both = threading.Barrier(2, timeout=5)
    receiver.otherwise = Reply(then=lambda: void(both.wait()))
    world.add(receiver.url)
    world.add(receiver.url)
    world.happens(EventKind.CONFIRMED)
    assert [run.sent for run in world.tell()] == [1, 1]


def void(_: object) -> None:
    """Nothing."""


def test_a_test_is_told_its_answer_and_changes_nothing(world: World, receiver: Receiver) -> None:
    """An event about nobody, signed as all are."""
    hook = world.webhook(world.add(receiver.url))
    assert telling.test(SIGNER, CALLER, hook, NOON).is_taken
    receiver.script = [BUSY]
    answered = telling.test(SIGNER, CALLER, hook, NOON)
    assert (answered.status, answered.is_taken) == (503, False)
    assert kinds(receiver) == ["test", "test"]
    post = receiver.posts[0]
    assert verified(shown_secret(SIGNER.webhook_secrets(hook.id)[0]), post.headers, post.body)
    assert world.webhook(hook.id) == hook


def test_an_event_that_is_kept_late_is_not_passed_over(
    postgres_database_url: str, receiver: Receiver
) -> None:
    """PostgreSQL numbers events before they are kept; whoever tells waits for the lower ones."""
    world = World(postgres_database_url)
    world.add(receiver.url)
    held, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with world.database.write() as connection:
            event_store.append(connection, world.reader, EventKind.CONFIRMED, NOON, "test")
            held.set()
            go_on.wait(10)

    writer = threading.Thread(target=slow)
    writer.start()
    assert held.wait(5)
    world.happens(EventKind.CHANGED)
    threading.Timer(0.3, go_on.set).start()
    world.tell()
    world.tell()
    writer.join()
    assert kinds(receiver) == ["confirmed", "changed"]
    world.database.close()


def test_a_gap_in_the_numbers_harms_nothing(world: World, receiver: Receiver) -> None:
    """As what was taken back leaves one."""
    world.add(receiver.url)
    with world.database.read() as connection:
        last = event_store.newest(connection)
    row = {"subscriber_id": world.reader, "kind": "changed", "at": NOON, "by": "test"}
    with world.database.write() as connection:
        for number in (last + 5, last + 9):
            connection.execute(insert(subscriber_events).values(row | {"id": number}))
    assert [run.sent for run in world.tell()] == [2]
