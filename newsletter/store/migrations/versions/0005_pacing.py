"""What has been used of rates, and which domains are gone easy on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds three tables; what is there stays."""
    op.create_table(
        "rates",
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("kept", INSTANT, nullable=False),
        sa.Column("tail", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rates")),
    )
    op.create_table(
        "day_counts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", "day", name=op.f("pk_day_counts")),
    )
    op.create_table(
        "slowdowns",
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.Column("connections", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_slowdowns")),
    )
