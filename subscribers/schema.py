"""The tables of subscribers and suppressions, and the one MetaData all tables stand on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
    true,
)
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
LENGTH = len("2026-03-05 08:00:00.000000")  # of an instant that SQLite keeps


class Instant(TypeDecorator[datetime]):
    """An instant: aware in Python, UTC in the database. A naive datetime is refused.

    SQLite keeps it as text, which is written and read here at once: by way of the types beneath it
    takes several times as long, and every row that is composed or sent has several.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """To UTC; SQLite keeps it without the offset."""
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Aware again."""
        if dialect.name == "sqlite":
            return _from_text
        return super().result_processor(dialect, coltype)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        return None if value is None else _utc(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """In UTC, whatever zone the connection is in."""
        return None if value is None else value.astimezone(UTC)


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"a naive datetime has no place in the database: {value}")
    return value.astimezone(UTC)


def _as_text(value: datetime | None) -> str | None:
    """As SQLAlchemy's own type writes it: 2026-03-05 08:00:00.000000."""
    return None if value is None else _written(_utc(value))


@lru_cache(maxsize=4096)  # many rows share an hour, or the time at which they were written
def _written(utc: datetime) -> str:  # in UTC, where two that are equal are one instant
    return utc.isoformat(" ", "microseconds")[:LENGTH]


def _from_text(value: str | None) -> datetime | None:
    if value is None:
        return None
    if len(value) == LENGTH and value[-3].isdigit():  # else the sign of an offset
        return datetime.fromisoformat(f"{value}+00:00")
    found = datetime.fromisoformat(value)  # written by other hands than ours
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("address", String(320), nullable=False),  # as mail is sent to it
    Column("address_key", String(320), nullable=False, unique=True),  # addresses.key()
    Column("domain", String(255), nullable=False, index=True),  # addresses.domain()
    Column("state", String(16), nullable=False),  # model.State
    # Preferences. The topics are JSON lists, sorted, so that equal preferences are equal text.
    Column("follows", Text, nullable=False),
    Column("mutes", Text, nullable=False),
    Column("at", String(5), nullable=False),  # "08:00"
    Column("zone", String(64), nullable=False),  # IANA
    Column("days", String(7), nullable=False),  # "01234": Monday to Friday
    Column("length", Integer, nullable=False),
    Column("language", String(16), nullable=False),  # BCP 47; empty: the publication's
    Column("discover", Boolean, nullable=False, server_default=false()),
    Column("learn", Boolean, nullable=False, server_default=true()),
    Column("clicks", Boolean, nullable=False, server_default=false()),
    # Consent, kept as proof.
    Column("consent_at", Instant, nullable=False),
    Column("consent_form", String(64), nullable=False),
    Column("consent_wording", String(16), nullable=False, server_default=""),  # its version
    Column("consent_network", String(64), nullable=False, server_default=""),  # if configured
    Column("unsubscribed_at", Instant),
    Column("paused_until", Date),  # the first day with a digest again
    # When composing has to look at this reader next: never after the next hour they chose, and
    # sooner where something changed. Null: nothing is due to them.
    Column("next_due_at", Instant),
    Column("served_on", Date),  # the last day, in their zone, that is done with
    CheckConstraint("state IN ('pending', 'confirmed', 'unsubscribed')", name="state"),
    Index(None, "next_due_at"),
    sqlite_autoincrement=True,  # a number once given is never another reader's: tokens hold it
)

# Addresses that get nothing, whether a subscriber has them or not; the latest word on each.
suppressions = Table(
    "suppressions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("address_key", String(320), nullable=False, unique=True),  # addresses.key()
    Column("kind", String(16), nullable=False),  # suppression.SuppressionKind
    Column("reason", Text, nullable=False),  # one sentence
    Column("at", Instant, nullable=False),
    Column("by", String(64), nullable=False),  # what made it: "bounce", "command line", ...
    Column("until", Instant),  # a soft one has rested then
    Column("lifted_at", Instant),  # null while it holds
    Column("lifted_by", String(64), nullable=False),
    Column("forgiven_at", Instant),  # the last lifting; what was sent before it counts no more
    CheckConstraint("kind IN ('soft', 'hard', 'complaint', 'manual')", name="kind"),
    sqlite_autoincrement=True,
)

# What happened to subscriptions, in order; appended in the transaction in which it happened.
subscriber_events = Table(
    "subscriber_events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("subscriber_id", ForeignKey("subscribers.id"), nullable=False),
    Column("kind", String(16), nullable=False),  # events.EventKind
    Column("at", Instant, nullable=False),
    Column("by", String(64), nullable=False),  # "command line", "subscribe page", "bounce", ...
    Index(None, "subscriber_id"),
    Index(None, "at"),
    sqlite_autoincrement=True,
)

# Addresses that readers want their mail sent to instead, once confirmed there.
address_changes = Table(
    "address_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("subscriber_id", ForeignKey("subscribers.id"), nullable=False),
    Column("address", String(320), nullable=False),  # normalised
    Column("asked_at", Instant, nullable=False),
    Column("done_at", Instant),
    Index(None, "subscriber_id"),
    sqlite_autoincrement=True,
)
