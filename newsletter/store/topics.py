"""Keeps topics that operators and readers made, on a caller's connection."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select

from newsletter.store.insert import insert_new, put_rows
from newsletter.store.schema import topics
from subscribers.model import State
from subscribers.schema import subscribers


@dataclass(frozen=True, kw_only=True)
class KeptTopic:
    """A topic as the store has it."""

    slug: str
    definition: dict[str, Any]  # catalogue.TopicOptions as JSON; empty where it is removed
    own: bool  # a reader's rule
    removed: bool  # hides the file's topic of this slug
    by: str
    at: datetime


def every(connection: Connection) -> list[KeptTopic]:
    """All of them, in order of slug."""
    rows = connection.execute(select(topics).order_by(topics.c.slug))
    return [KeptTopic(**row._mapping) for row in rows]


def some(connection: Connection, slugs: Sequence[str]) -> list[KeptTopic]:
    """Those of these slugs, in order of slug."""
    query = select(topics).where(topics.c.slug.in_(slugs)).order_by(topics.c.slug)
    return [KeptTopic(**row._mapping) for row in connection.execute(query)]


def put(connection: Connection, topic: KeptTopic) -> None:
    """Keeps a topic in place of what was there."""
    put_rows(connection, topics, [vars(topic)], key=("slug",))


def put_own(connection: Connection, found: Iterable[KeptTopic]) -> None:
    """Keeps readers' rules that are not there yet: equal rules are one topic."""
    insert_new(connection, topics, [vars(one) for one in found], returning=topics.c.slug)


def forget(connection: Connection, slug: str) -> None:
    """Takes a topic out; the file's of this slug counts again."""
    connection.execute(delete(topics).where(topics.c.slug == slug))


def followers(connection: Connection, slug: str) -> int:
    """How many readers who have not left follow or mute a topic."""
    told = f"%{json.dumps(slug)}%"  # slugs hold no sign that LIKE knows
    query = select(func.count()).where(
        subscribers.c.state != State.UNSUBSCRIBED,
        or_(subscribers.c.follows.like(told), subscribers.c.mutes.like(told)),
    )
    return connection.scalar(query) or 0
