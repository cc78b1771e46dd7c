"""Keeps what readers want more or less of, a row a reader and paper, on a caller's connection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from newsletter.papers import PaperId
from newsletter.store.among import among
from newsletter.store.insert import put_rows
from newsletter.store.schema import papers, votes


@dataclass(frozen=True, kw_only=True)
class Cast:
    """A vote as it is kept."""

    subscriber_id: int
    paper_id: PaperId  # as the paper is called now
    value: int  # 1: more like this; -1: less
    clicked: bool  # no vote, but a link followed by a reader who opted in
    at: datetime


def put(connection: Connection, cast: Cast) -> None:
    """Keeps a vote in place of what was there; a click takes no vote's place."""
    if cast.clicked:
        mine = (votes.c.subscriber_id == cast.subscriber_id, votes.c.paper_id == cast.paper_id)
        known = connection.scalar(select(votes.c.clicked).where(*mine))
        if known is False:
            return
    put_rows(connection, votes, [vars(cast)], key=("subscriber_id", "paper_id"))


def take_back(connection: Connection, subscriber_id: int, paper_id: PaperId) -> bool:
    """Forgets one vote; whether there was one."""
    mine = (votes.c.subscriber_id == subscriber_id, votes.c.paper_id == paper_id)
    return connection.execute(delete(votes).where(*mine)).rowcount > 0


def reset(connection: Connection, subscriber_id: int) -> int:
    """Forgets all of a reader's votes and clicks; how many there were."""
    return connection.execute(delete(votes).where(votes.c.subscriber_id == subscriber_id)).rowcount


def of_readers(connection: Connection, readers: Sequence[int]) -> dict[int, list[Cast]]:
    """The votes of readers, numbered in order, the oldest first."""
    found: dict[int, list[Cast]] = defaultdict(list)
    is_now = func.coalesce(papers.c.same_as, papers.c.id)  # it may have turned out to be another
    query = (
        select(votes.c.subscriber_id, votes.c.value, votes.c.clicked, votes.c.at, is_now.label("p"))
        .join(papers, papers.c.id == votes.c.paper_id)
        .where(among(votes.c.subscriber_id, readers))
        .order_by(votes.c.at, votes.c.paper_id)
    )
    for row in connection.execute(query):
        found[row.subscriber_id].append(
            Cast(
                subscriber_id=row.subscriber_id,
                paper_id=PaperId(row.p),
                value=row.value,
                clicked=row.clicked,
                at=row.at,
            )
        )
    return dict(found)
