"""Sending alone: one message again and again, into the same sink.

Run: python -m benchmarks.send [--messages 5000] [--rounds 5]

Ours is what a sending process has, 40 connections that one thread talks to; beside it `smtplib`
over one connection, and `smtp-source` over as many as ours where Postfix's tools are.
"""

from __future__ import annotations

import argparse
import smtplib
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks import canned, given, results
from benchmarks.metering import Meter, alternated, machine
from benchmarks.publication import Manner, prepare
from benchmarks.results import OURS, Result, Round
from benchmarks.sinks import Sink, kind, sink, tool
from newsletter import transports
from newsletter.message import Message
from newsletter.pipeline.connections import Connections, Road
from newsletter.store.claiming import Claimed

FROM, TO = "daily@example.org", "reader@example.org"
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
CLAIM = Claimed(  # of nothing: there is no ledger here
    id=1,
    issue_id=1,
    subscriber_id=1,
    address=TO,
    confirmed=True,
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
    lease_until=NOON,
)
CANNED, SMTPLIB = "smtp-source", "smtplib"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints a table and keeps the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=40)
    parser.add_argument("--results", type=Path, metavar="FILE", help="where lines of JSON are kept")
    asked = parser.parse_args(arguments)
    content, messages = message(), asked.messages
    programs: dict[str, Callable[[], Round]] = {
        OURS: partial(measured, _ours, content, messages, asked.connections),
        SMTPLIB: partial(measured, _smtplib, content, messages, 1),
    }
    if tool("smtp-source") is None:
        print(f"Without smtp-source: {canned.MISSING}.")
    else:
        programs[CANNED] = partial(canned.measured, content, messages, asked.connections)
    found = [
        Result(
            bench="send",
            program=name,
            number=messages,
            measured=messages,
            rounds=rounds,
            unit="message",
            terms={"connections": asked.connections, "sink": kind(), **machine()},
        )
        for name, rounds in alternated(programs, asked.rounds).items()
    ]
    results.keep(asked.results, found)
    results.show(found)


def message() -> bytes:
    """A digest of the measured publication."""
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as name:
        place = Path(name)
        app = prepare(place, 50, Manner()).app(place, port=25, manner=Manner())
        given.write(app, 50, place)
        app.close()
        return (place / "ours.eml").read_bytes()


def measured(
    send: Callable[[Sink, bytes, int, int], None], content: bytes, messages: int, connections: int
) -> Round:
    """One run of one way to send."""
    with sink() as server, Meter() as meter:
        send(server, content, messages, connections)
    if server.messages != messages:
        raise SystemExit(f"{server.messages} taken of {messages}.")
    each = 1e6 / messages
    return Round(
        cpu=meter.cpu * each, wall=meter.wall * each, sink=server.cpu * each, size=len(content)
    )


def _ours(server: Sink, content: bytes, messages: int, connections: int) -> None:
    table = {"host": "127.0.0.1", "port": server.port, "security": "none"}
    road = Road(
        name=OURS,
        transports=[transports.build("smtp", table, "", Path.cwd()) for _ in range(connections)],
    )
    lines = Connections([road])
    one = Message(
        sender=FROM, recipient=TO, message_id="1@bench", subject="", content=content, vouched=True
    )
    waiting, done = messages, 0
    while done < messages:
        while waiting and lines.idle[OURS]:
            lines.hand(OURS, CLAIM, one, None)
            waiting -= 1
        done += len(lines.returned())
    lines.close()


def _smtplib(server: Sink, content: bytes, messages: int, _: int) -> None:
    with smtplib.SMTP("127.0.0.1", server.port) as line:
        for _ in range(messages):
            line.sendmail(FROM, [TO], content)


if __name__ == "__main__":
    main()
