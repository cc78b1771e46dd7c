"""What operators do to issues and deliveries, what servers last said, and readers' domains."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
CHUNK = 5_000  # readers held in memory at once


def upgrade() -> None:
    """Adds columns and two tables; what is there stays."""
    op.add_column(
        "subscribers",
        sa.Column("domain", sa.String(length=255), nullable=False, server_default=""),
    )
    _fill_domains()
    op.create_index(op.f("ix_subscribers_domain"), "subscribers", ["domain"])
    for name in ("paused", "cancelled"):
        op.add_column(
            "issues", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        )
    held = sa.or_(sa.column("paused", sa.Boolean()), sa.column("cancelled", sa.Boolean()))
    op.create_index("ix_issues_held", "issues", ["id"], sqlite_where=held, postgresql_where=held)
    op.add_column("deliveries", sa.Column("retried_at", INSTANT, nullable=True))
    op.add_column("deliveries", sa.Column("reply", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "issue_acts",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.CheckConstraint("act IN ('pause', 'resume', 'cancel')", name=op.f("ck_issue_acts_act")),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_issue_acts_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue_acts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_issue_acts_issue_id"), "issue_acts", ["issue_id"])
    op.create_table(
        "delivery_history",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("transport", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_delivery_history_delivery_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_history")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_delivery_history_delivery_id"), "delivery_history", ["delivery_id"])


def _fill_domains() -> None:
    """In Python: SQL finds the first @, and a quoted local part may hold one (RFC 5321 4.1.2)."""
    connection = op.get_bind()
    readers = sa.table("subscribers", *(sa.column(name) for name in ("id", "address", "domain")))
    look = (
        sa.select(readers.c.id, readers.c.address)
        .where(readers.c.id > sa.bindparam("last"))
        .order_by(readers.c.id)
        .limit(CHUNK)
    )
    write = (
        sa.update(readers)
        .where(readers.c.id == sa.bindparam("one"))
        .values(domain=sa.bindparam("found"))
    )
    last = 0
    while rows := connection.execute(look, {"last": last}).all():
        last = rows[-1].id
        connection.execute(
            write,
            [{"one": row.id, "found": row.address.rpartition("@")[2].lower()} for row in rows],
        )
