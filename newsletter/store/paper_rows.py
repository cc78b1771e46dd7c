"""A paper as the row it is kept in, and what writes such rows many at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Row

from newsletter import records
from newsletter.papers import Observation, Paper, PaperId
from newsletter.store.bulk import Bulk, Values
from newsletter.store.schema import observations, paper_names, paper_records, papers

COLUMNS = ("title", "abstract", "published", "url", "pdf_url", "code_url")
_OWN_COLUMNS = {"id", *COLUMNS, "authors", "classes"}
PAPERS = Bulk(
    papers,
    (
        "id",
        "title",
        "abstract",
        "authors",
        "classes",
        "published",
        "url",
        "pdf_url",
        "code_url",
        "detail",
        "first_seen_at",
    ),
    key=("id",),
)
PAPER_NAMES = Bulk(paper_names, ("name", "paper_id"), key=("name",))
PAPER_RECORDS = Bulk(
    paper_records,
    ("paper_id", "source", "trust", "at", "record"),
    key=("paper_id", "source"),
)
OBSERVATIONS = Bulk(observations, observations.c.keys(), key=("paper_id", "source", "at"))
_of_seen = attrgetter(*observations.c.keys()[1:])


def paper_of(row: Row[Any]) -> Paper:
    """The paper of a row of `papers`."""
    own = {name: getattr(row, name) for name in COLUMNS}
    lists = {"authors": tuple(row.authors), "classes": tuple(row.classes)}
    rest = records.from_json({"id": row.id, "title": row.title} | row.detail)
    return Paper(**vars(rest) | own | lists)


def paper_row(paper: Paper, told: Mapping[str, str], first_seen_at: datetime) -> Values:
    """The row of a paper for `PAPERS`; `told` is what `records.to_texts` has of it."""
    rest = {name: text for name, text in told.items() if name not in _OWN_COLUMNS}
    return (
        paper.id,
        paper.title,
        paper.abstract,
        told.get("authors", "[]"),
        told.get("classes", "[]"),
        paper.published,
        paper.url,
        paper.pdf_url,
        paper.code_url,
        records.text(rest),
        first_seen_at,
    )


def seen_row(seen: Observation, paper_id: PaperId) -> Values:
    """The row of an observation for `OBSERVATIONS`, under the id that its paper is kept by."""
    return (paper_id, *_of_seen(seen))
