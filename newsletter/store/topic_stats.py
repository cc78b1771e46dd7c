"""Counts how much readers want each topic; readers' own rules are counted together."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Function,
    Text,
    case,
    cast,
    column,
    func,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from newsletter.delivery import DeliveryState
from newsletter.rules import OWN
from newsletter.store.beside import beside
from newsletter.store.schema import deliveries, issues
from newsletter.store.stats import moved_readers
from subscribers.model import State
from subscribers.schema import subscribers

NONE = ""  # in place of a slug, where a paper was chosen for no topic
LIKE_OWN = OWN + "_" * 12  # rules.py: a hash of what it asks for


def wanted(connection: Connection, how: Literal["follows", "mutes"]) -> Counter[str]:
    """How many readers follow, or mute, each topic."""
    chosen = subscribers.c[how]
    each = _each(connection, chosen)
    slug = _told(each.c.value)
    query = (
        select(slug, func.count())
        .select_from(subscribers)
        .join(each, true())
        .where(subscribers.c.state == State.CONFIRMED)
        .group_by(slug)
    )
    found = Counter({row[0]: row[1] for row in connection.execute(query)})
    if OWN in found:  # of whom one may have several
        found[OWN] = _with_own(connection, chosen)
    return found


def moved(connection: Connection, start: datetime, end: datetime) -> Counter[str]:
    """Followers of each topic among readers who came, less those among readers who left.

    By what they follow now: what they followed before is not kept.
    """
    steps = moved_readers(start, end)
    step = func.sum(steps.c.step)
    who = (
        select(steps.c.subscriber_id, step.label("step"))
        .group_by(steps.c.subscriber_id)
        .having(step != 0)
        .subquery("who")
    )
    each = _each(connection, subscribers.c.follows)
    slug = _told(each.c.value)
    once = (  # a reader with several rules of her own came once
        select(slug.label("slug"), who.c.subscriber_id, func.max(who.c.step).label("step"))
        .select_from(who)
        .join(subscribers, subscribers.c.id == who.c.subscriber_id)
        .join(each, true())
        .group_by(slug, who.c.subscriber_id)
        .subquery("once")
    )
    query = select(once.c.slug, func.sum(once.c.step)).group_by(once.c.slug)
    return Counter({row[0]: row[1] for row in connection.execute(query)})


def picked(connection: Connection, first: date, last: date) -> Counter[str]:
    """Papers in digests that were sent, by each topic they were chosen for, or NONE."""
    if connection.dialect.name == "postgresql":
        pick: FromClause = (
            func.jsonb_array_elements(cast(deliveries.c.picks, JSONB))
            .table_valued(column("value", JSONB))
            .render_derived(name="pick")
        )
        reasons = func.jsonb_array_elements_text(pick.c.value[2])
    else:
        pick = func.json_each(deliveries.c.picks).table_valued(column("value", Text), name="pick")
        reasons = func.json_each(func.json_extract(pick.c.value, "$[2]"))
    reason = _valued(connection, reasons, "reason")
    slug = func.coalesce(_told(reason.c.value), NONE)
    query = (
        select(slug, func.count())
        .select_from(issues)
        .join(deliveries, deliveries.c.issue_id == issues.c.id)
        .join(pick, true())
        .outerjoin(reason, true())
        .where(issues.c.day.between(first, last), beside(deliveries.c.state) == DeliveryState.SENT)
        .group_by(slug)
    )
    return Counter({row[0]: row[1] for row in connection.execute(query)})


def _with_own(connection: Connection, chosen: ColumnElement[str]) -> int:
    query = select(func.count()).where(
        subscribers.c.state == State.CONFIRMED, chosen.like(f'%"{LIKE_OWN}"%')
    )
    return connection.scalar(query) or 0


def _told(slug: ColumnElement[str]) -> ColumnElement[str]:
    return case((slug.like(LIKE_OWN), OWN), else_=slug)


def _each(connection: Connection, chosen: ColumnElement[str]) -> FromClause:
    """The slugs of a JSON list of them, a row a slug."""
    if connection.dialect.name == "postgresql":
        return _valued(
            connection, func.jsonb_array_elements_text(cast(chosen, JSONB)), "each_topic"
        )
    return _valued(connection, func.json_each(chosen), "each_topic")


def _valued(connection: Connection, call: Function[Any], name: str) -> FromClause:
    valued = call.table_valued(column("value", Text), name=name)
    return valued.render_derived(name=name) if connection.dialect.name == "postgresql" else valued
