"""What several sources say of a paper, how sources stand, and the editor's hand.

Papers kept by the first release came from saved pages; they get the one record that made them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
PAPER_ID = sa.String(length=64)
PAGE_TRUST = 20  # of a saved page, as newsletter.sources.page has it
DETAILS = ("abstract", "authors", "classes", "published", "url", "pdf_url", "code_url")


def upgrade() -> None:
    """Adds tables and columns; what is there stays."""
    op.add_column("papers", sa.Column("detail", sa.JSON(), nullable=False, server_default="{}"))
    # As SQL: Alembic adds no constraint to a table of SQLite without copying the table.
    op.execute(
        "ALTER TABLE papers ADD COLUMN same_as VARCHAR(64) "
        "CONSTRAINT fk_papers_same_as REFERENCES papers (id)"
    )
    op.create_index(op.f("ix_papers_same_as"), "papers", ["same_as"])
    op.add_column(
        "issue_papers",
        sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index(op.f("ix_issue_papers_paper_id"), "issue_papers", ["paper_id"])
    op.add_column("observations", sa.Column("listed", sa.Date(), nullable=True))
    for name in ("votes", "comments", "stars"):
        op.add_column("observations", sa.Column(name, sa.Integer(), nullable=True))
    op.create_index(op.f("ix_observations_listed"), "observations", ["listed"])
    op.create_table(
        "paper_names",
        sa.Column("name", PAPER_ID, nullable=False),
        sa.Column("paper_id", PAPER_ID, nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_paper_names_paper_id")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_paper_names")),
    )
    op.create_index(op.f("ix_paper_names_paper_id"), "paper_names", ["paper_id"])
    op.create_table(
        "paper_records",
        sa.Column("paper_id", PAPER_ID, nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("trust", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["papers.id"], name=op.f("fk_paper_records_paper_id")
        ),
        sa.PrimaryKeyConstraint("paper_id", "source", name=op.f("pk_paper_records")),
    )
    op.create_table(
        "editor_acts",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("paper_id", PAPER_ID, nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_editor_acts_paper_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_editor_acts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_editor_acts_paper_id"), "editor_acts", ["paper_id"])
    op.create_table(
        "source_states",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("cursor", sa.JSON(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("succeeded_at", INSTANT, nullable=True),
        sa.Column("failed_at", INSTANT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("papers", sa.Integer(), nullable=False),
        sa.Column("refused", sa.JSON(), nullable=False),
        sa.Column("newest", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_source_states")),
    )
    op.create_table(
        "source_pending",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("ask", sa.String(length=64), nullable=False),
        sa.Column("requests", sa.JSON(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", "ask", name=op.f("pk_source_pending")),
    )
    op.create_table(
        "validators",
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("location", name=op.f("pk_validators")),
    )
    op.create_table(
        "turns",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=True),
        sa.Column("until", INSTANT, nullable=True),
        sa.Column("next_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_turns")),
    )
    _record_what_is_there()


def _record_what_is_there() -> None:
    connection = op.get_bind()
    papers = sa.table(
        "papers",
        *(sa.column(name) for name in ("id", "title", "abstract", "url", "pdf_url", "code_url")),
        sa.column("authors", sa.JSON()),
        sa.column("classes", sa.JSON()),
        sa.column("published", sa.Date()),
        sa.column("first_seen_at", INSTANT),
    )
    observations = sa.table("observations", sa.column("paper_id"), sa.column("source"))
    names = sa.table("paper_names", sa.column("name"), sa.column("paper_id"))
    records = sa.table(
        "paper_records",
        *(sa.column(name) for name in ("paper_id", "source", "trust")),
        sa.column("at", INSTANT),
        sa.column("record", sa.JSON()),
    )
    sources: dict[str, str] = {}
    for paper_id, source in connection.execute(sa.select(observations)):
        sources.setdefault(paper_id, source)
    name_rows, record_rows = [], []
    for row in connection.execute(sa.select(papers)).all():  # a release of saved pages: hundreds
        record = {"id": row.id, "title": row.title}
        for name in DETAILS:
            value = getattr(row, name)
            if value:
                record[name] = value.isoformat() if name == "published" else value
        name_rows.append({"name": row.id, "paper_id": row.id})
        record_rows.append(
            {
                "paper_id": row.id,
                "source": sources.get(row.id, "page"),
                "trust": PAGE_TRUST,
                "at": row.first_seen_at,
                "record": record,
            }
        )
    if name_rows:
        connection.execute(sa.insert(names), name_rows)
        connection.execute(sa.insert(records), record_rows)
