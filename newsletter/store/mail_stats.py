"""Counts what operators are told of digests, by the days of their issues.

An issue has its day in the publication's zone, so nothing has to be turned into days here. All is
counted by the database; what comes back is a few rows a day.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, case, cast, func, not_, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from newsletter.bounces import EventKind
from newsletter.delivery import DeliveryState
from newsletter.store.beside import beside
from newsletter.store.schema import deliveries, delivery_events, issue_papers, issues
from newsletter.store.stats import seconds

MINUTE, HOUR, WEEK = 60, 3600, 604_800
# How `delivery.decide` and a sender say that time or tries ran out; "refused: " is a server's no.
RAN_OUT = or_(
    deliveries.c.reason.like("no longer news%"),
    and_(
        deliveries.c.reason.like("refused % times, last: %"),
        not_(deliveries.c.reason.like("refused: %")),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Returned:
    """Digests of an issue that came back, or were reported, in the same way."""

    day: date  # of the issue
    kind: EventKind
    code: str
    permanent: bool
    number: int


@dataclass(frozen=True, kw_only=True)
class Digests:
    """Deliveries by the day of their issue."""

    states: dict[DeliveryState, Counter[date]]
    given_up: Counter[date]  # of the failed ones
    papers: Counter[date]  # in those that were sent


def digests(connection: Connection, first: date, last: date) -> Digests:
    """How many there are in each state."""
    failed, sent = DeliveryState.FAILED.value, DeliveryState.SENT.value
    gone = case((and_(deliveries.c.state == failed, RAN_OUT), 1), else_=0)
    papers = case((deliveries.c.state == sent, _length(connection)), else_=0)
    query = (
        select(
            issues.c.day,
            deliveries.c.state,
            func.count().label("number"),
            func.sum(gone).label("given_up"),
            func.sum(papers).label("papers"),
        )
        .join(deliveries, deliveries.c.issue_id == issues.c.id)
        .where(issues.c.day.between(first, last))
        .group_by(issues.c.day, deliveries.c.state)
    )
    found = Digests(
        states={state: Counter() for state in DeliveryState}, given_up=Counter(), papers=Counter()
    )
    for row in connection.execute(query):
        found.states[DeliveryState(row.state)][row.day] += row.number
        found.given_up[row.day] += row.given_up
        found.papers[row.day] += row.papers
    return found


def waits(connection: Connection, first: date, last: date) -> dict[date, dict[int, int]]:
    """How many digests were sent how many seconds after their hour, by the day of the issue.

    After an operator's retry it counts from there. To the second up to two minutes, to the minute
    up to two hours, to ten minutes up to a week: a day has some thousand numbers at most.
    """
    hour = func.coalesce(deliveries.c.retried_at, deliveries.c.due_at)
    took = seconds(connection, deliveries.c.sent_at) - seconds(connection, hour)
    rounded = case(
        (took < 0, 0),  # sent before its hour, by an operator
        (took < 2 * MINUTE, took),
        (took < 2 * HOUR, took // MINUTE * MINUTE),
        (took < WEEK, took // (10 * MINUTE) * (10 * MINUTE)),
        else_=WEEK,
    )
    query = (
        select(issues.c.day, rounded.label("took"), func.count().label("number"))
        .join(deliveries, deliveries.c.issue_id == issues.c.id)
        .where(
            issues.c.day.between(first, last),
            beside(deliveries.c.state) == DeliveryState.SENT,
            deliveries.c.sent_at.is_not(None),
        )
        .group_by(issues.c.day, rounded)
    )
    found: dict[date, dict[int, int]] = defaultdict(dict)
    for row in connection.execute(query):
        found[row.day][row.took] = row.number
    return dict(found)


def returned(connection: Connection, first: date, last: date) -> list[Returned]:
    """What came back of the digests of those days, refusals at the door among it."""
    alike = (
        issues.c.day,
        delivery_events.c.kind,
        delivery_events.c.code,
        delivery_events.c.permanent,
    )
    query = (
        select(*alike, func.count().label("number"))
        .select_from(delivery_events)
        .join(deliveries, deliveries.c.id == delivery_events.c.delivery_id)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .where(
            issues.c.day.between(first, last),
            delivery_events.c.kind != EventKind.UNSUBSCRIBED,
        )
        .group_by(*alike)
    )
    return [
        Returned(**(dict(row._mapping) | {"kind": EventKind(row.kind)}))
        for row in connection.execute(query)
    ]


def candidates(connection: Connection, first: date, last: date) -> dict[date, int]:
    """The issues of those days, each with its number of papers."""
    query = (
        select(issues.c.day, func.count(issue_papers.c.place))
        .outerjoin(issue_papers, issue_papers.c.issue_id == issues.c.id)
        .where(issues.c.day.between(first, last))
        .group_by(issues.c.day)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _length(connection: Connection) -> ColumnElement[int]:
    if connection.dialect.name == "postgresql":
        return func.jsonb_array_length(cast(deliveries.c.picks, JSONB))
    return func.json_array_length(deliveries.c.picks)
