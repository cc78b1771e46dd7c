"""Indexes for what read whole tables: letters of a reader or a kind, what came back of late."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds indexes; what is there stays."""
    op.create_index("ix_letters_kind_id", "letters", ["kind", "id"])
    op.create_index(op.f("ix_letters_subscriber_id"), "letters", ["subscriber_id"])
    op.create_index(op.f("ix_delivery_events_at"), "delivery_events", ["at"])
