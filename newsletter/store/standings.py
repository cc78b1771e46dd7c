"""How far an issue has come, as sums over its deliveries: by state, road, domain and reason.

Every number is counted by the database; nothing of a delivery is held in memory but examples.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Integer, case, cast, func, select

from newsletter.delivery import WAITING, DeliveryState, kind_of
from newsletter.store.beside import beside
from newsletter.store.schema import deliveries
from subscribers.schema import subscribers

RECENT = timedelta(minutes=1)  # what the present throughput is measured over
DOMAINS = 15  # told one by one; the rest together
REASONS = 500  # different words read before they are sorted into kinds
KINDS = 10  # of reasons, told
S = DeliveryState
TROUBLE = (S.FAILED, S.UNKNOWN, S.DEFERRED)


@dataclass(frozen=True, kw_only=True)
class Share:
    """The deliveries of a domain or of a transport."""

    name: str
    composed: int
    sent: int
    deferred: int
    failed: int
    unknown: int


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Deliveries that ended or wait for the same reason."""

    state: DeliveryState
    number: int
    example: str  # one reader's address
    words: str  # without what differs from reader to reader


@dataclass(frozen=True, kw_only=True)
class Standings:
    """All sums of an issue at one instant."""

    counts: dict[DeliveryState, int] = field(default_factory=dict)
    first_sent_at: datetime | None = None
    last_sent_at: datetime | None = None
    sent_lately: int = 0  # within RECENT
    ready: int = 0  # whose time has come, or that are leaving
    domains: tuple[Share, ...] = ()  # largest first
    others: Share | None = None  # all other domains together
    transports: tuple[Share, ...] = ()
    causes: tuple[Cause, ...] = ()  # commonest first

    @property
    def per_second(self) -> float | None:
        """Messages a second from the first sent to the last; None where no time passed."""
        if self.first_sent_at is None or self.last_sent_at is None:
            return None
        seconds = (self.last_sent_at - self.first_sent_at).total_seconds()
        return (self.counts[S.SENT] - 1) / seconds if seconds > 0 else None

    @property
    def per_second_lately(self) -> float:
        """Messages a second within the last minute."""
        return self.sent_lately / RECENT.total_seconds()

    @property
    def left(self) -> timedelta | None:
        """How long what is ready takes at the present rate; None where nothing moves."""
        if not self.ready or not self.sent_lately:
            return None
        return timedelta(seconds=round(self.ready / self.per_second_lately))


def of(connection: Connection, issue_id: int, now: datetime) -> Standings:
    """The sums of an issue."""
    mine = deliveries.c.issue_id == issue_id
    counts = dict.fromkeys(S, 0)
    roads: dict[str, dict[DeliveryState, int]] = defaultdict(lambda: dict.fromkeys(S, 0))
    first = last = None
    sent_lately = 0
    alike = (deliveries.c.state, deliveries.c.transport)
    # Of columns that an index has, in its order: nothing is sorted, and no row is looked at.
    query = select(
        *alike,
        func.count().label("number"),
        func.min(deliveries.c.sent_at).label("first"),
        func.max(deliveries.c.sent_at).label("last"),
    )
    for row in connection.execute(query.where(mine).group_by(*alike)).all():
        state = S(row.state)
        counts[state] += row.number
        if row.transport:
            roads[row.transport][state] += row.number
        first = min(filter(None, (first, row.first)), default=None)
        last = max(filter(None, (last, row.last)), default=None)
        if row.last is not None and row.last > now - RECENT:
            lately = select(func.count()).where(
                mine,
                deliveries.c.state == row.state,
                deliveries.c.transport.is_not_distinct_from(row.transport),
                deliveries.c.sent_at > now - RECENT,
            )
            sent_lately += connection.scalar(lately) or 0
    ready_now = counts[S.SENDING]
    if any(counts[state] for state in WAITING):
        ready = select(func.count()).where(
            beside(deliveries.c.issue_id) == issue_id,
            deliveries.c.state.in_(WAITING),
            deliveries.c.next_at <= now,
        )
        ready_now += connection.scalar(ready) or 0
    domains = _domains(connection, mine)
    return Standings(
        counts=counts,
        first_sent_at=first,
        last_sent_at=last,
        sent_lately=sent_lately,
        ready=ready_now,
        domains=domains,
        others=_others(counts, domains),
        transports=tuple(
            Share(
                name=name,
                composed=sum(by_state.values()),
                sent=by_state[S.SENT],
                deferred=by_state[S.DEFERRED],
                failed=by_state[S.FAILED],
                unknown=by_state[S.UNKNOWN],
            )
            for name, by_state in sorted(roads.items())
        ),
        causes=_causes(connection, mine),
    )


def _domains(connection: Connection, mine: ColumnElement[bool]) -> tuple[Share, ...]:
    total = func.count()
    query = (
        select(
            subscribers.c.domain.label("name"),
            total.label("composed"),
            *(
                _number(deliveries.c.state == state).label(state.value)
                for state in (S.SENT, S.DEFERRED, S.FAILED, S.UNKNOWN)
            ),
        )
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(mine)
        .group_by(subscribers.c.domain)
        .order_by(total.desc(), subscribers.c.domain)
        .limit(DOMAINS)
    )
    return tuple(Share(**row._mapping) for row in connection.execute(query))


def _others(counts: dict[DeliveryState, int], told: tuple[Share, ...]) -> Share | None:
    """What is left of an issue's deliveries beside the domains that are told."""
    composed = sum(counts.values()) - sum(one.composed for one in told)
    if composed <= 0:
        return None
    return Share(
        name="others",
        composed=composed,
        sent=counts[S.SENT] - sum(one.sent for one in told),
        deferred=counts[S.DEFERRED] - sum(one.deferred for one in told),
        failed=counts[S.FAILED] - sum(one.failed for one in told),
        unknown=counts[S.UNKNOWN] - sum(one.unknown for one in told),
    )


def _causes(connection: Connection, mine: ColumnElement[bool]) -> tuple[Cause, ...]:
    number = func.count()
    grouped = (
        select(
            deliveries.c.state,
            deliveries.c.reason,
            number.label("number"),
            func.min(deliveries.c.subscriber_id).label("example"),
        )
        .where(mine, deliveries.c.state.in_(TROUBLE))
        .group_by(deliveries.c.state, deliveries.c.reason)
        .order_by(number.desc(), func.min(deliveries.c.subscriber_id))
        .limit(REASONS)
        .subquery()
    )
    query = (
        select(grouped.c.state, grouped.c.reason, grouped.c.number, subscribers.c.address)
        .join(subscribers, subscribers.c.id == grouped.c.example)
        .order_by(grouped.c.number.desc(), grouped.c.example)
    )
    found: dict[tuple[str, str], tuple[int, str]] = {}
    for row in connection.execute(query):
        kind = (row.state, kind_of(row.reason))
        before, example = found.get(kind, (0, row.address))
        found[kind] = before + row.number, example
    causes = [
        Cause(state=S(state), number=number, example=example, words=words)
        for (state, words), (number, example) in found.items()
    ]
    causes.sort(key=lambda one: (-one.number, TROUBLE.index(one.state), one.words))
    return tuple(causes[:KINDS])


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(cast(case((condition, 1), else_=0), Integer)), 0)
