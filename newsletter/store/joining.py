"""Makes one of two papers that turned out to be one, on a caller's connection.

The other row stays as a pointer, because issues that were frozen before name it.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from newsletter.editor import hand
from newsletter.papers import PaperId
from newsletter.store import editor_acts
from newsletter.store.schema import editor_acts as acts
from newsletter.store.schema import observations, paper_names, paper_records, papers, votes
from newsletter.store.withdrawals import withdraw


def join(connection: Connection, old: PaperId, new: PaperId) -> None:
    """Everything of a paper to the paper that it is, but for what frozen issues hold."""
    for table, key in (
        (paper_records, (paper_records.c.source,)),
        (observations, (observations.c.source, observations.c.at)),
    ):
        other = table.alias()
        mine = [other.c[column.name] == column for column in key]
        twice = select(other.c.paper_id).where(other.c.paper_id == new, *mine).exists()
        connection.execute(delete(table).where(table.c.paper_id == old, twice))
    _settle_votes(connection, old, new)
    for table in (paper_names, paper_records, observations, acts, votes):
        connection.execute(update(table).where(table.c.paper_id == old).values(paper_id=new))
    pointing = (papers.c.id == old) | (papers.c.same_as == old)
    connection.execute(update(papers).where(pointing).values(same_as=new))
    if hand(editor_acts.of(connection, new)).hidden:
        withdraw(connection, new)  # digests that wait may hold it under the name that is gone


def _settle_votes(connection: Connection, old: PaperId, new: PaperId) -> None:
    """Of a reader's words on two papers that are one, the last; a click is none beside a vote."""
    other = votes.alias()
    both = select(votes, other.c.at.label("other_at"), other.c.clicked.label("other_clicked")).join(
        other, other.c.subscriber_id == votes.c.subscriber_id
    )
    for row in connection.execute(both.where(votes.c.paper_id == old, other.c.paper_id == new)):
        keeps_old = (not row.clicked, row.at) > (not row.other_clicked, row.other_at)
        mine = votes.c.subscriber_id == row.subscriber_id
        loser = new if keeps_old else old
        connection.execute(delete(votes).where(mine, votes.c.paper_id == loser))
