"""Keeps what editors did to papers, on a connection the caller opened. Rows are only appended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from newsletter.editor import Act, Entry, Hand, hand
from newsletter.issue import Issue
from newsletter.papers import PaperId
from newsletter.store import issues
from newsletter.store.schema import editor_acts, papers


def record(connection: Connection, entry: Entry) -> None:
    """Appends an act."""
    connection.execute(insert(editor_acts).values(**vars(entry)))


def of(connection: Connection, paper_id: PaperId) -> list[Entry]:
    """The acts on one paper, oldest first."""
    return _entries(connection, [paper_id])


def hands(connection: Connection, until: datetime | None = None) -> dict[PaperId, Hand]:
    """What the acts (until an instant) come to, for every paper that an editor ever touched."""
    by_paper: dict[PaperId, list[Entry]] = defaultdict(list)
    for one in _entries(connection, None):
        if until is not None and one.at > until:
            continue
        by_paper[one.paper_id].append(one)
    return {paper_id: hand(acts) for paper_id, acts in by_paper.items()}


def hidden(connection: Connection, issue: Issue) -> set[PaperId]:
    """Which of an issue's papers are hidden by now, by the ids they have in the issue."""
    gone = {paper_id for paper_id, one in hands(connection).items() if one.hidden}
    if not gone:
        return set()
    return {name for known, name in issues.names_of(connection, issue).items() if known in gone}


def _entries(connection: Connection, ids: Sequence[PaperId] | None) -> list[Entry]:
    is_now = func.coalesce(papers.c.same_as, papers.c.id)  # it may have turned out to be another
    query = (
        select(editor_acts, is_now.label("now"))
        .join(papers, papers.c.id == editor_acts.c.paper_id)
        .order_by(editor_acts.c.id)
    )
    if ids is not None:
        query = query.where(is_now.in_(ids))
    return [
        Entry(
            paper_id=PaperId(row.now),
            act=Act(row.act),
            words=row.words,
            by=row.by,
            at=row.at,
        )
        for row in connection.execute(query)
    ]
