"""The tables of papers, issues and deliveries. Reads as a glossary; migrations make it so."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from newsletter.delivery import DeliveryState
from subscribers.schema import Instant, metadata

papers = Table(
    "papers",
    metadata,
    Column("id", String(64), primary_key=True),  # papers.PaperId
    Column("title", Text, nullable=False),  # as the source wrote it, TeX and all
    Column("abstract", Text, nullable=False),
    Column("authors", JSON, nullable=False),
    Column("classes", JSON, nullable=False),  # arXiv classes, the primary one first
    Column("published", Date),
    Column("url", Text),
    Column("pdf_url", Text),
    Column("code_url", Text),
    Column("first_seen_at", Instant, nullable=False),  # when it was first collected
    Index(None, "first_seen_at"),
)

observations = Table(
    "observations",
    metadata,
    Column("paper_id", ForeignKey("papers.id"), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("at", Instant, primary_key=True),  # the instant the source speaks of
    Column("position", Integer),  # 1 is the top
    Column("of", Integer),
)

issues = Table(
    "issues",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("day", Date, nullable=False, unique=True),  # in the publication's zone
    Column("composed_at", Instant, nullable=False),
    Column("snapshot", JSON, nullable=False),  # snapshot.Snapshot without its cards
    sqlite_autoincrement=True,
)

issue_papers = Table(
    "issue_papers",
    metadata,
    Column("issue_id", ForeignKey("issues.id"), primary_key=True),
    Column("place", Integer, primary_key=True),  # from 0, most trending first; picks name it
    Column("paper_id", ForeignKey("papers.id"), nullable=False),
    Column("seen", Date, nullable=False),
    Column("trend", Float, nullable=False),
    Column("matches", JSON, nullable=False),  # topic slug -> strength
    Column("card", JSON, nullable=False),  # snapshot.Card
    UniqueConstraint("issue_id", "paper_id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("issue_id", ForeignKey("issues.id"), nullable=False),
    Column("subscriber_id", ForeignKey("subscribers.id"), nullable=False),
    Column("state", String(16), nullable=False),  # delivery.DeliveryState
    Column("reason", Text, nullable=False),  # why it is in that state; empty when queued or sent
    Column("picks", Text, nullable=False),  # JSON: [[place in the issue, score, [slugs]], ...]
    Column("due_at", Instant, nullable=False),  # the reader's hour; the Date header
    Column("next_at", Instant, nullable=False),  # not tried before
    Column("tries", Integer, nullable=False),  # charged to the recipient
    # The lease: who may send it, until when. `attempt` grows with every claim, so that a sender
    # that lost its lease can be told from the one that has it.
    Column("owner", String(64)),
    Column("attempt", Integer, nullable=False),
    Column("lease_until", Instant),
    Column("transport", String(64)),
    Column("sent_at", Instant),
    UniqueConstraint("issue_id", "subscriber_id"),  # nobody twice
    CheckConstraint(
        f"state IN ({', '.join(repr(state.value) for state in DeliveryState)})", name="state"
    ),
    Index("ix_deliveries_state_next_at", "state", "next_at"),
    Index(None, "subscriber_id"),
    sqlite_autoincrement=True,
)
