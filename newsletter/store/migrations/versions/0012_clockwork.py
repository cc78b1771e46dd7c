"""Running by itself: next due instants, held and skipped issues, letters to operators, alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds columns and tables; what is there stays.

    Every confirmed reader is looked at by the next composing, which works out their hour.
    """
    op.add_column("subscribers", sa.Column("next_due_at", INSTANT, nullable=True))
    op.add_column("subscribers", sa.Column("served_on", sa.Date(), nullable=True))
    op.create_index(op.f("ix_subscribers_next_due_at"), "subscribers", ["next_due_at"])
    op.execute("UPDATE subscribers SET next_due_at = consent_at WHERE state = 'confirmed'")
    with op.batch_alter_table("issue_acts") as acts:
        acts.drop_constraint(op.f("ck_issue_acts_act"), type_="check")
        acts.create_check_constraint(
            op.f("ck_issue_acts_act"), "act IN ('hold', 'approve', 'pause', 'resume', 'cancel')"
        )
    with op.batch_alter_table("letters") as letters:
        letters.drop_constraint(op.f("ck_letters_kind"), type_="check")
        letters.create_check_constraint(
            op.f("ck_letters_kind"),
            "kind IN ('confirmation', 'welcome', 'preferences', 'goodbye', 'report', 'change', "
            "'review', 'alert')",
        )
    op.create_table(
        "issue_skips",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_issue_skips")),
    )
    op.create_table(
        "alerts",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_alerts")),
    )
