"""Keeps what became of tries that did not end well, and what operators did. Only appended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from newsletter.delivery import DeliveryState
from newsletter.store.schema import delivery_history


@dataclass(frozen=True, kw_only=True)
class Happened:
    """One line of a delivery's history."""

    delivery_id: int
    at: datetime
    attempt: int  # the claim it belongs to, or came after
    state: DeliveryState  # what the delivery became
    words: str  # why, in the next server's words where it spoke
    transport: str  # empty where none had to do with it
    by: str  # the sender's name, or the operator's


def append(connection: Connection, rows: Iterable[Happened]) -> None:
    """Writes lines down."""
    values = [vars(row) | {"state": row.state.value, "by": row.by[:64]} for row in rows]
    if values:
        connection.execute(insert(delivery_history), values)


def became(
    connection: Connection,
    rows: Iterable[tuple[int, int, str]],
    at: datetime,
    state: DeliveryState,
    words: str,
) -> None:
    """Writes down that deliveries (number, attempt, by whom) became alike, without a server."""
    append(
        connection,
        (
            Happened(
                delivery_id=number,
                at=at,
                attempt=attempt,
                state=state,
                words=words,
                transport="",
                by=by,
            )
            for number, attempt, by in rows
        ),
    )


def of(connection: Connection, delivery_id: int) -> list[Happened]:
    """A delivery's history, oldest first."""
    query = select(*(column for column in delivery_history.c if column.name != "id"))
    rows = connection.execute(
        query.where(delivery_history.c.delivery_id == delivery_id).order_by(delivery_history.c.id)
    )
    return [Happened(**(dict(row._mapping) | {"state": DeliveryState(row.state)})) for row in rows]
