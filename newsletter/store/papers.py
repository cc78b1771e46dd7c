"""Keeps papers and what was observed of them, on a connection the caller opened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from newsletter.errors import RequestError
from newsletter.papers import Observation, Paper, PaperId
from newsletter.store.insert import insert_new, upsert
from newsletter.store.schema import observations, papers

CHUNK = 500  # rows a statement; SQLite takes 32,766 parameters


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A paper as the store has it."""

    paper: Paper
    first_seen_at: datetime
    observations: tuple[Observation, ...]  # oldest first


def put(connection: Connection, found: Sequence[Paper], now: datetime) -> int:
    """Keeps papers, the newer words of a known one replacing the older; returns how many are new.

    When a paper was first seen never changes.
    """
    before = count(connection)
    rows = [_row(paper) | {"first_seen_at": now} for paper in found]
    for chunk in _chunks(rows):
        upsert(connection, papers, chunk, key=("id",), keep=("first_seen_at",))
    return count(connection) - before


def observe(connection: Connection, seen: Sequence[Observation]) -> int:
    """Appends observations; one already there stays as it is. Returns how many are new."""
    rows = [asdict(observation) for observation in seen]
    paper_id = observations.c.paper_id
    return sum(
        len(insert_new(connection, observations, chunk, returning=paper_id))
        for chunk in _chunks(rows)
    )


def count(connection: Connection) -> int:
    """How many papers there are."""
    return connection.scalar(select(func.count()).select_from(papers)) or 0


def since(connection: Connection, instant: datetime) -> list[Kept]:
    """Papers first seen at or after an instant, with their observations, in order of id."""
    query = select(papers).where(papers.c.first_seen_at >= instant).order_by(papers.c.id)
    seen = (
        select(observations)
        .join(papers, papers.c.id == observations.c.paper_id)
        .where(papers.c.first_seen_at >= instant)
    )
    return _kept(connection.execute(query).all(), connection.execute(seen).all())


def get(connection: Connection, name: str) -> Kept:
    """The paper of an id, or of the one id that begins so; raises RequestError."""
    pattern = name.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    query = select(papers).where(papers.c.id.like(f"{pattern}%", escape="\\")).limit(2)
    rows = connection.execute(query).all()
    exact = [row for row in rows if row.id == name] or rows
    if len(exact) != 1:
        problem = "Several papers' ids begin with" if exact else "There is no paper"
        raise RequestError(f"{problem} {name!r}. `newsletter papers list` shows them all.")
    seen = select(observations).where(observations.c.paper_id == exact[0].id)
    return _kept(exact, connection.execute(seen).all())[0]


def newest(connection: Connection, limit: int) -> list[Kept]:
    """The papers collected last, newest first, of those the one that stood highest first."""
    best = (
        select(observations.c.paper_id, func.min(observations.c.position).label("position"))
        .group_by(observations.c.paper_id)
        .subquery()
    )
    query = (
        select(papers)
        .outerjoin(best, best.c.paper_id == papers.c.id)
        .order_by(papers.c.first_seen_at.desc(), best.c.position, papers.c.id)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    seen = [
        row
        for start in range(0, len(ids), CHUNK)
        for row in connection.execute(
            select(observations).where(observations.c.paper_id.in_(ids[start : start + CHUNK]))
        )
    ]
    return _kept(rows, seen)


def _kept(rows: Iterable[Row[Any]], seen: Iterable[Row[Any]]) -> list[Kept]:
    by_paper: dict[str, list[Observation]] = {}
    for row in seen:
        by_paper.setdefault(row.paper_id, []).append(
            Observation(
                paper_id=PaperId(row.paper_id),
                source=row.source,
                at=row.at,
                position=row.position,
                of=row.of,
            )
        )
    return [
        Kept(
            paper=_paper(row),
            first_seen_at=row.first_seen_at,
            observations=tuple(
                sorted(by_paper.get(row.id, ()), key=lambda one: (one.at, one.source))
            ),
        )
        for row in rows
    ]


def _paper(row: Row[Any]) -> Paper:
    return Paper(
        id=PaperId(row.id),
        title=row.title,
        abstract=row.abstract,
        authors=tuple(row.authors),
        classes=tuple(row.classes),
        published=row.published,
        url=row.url,
        pdf_url=row.pdf_url,
        code_url=row.code_url,
    )


def _row(paper: Paper) -> dict[str, Any]:
    return asdict(paper) | {"authors": list(paper.authors), "classes": list(paper.classes)}


def _chunks(rows: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]
