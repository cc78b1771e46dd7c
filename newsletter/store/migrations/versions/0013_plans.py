"""Indexes for what read whole tables: an issue by state, letters of a reader, what came back."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds indexes; what is there stays."""
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(
            "ix_deliveries_issue_id_state",
            "deliveries",
            ["issue_id", "state", "transport", "sent_at"],
        )
    op.create_index("ix_letters_kind_id", "letters", ["kind", "id"])
    op.create_index(op.f("ix_letters_subscriber_id"), "letters", ["subscriber_id"])
    op.create_index(op.f("ix_delivery_events_at"), "delivery_events", ["at"])
    if op.get_bind().dialect.name == "postgresql":
        # By default dead rows stay until they are a fifth of a ledger of years, and every claim
        # passes over them. Room on a page keeps what a claim writes on that page.
        op.execute(
            "ALTER TABLE deliveries SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, "
            "autovacuum_analyze_scale_factor = 0.01)"
        )
