"""Readers' pages: pauses, consents, changes of address, what happened, limits, keys, webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds columns and tables; what is there stays."""
    op.add_column("subscribers", sa.Column("paused_until", sa.Date(), nullable=True))
    for name, length in (("consent_wording", 16), ("consent_network", 64)):
        op.add_column(
            "subscribers",
            sa.Column(name, sa.String(length=length), nullable=False, server_default=""),
        )
    with op.batch_alter_table("letters") as letters:
        letters.drop_constraint(op.f("ck_letters_kind"), type_="check")
        letters.create_check_constraint(
            op.f("ck_letters_kind"),
            "kind IN ('confirmation', 'welcome', 'preferences', 'goodbye', 'report', 'change')",
        )
    op.create_table(
        "subscriber_events",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_subscriber_events_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_subscriber_events_subscriber_id"), "subscriber_events", ["subscriber_id"]
    )
    op.create_index(op.f("ix_subscriber_events_at"), "subscriber_events", ["at"])
    op.create_table(
        "address_changes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("done_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_address_changes_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_address_changes_subscriber_id"), "address_changes", ["subscriber_id"])
    op.create_table(
        "request_counts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("starts", INSTANT, nullable=False),
        sa.Column("many", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", "starts", name=op.f("pk_request_counts")),
    )
    op.create_index(op.f("ix_request_counts_starts"), "request_counts", ["starts"])
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("cursor", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", INSTANT, nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("removed_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sqlite_autoincrement=True,
    )
