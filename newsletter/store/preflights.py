"""What a preflight asks the ledger: who gets what, and which issues nobody was sent yet.

There is no table of its own: docs/decisions/0010-preflight-before-the-first-mail.md says why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Text, case, cast, exists, func, select

from newsletter.delivery import WAITING, DeliveryState
from newsletter.store import history, ledger
from newsletter.store.beside import beside
from newsletter.store.history import Happened
from newsletter.store.ledger import takeable
from newsletter.store.operator_acts import NOTHING
from newsletter.store.schema import deliveries, delivery_history, issue_papers
from subscribers.model import State
from subscribers.schema import subscribers

TRIAL = "sent to this reader alone, by name (send --to)"
LEFT = (DeliveryState.SENT, DeliveryState.SENDING, DeliveryState.UNKNOWN)
"""States in which a mail has left, or may have."""
SOME = {"yield_per": 1000}  # an issue may have a million deliveries: never all of them are held
FEW = 100  # deliveries looked at together: more than operators look at by name


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Deliveries of an issue with the same picks, or without any for the same reason."""

    picks: str  # as kept
    reason: str  # empty where there are picks
    number: int
    example: int  # the first delivery's number


def alike(connection: Connection, issue_id: int) -> Iterator[Alike]:
    """All deliveries of an issue, put together where they are alike."""
    reason = case((deliveries.c.picks == NOTHING, deliveries.c.reason), else_="")
    query = (
        select(
            deliveries.c.picks,
            reason.label("reason"),
            func.count().label("number"),
            func.min(deliveries.c.id).label("example"),
        )
        .where(deliveries.c.issue_id == issue_id)
        .group_by(deliveries.c.picks, reason)
        .order_by(func.min(deliveries.c.id))
    )
    for row in connection.execute(query, execution_options=SOME):
        yield Alike(picks=row[0], reason=row[1], number=row[2], example=row[3])


def with_picks(connection: Connection, issue_id: int) -> Iterator[int]:
    """The numbers of an issue's deliveries that have papers, in order."""
    query = select(deliveries.c.id).where(
        deliveries.c.issue_id == issue_id, deliveries.c.picks != NOTHING
    )
    yield from connection.scalars(query.order_by(deliveries.c.id), execution_options=SOME)


def of_readers(connection: Connection, issue_id: int, subscriber_ids: Collection[int]) -> list[int]:
    """The numbers of the deliveries with papers that these readers have of an issue."""
    query = select(deliveries.c.id).where(
        deliveries.c.issue_id == issue_id,
        deliveries.c.subscriber_id.in_(subscriber_ids),
        deliveries.c.picks != NOTHING,
    )
    return list(connection.scalars(query.order_by(deliveries.c.id)))


def weights(connection: Connection, issue_id: int) -> dict[int, int]:
    """How much each paper of an issue adds to a mail, by its place: about its octets."""
    length = func.length(cast(issue_papers.c.card, Text))
    query = select(issue_papers.c.place, length).where(issue_papers.c.issue_id == issue_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def not_due(connection: Connection, issue_id: int) -> int:
    """How many confirmed readers have no delivery of an issue."""
    query = (
        select(func.count())
        .select_from(subscribers)
        .where(subscribers.c.state == State.CONFIRMED)
        .where(
            ~exists().where(
                deliveries.c.issue_id == issue_id, deliveries.c.subscriber_id == subscribers.c.id
            )
        )
    )
    return connection.scalar(query) or 0


def left(connection: Connection, issue_id: int) -> int:
    """How many waiting deliveries of an issue are to readers who unsubscribed since."""
    query = (
        select(func.count())
        .select_from(deliveries)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(deliveries.c.issue_id == issue_id, deliveries.c.state.in_(WAITING))
        .where(subscribers.c.state != State.CONFIRMED)
    )
    return connection.scalar(query) or 0


def unbegun(
    connection: Connection,
    now: datetime,
    *,
    subscriber_id: int | None = None,
    early: bool = False,
) -> list[int]:
    """The issues that something could be sent of now (or `early`) and nothing was, oldest first.

    What went to one reader by name does not count: it is how an operator looks at an issue.
    """
    ready = takeable(
        select(deliveries.c.issue_id).distinct(), now, None, subscriber_id, early=early
    ).order_by(None)
    return [one for one in sorted(connection.scalars(ready)) if not _is_begun(connection, one)]


def mark_trial(connection: Connection, subscriber_id: int, by: str, now: datetime) -> None:
    """Writes down that what waits for a reader is sent by name, where its issue is not begun."""
    for issue_id in unbegun(connection, now, subscriber_id=subscriber_id, early=True):
        found = ledger.entries(connection, issue_id, subscriber_id=subscriber_id, states=WAITING)
        history.append(
            connection,
            (
                Happened(
                    delivery_id=one.id,
                    at=now,
                    attempt=0,
                    state=one.state,
                    words=TRIAL,
                    transport="",
                    by=by,
                )
                for one in found
            ),
        )


def _is_begun(connection: Connection, issue_id: int) -> bool:
    """Looks at the first that left, which is enough but where operators looked at the issue."""
    last = 0
    while True:
        query = (
            select(deliveries.c.id, deliveries.c.subscriber_id)
            .where(deliveries.c.issue_id == issue_id, deliveries.c.subscriber_id > last)
            .where(beside(deliveries.c.state).in_(LEFT))
            .order_by(deliveries.c.subscriber_id)
            .limit(FEW)
        )
        rows = connection.execute(query).all()
        if not rows:
            return False
        trials = select(delivery_history.c.delivery_id).where(
            delivery_history.c.delivery_id.in_([row.id for row in rows]),
            delivery_history.c.words == TRIAL,
        )
        if {row.id for row in rows} - set(connection.scalars(trials)):
            return True
        last = rows[-1].subscriber_id
