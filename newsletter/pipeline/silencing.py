"""Applies the rule of `subscribers.suppression` to the ledger: who gets nothing, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from newsletter.bounces import EventKind
from newsletter.delivery import DeliveryState
from newsletter.server_words import code_of, line
from newsletter.store import deliveries, events
from newsletter.store.claiming import Finished
from newsletter.store.database import Connection
from newsletter.store.events import Event
from subscribers import addresses, suppression_store
from subscribers import store as subscribers
from subscribers.model import Subscriber
from subscribers.suppression import Suppression, SuppressionKind, judge

REPLY, REVIEW = "reply", "review"  # what makes and lifts suppressions, as they are kept


def skipped(reason: str) -> str:
    """Why a delivery is not sent, in the words of the ledger."""
    return f"suppressed: {reason}"


def silenced(
    connection: Connection, readers: Sequence[Subscriber], now: datetime
) -> dict[int, str]:
    """Why readers, in order of number, get nothing now, by their numbers; without those who do."""
    return deliveries.silent(connection, [reader.id for reader in readers], now)


def refused(connection: Connection, finished: Iterable[Finished], now: datetime) -> None:
    """Takes note of deliveries that the next server refused for good, and of what follows."""
    for one in finished:
        if one.refusal is None or one.decision.state is not DeliveryState.FAILED:
            continue
        code = one.refusal.code
        event = Event(
            delivery_id=one.claim.id,
            kind=EventKind.REFUSED,
            at=now,
            code=code_of(one.refusal.text),
            permanent=code is None or code >= 500,  # RFC 5321 4.2.1
            words=line(f"{code or ''} {one.refusal.text}"),
        )
        if events.add(connection, event):
            weigh_up(connection, subscribers.by_id(connection, one.claim.subscriber_id), now, REPLY)


def weigh_up(connection: Connection, reader: Subscriber, now: datetime, by: str) -> str:
    """Suppresses a reader's address where what was heard of it asks for that; says what follows."""
    key = addresses.key(reader.address)
    before = suppression_store.find(connection, key)
    verdict = judge(
        events.facts(connection, reader.id, before.forgiven_at if before else None), now
    )
    if verdict.kind is None:
        return verdict.reason
    new = Suppression(
        address_key=key,
        kind=verdict.kind,
        reason=verdict.reason,
        at=now,
        by=by,
        until=verdict.until,
    )
    held = suppression_store.put(connection, new)
    return held.reason


def review(connection: Connection, now: datetime) -> list[tuple[str, str]]:
    """Lifts soft suppressions after a success; returns each address with the sentence why."""
    lifted = []
    for one in suppression_store.listed(connection, kind=SuppressionKind.SOFT):
        reader = subscribers.find(connection, one.address_key)
        if reader is None:
            continue
        verdict = judge(events.facts(connection, reader.id, one.forgiven_at), now)
        if verdict.kind is None and suppression_store.lift(
            connection, one.address_key, now, REVIEW, forgive=False
        ):
            lifted.append((reader.address, verdict.reason))
    return lifted
