"""What one reader was sent: the digests of an address, with their papers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from newsletter.store.schema import deliveries, issue_papers, issues


@dataclass(frozen=True, kw_only=True)
class ReadDigest:
    """A digest as its reader may be told of it."""

    issue: date
    state: str
    papers: list[str]  # ids, in the digest's order


def of_reader(connection: Connection, subscriber_id: int, limit: int) -> list[ReadDigest]:
    """A reader's digests, the newest first."""
    query = (
        select(deliveries.c.issue_id, deliveries.c.state, deliveries.c.picks, issues.c.day)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .where(deliveries.c.subscriber_id == subscriber_id)
        .order_by(issues.c.day.desc())
        .limit(limit)
    )
    found = list[ReadDigest]()
    for row in connection.execute(query):
        places = [pick[0] for pick in json.loads(row.picks)]
        held = select(issue_papers.c.place, issue_papers.c.paper_id).where(
            issue_papers.c.issue_id == row.issue_id, issue_papers.c.place.in_(places)
        )
        names = {one.place: one.paper_id for one in connection.execute(held)}
        papers = [names[place] for place in places if place in names]
        found.append(ReadDigest(issue=row.day, state=row.state, papers=papers))
    return found
