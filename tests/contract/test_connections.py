"""Many servers waited for in one thread: none holds up another, and none is taken for another."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from newsletter.message import Message
from newsletter.pipeline import Road
from newsletter.pipeline.connections import Connections, Returned
from newsletter.pipeline.talks import Talks
from newsletter.store.claiming import Claimed
from newsletter.transports import Refused, Reply, TransportUnavailable, smtp
from newsletter.transports.smtp import SmtpTransport
from newsletter.transports.talk import Pause, Talk
from tests.contract.scripted_smtp import HANG_UP, SILENCE, ScriptedSmtp
from tests.contract.test_smtp_dialogue import LONG, MAIL, transport

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
PIPELINED = {"EHLO": b"250-here\r\n250 PIPELINING"}


def claim(number: int) -> Claimed:
    return Claimed(
        id=number,
        issue_id=1,
        subscriber_id=number,
        confirmed=True,
        address=f"r{number}@example.org",
        suppressed="",
        since=NOON,
        picks="[]",
        kind="daily",
        language="",
        beyond=0,
        due_at=NOON,
        news_from=NOON,
        tries=0,
        attempt=1,
        lease_until=NOON + timedelta(hours=1),
    )


def message(number: int, content: bytes = MAIL) -> Message:
    return Message(
        sender="b@example.org",
        recipient=f"r{number}@example.org",
        message_id=f"{number}@example.org",
        subject="one",
        content=content,
    )


class Lines:
    """Connections of roads, each to a server of its own, opened before the test begins."""

    def __init__(self, *transports: SmtpTransport) -> None:
        for one in transports:
            one.open()
        names = [f"road{at}" for at in range(len(transports))]
        self.all = Connections(
            [Road(name=name, transports=[one]) for name, one in zip(names, transports, strict=True)]
        )

    def hand(self, road: int, number: int, content: bytes = MAIL) -> None:
        self.all.hand(f"road{road}", claim(number), message(number, content), None)

    def back(self, number: int) -> dict[int, Returned]:
        """So many that came back, by the number of their message."""
        found: dict[int, Returned] = {}
        while len(found) < number:
            found |= {one.claim.id: one for one in self.all.returned(10)}
        return found


def test_a_slow_server_holds_up_nobody_else() -> None:
    """While one takes its time over an answer, others are handed one message after the other."""
    slow = {".": [(0.8, b"250 taken"), b"250 taken"]} | PIPELINED
    with ScriptedSmtp(slow) as one, ScriptedSmtp(PIPELINED) as other:
        lines = Lines(transport(one.port), transport(other.port))
        lines.hand(0, 1)
        for number in range(2, 6):
            lines.hand(1, number)
            (back,) = lines.all.returned(10)
            assert (back.claim.id, back.road) == (number, "road1")
        assert lines.all.busy == 1
        assert list(lines.back(1)) == [1]
        lines.all.close()


@pytest.mark.parametrize(
    ("script", "kind", "in_doubt"),
    [
        ({"RCPT": b"550 5.1.1 no such user"}, Refused, False),
        ({".": b"452 4.3.1 full"}, Refused, False),
        ({"DATA": SILENCE}, TransportUnavailable, False),
        ({".": SILENCE}, TransportUnavailable, True),
        ({".": HANG_UP}, TransportUnavailable, True),
        ({"content": SILENCE}, TransportUnavailable, True),
    ],
)
def test_trouble_is_that_of_the_connection_that_had_it(
    script: dict[str, Any], kind: type[Refused | TransportUnavailable], in_doubt: bool
) -> None:
    """However one talk ends, the one beside it ends well, and the next over the same line too."""
    with ScriptedSmtp(PIPELINED | script) as one, ScriptedSmtp(PIPELINED) as other:
        lines = Lines(transport(one.port, timeout=0.4, reply_timeout=0.4), transport(other.port))
        lines.hand(0, 1, LONG if "content" in script else MAIL)
        lines.hand(1, 2)
        back = lines.back(2)
        lines.hand(1, 3)
        assert isinstance(lines.back(1)[3].answer, Reply)
        assert isinstance(back[1].answer, kind)
        assert getattr(back[1].answer, "in_doubt", False) == in_doubt
        assert isinstance(back[2].answer, Reply)
        assert len(other.messages) == 2
        lines.all.close()


def test_who_hung_up_between_two_messages_is_called_again() -> None:
    """Before anything was said of a message it goes over a new connection, once."""
    script = PIPELINED | {"MAIL": [b"250 ok", HANG_UP, b"250 ok"]}
    with ScriptedSmtp(script) as server:
        lines = Lines(transport(server.port))
        for number in (1, 2, 3):
            lines.hand(0, number)
            assert isinstance(lines.back(1)[number].answer, Reply)
        assert len(server.messages) == 3
        assert server.connections == 2
        lines.all.close()


def test_a_server_that_speaks_out_of_turn_is_heard_by_the_next_message() -> None:
    """A farewell between two messages costs nothing: a new connection is made."""
    script = PIPELINED | {".": [(b"250 taken\r\n421 4.4.2 idle for too long", HANG_UP), b"250 ok"]}
    with ScriptedSmtp(script) as server:
        lines = Lines(transport(server.port))
        lines.hand(0, 1)
        assert isinstance(lines.back(1)[1].answer, Reply)
        time.sleep(0.1)
        assert lines.all.returned(0) == []
        lines.hand(0, 2)
        assert isinstance(lines.back(1)[2].answer, Reply)
        assert len(server.messages) == 2
        lines.all.close()


def test_a_server_that_dribbles_has_no_more_time_than_a_silent_one() -> None:
    """An answer has an end, however often a byte of it comes."""
    drip = tuple(part for _ in range(40) for part in (0.05, bytearray(b"2")))
    with ScriptedSmtp(PIPELINED | {"RCPT": drip}) as server:
        lines = Lines(transport(server.port, timeout=0.5))
        began = time.monotonic()
        lines.hand(0, 1)
        answer = lines.back(1)[1].answer
        assert isinstance(answer, TransportUnavailable)
        assert not answer.in_doubt
        assert time.monotonic() - began < 5
        lines.all.close()


def test_a_talk_that_cannot_be_listened_to_ends() -> None:
    """It is told like any other end: who waits for it would wait for ever."""
    talks, (ours, theirs) = Talks[str](), socket.socketpair()
    ended: list[str] = []

    def talk() -> Talk[Reply]:
        try:
            yield Pause(writes=False, until=time.monotonic() + 60)
        finally:
            ended.append("closed")
        raise AssertionError

    with theirs:
        ours.close()  # no number to listen by
        talks.begin("one", ours, talk())
        ((key, answer),) = talks.ended(5)
        talks.close()
    assert (key, ended) == ("one", ["closed"])
    assert isinstance(answer, ValueError)


def test_servers_without_a_farewell_are_left_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many connections there are, the end of a run waits for one of them."""
    monkeypatch.setattr(smtp, "GOODBYE", 0.5)
    with ExitStack() as stack:
        scripts = [ScriptedSmtp(PIPELINED | {"QUIT": SILENCE}) for _ in range(8)]
        lines = Lines(*[transport(stack.enter_context(one).port) for one in scripts])
        began = time.monotonic()
        lines.all.close()
        assert time.monotonic() - began < 3
