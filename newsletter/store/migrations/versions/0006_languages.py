"""What a digest is to its reader, in which language, and how much more there was."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
LONGEST = 50


def upgrade() -> None:
    """Adds columns, and writes issues of before as issues in one language."""
    for table, column in (
        ("subscribers", sa.Column("language", sa.String(16), nullable=False, server_default="")),
        ("deliveries", sa.Column("kind", sa.String(16), nullable=False, server_default="daily")),
        ("deliveries", sa.Column("language", sa.String(16), nullable=False, server_default="")),
        ("deliveries", sa.Column("beyond", sa.Integer(), nullable=False, server_default="0")),
    ):
        op.add_column(table, column)
    connection = op.get_bind()
    issues = sa.table(
        "issues", sa.column("id"), sa.column("day", sa.Date), sa.column("snapshot", sa.JSON)
    )
    for row in connection.execute(sa.select(issues)).all():
        connection.execute(
            issues.update()
            .where(issues.c.id == row.id)
            .values(snapshot=_snapshot(row.snapshot, f"{row.day:%A} {row.day.day} {row.day:%B %Y}"))
        )
    papers = sa.table(
        "issue_papers", sa.column("issue_id"), sa.column("place"), sa.column("card", sa.JSON)
    )
    last = (-1, -1)
    while rows := connection.execute(
        sa.select(papers)
        .where(sa.tuple_(papers.c.issue_id, papers.c.place) > sa.tuple_(*last))
        .order_by(papers.c.issue_id, papers.c.place)
        .limit(500)
    ).all():
        for row in rows:
            connection.execute(
                papers.update()
                .where(papers.c.issue_id == row.issue_id, papers.c.place == row.place)
                .values(card=_card(row.card))
            )
        last = (rows[-1].issue_id, rows[-1].place)


def _card(kept: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": kept["title"],
        "pinned": kept.get("pinned", False),
        "faces": {"en": {"html": kept["html"], "text": kept["text"]}},
    }


def _snapshot(kept: dict[str, Any], day: str) -> dict[str, Any]:
    nothing: dict[str, Any] = {"html": [], "text": []}
    shell = {
        "mail": {"html": kept["html"], "text": kept["text"]},
        "heading": nothing,  # there were none
        "more": nothing,
        "because": kept["because"],
        "trending": kept["trending"],
        "chosen": kept.get("chosen", ""),
        "wording": _wording(day),
    }
    return {
        "masthead": kept["masthead"],
        "language": "en",
        "shells": {"en": shell},
        "chips": kept["chips"],
    }


def _wording(day: str) -> dict[str, Any]:
    counts = ["1 paper" if n == 1 else f"{n} papers" for n in range(LONGEST + 1)]
    kinds = ("daily", "weekly", "catch-up")
    return {
        "counts": counts,
        "subjects": [f"{{names}} and {n} more" for n in range(LONGEST + 1)],
        "on": [f"{count} on {{topics}}, best first." for count in counts],
        "trending": [f"{count} trending today, best first." for count in counts],
        "more": [f"{n} more" for n in range(LONGEST + 1)],
        "both": "{first} and {last}",
        "because": "Because you follow {topics}",
        "trending_now": "Trending now",
        "chosen": "Chosen by the editor",
        "occasions": dict.fromkeys(kinds, day),
        "openings": dict.fromkeys(kinds, ""),
        "subject_patterns": dict.fromkeys(kinds, "{subject}"),
        "months": [f"{{day}} {month} {{year}}" for month in MONTHS],
    }
