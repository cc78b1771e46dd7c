"""Letters that wait to be sent: queued once a key, claimed with a lease, tried for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, func, or_, select, update

from newsletter.store.beside import beside
from newsletter.store.insert import insert_new
from newsletter.store.schema import letters


class LetterKind(StrEnum):
    """Which letter it is."""

    CONFIRMATION = "confirmation"
    WELCOME = "welcome"
    PREFERENCES = "preferences"
    GOODBYE = "goodbye"
    REPORT = "report"  # to the operator
    CHANGE = "change"  # to an address that a reader wants instead
    REVIEW = "review"  # to the editor: an issue waits for approval
    ALERT = "alert"  # to the operator: something needs a hand


class LetterState(StrEnum):
    """How far a letter has come."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A letter that is ours to send until the lease ends."""

    id: int
    key: str
    kind: LetterKind
    subscriber_id: int | None
    address: str
    queued_at: datetime
    tries: int


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A letter as people look at it."""

    kind: str
    address: str
    state: str
    reason: str
    queued_at: datetime
    sent_at: datetime | None
    tries: int


def queue(
    connection: Connection,
    kind: LetterKind,
    key: str,
    address: str,
    now: datetime,
    subscriber_id: int | None = None,
) -> bool:
    """Queues a letter; False where that key was queued before."""
    return bool(queue_all(connection, kind, [(key, address, subscriber_id)], now))


def queue_all(
    connection: Connection,
    kind: LetterKind,
    wanted: Sequence[tuple[str, str, int | None]],
    now: datetime,
) -> int:
    """Queues letters, each a key, an address and a reader's number; how many are new."""
    same = {"kind": kind, "state": LetterState.QUEUED, "reason": "", "tries": 0}
    same |= {"queued_at": now, "next_at": now}
    rows = [
        {"key": f"{kind}/{key}", "subscriber_id": subscriber_id, "address": address, **same}
        for key, address, subscriber_id in wanted
    ]
    return len(insert_new(connection, letters, rows, returning=letters.c.id))


@dataclass(frozen=True, kw_only=True)
class Written:
    """A letter that was queued, and how far it has come."""

    id: int
    state: LetterState
    queued_at: datetime


def newest(
    connection: Connection, kind: LetterKind, state: LetterState | None = None
) -> Written | None:
    """The letter of a kind (in a state) that was queued last."""
    query = select(letters.c.id, letters.c.state, letters.c.queued_at).where(letters.c.kind == kind)
    if state is not None:
        query = query.where(letters.c.state == state)
    row = connection.execute(query.order_by(letters.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else Written(**{**row._mapping, "state": LetterState(row.state)})


def queued_since(
    connection: Connection, kind: LetterKind, subscriber_id: int, instant: datetime
) -> int:
    """How many letters of a kind were queued for a reader since an instant."""
    query = select(func.count()).where(
        beside(letters.c.kind) == kind,
        letters.c.subscriber_id == subscriber_id,
        letters.c.queued_at >= instant,
    )
    return connection.scalar(query) or 0


def waiting(connection: Connection, now: datetime) -> int:
    """How many letters could be sent by now."""
    query = select(func.count()).where(
        letters.c.state == LetterState.QUEUED, letters.c.next_at <= now
    )
    return connection.scalar(query) or 0


def asked_since(
    connection: Connection, subscriber_ids: Sequence[int], instant: datetime
) -> set[int]:
    """Which of these readers are asked to confirm by a letter that waits, or left since then."""
    recent = or_(
        letters.c.state == LetterState.QUEUED,
        letters.c.sent_at >= instant,
        letters.c.queued_at >= instant,
    )
    query = select(letters.c.subscriber_id).where(
        letters.c.subscriber_id.in_(subscriber_ids),
        beside(letters.c.kind) == LetterKind.CONFIRMATION,
        recent,
    )
    return set(connection.scalars(query))


def claim(
    connection: Connection, owner: str, now: datetime, lease: timedelta, limit: int
) -> list[Waiting]:
    """Takes up to `limit` letters whose time has come, the oldest first."""
    due = (
        select(letters.c.id)
        .where(
            letters.c.state == LetterState.QUEUED,
            letters.c.next_at <= now,
            or_(letters.c.lease_until.is_(None), letters.c.lease_until <= now),
        )
        .order_by(letters.c.next_at, letters.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.scalars(due))
    connection.execute(
        update(letters)
        .where(letters.c.id.in_(ids))
        .values(owner=owner, lease_until=now + lease, tries=letters.c.tries + 1)
    )
    query = (
        select(
            *(letters.c[name] for name in ("id", "key", "kind", "subscriber_id", "address")),
            letters.c.queued_at,
            letters.c.tries,
        )
        .where(letters.c.id.in_(ids))
        .order_by(letters.c.id)
    )
    return [
        Waiting(**{**row._mapping, "kind": LetterKind(row.kind)})
        for row in connection.execute(query)
    ]


def renew(connection: Connection, owner: str, letter_id: int, until: datetime) -> bool:
    """Prolongs the lease of a letter that is still ours; False where it is not."""
    mine = (letters.c.id == letter_id, letters.c.owner == owner)
    done = connection.execute(update(letters).where(*mine).values(lease_until=until))
    return done.rowcount == 1


def ended(
    connection: Connection,
    owner: str,
    letter_id: int,
    state: LetterState,
    *,
    reason: str = "",
    now: datetime,
    transport: str | None = None,
) -> bool:
    """Records that a letter of ours was sent, or never will be; False where it is not ours.

    Of a failure, `transport` is the one whose server refused it with `reason`, its reply.
    """
    done = connection.execute(
        update(letters)
        .where(letters.c.id == letter_id, letters.c.owner == owner)
        .values(
            state=state,
            reason=reason,
            owner=None,
            lease_until=None,
            transport=transport,
            sent_at=now if state is LetterState.SENT else None,
        )
    )
    return done.rowcount == 1


def put_off(
    connection: Connection,
    owner: str,
    ids: Sequence[int],
    until: datetime,
    reason: str,
    *,
    charged: bool,
) -> None:
    """Gives letters of ours back, to be tried again later."""
    connection.execute(
        update(letters)
        .where(letters.c.id.in_(ids), letters.c.owner == owner)
        .values(
            next_at=until,
            reason=reason,
            owner=None,
            lease_until=None,
            tries=letters.c.tries if charged else letters.c.tries - 1,
        )
    )


def listed(connection: Connection, limit: int) -> list[Listed]:
    """Letters, newest first."""
    names = ("kind", "address", "state", "reason", "queued_at", "sent_at", "tries")
    query = select(*(letters.c[name] for name in names)).order_by(letters.c.id.desc()).limit(limit)
    return [Listed(**row._mapping) for row in connection.execute(query)]
