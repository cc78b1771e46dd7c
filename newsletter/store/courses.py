"""How many papers each topic had, week by week, by the issues that everybody may see."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from newsletter.papers import PaperId
from newsletter.store.issue_acts import UNPUBLISHED
from newsletter.store.schema import issue_papers, issues

WEEK = timedelta(weeks=1)
_PUBLISHED = issues.c.id.not_in(UNPUBLISHED)


def weekly(connection: Connection, day: date, weeks: int) -> dict[str, list[int]]:
    """Papers under each topic that has any, a week, the oldest of the last weeks first.

    A paper counts once, in the week in which it was first seen.
    """
    first = day - weeks * WEEK + timedelta(days=1)
    found: dict[str, list[set[str]]] = defaultdict(lambda: [set() for _ in range(weeks)])
    query = (
        select(issue_papers.c.paper_id, issue_papers.c.seen, issue_papers.c.matches)
        .join(issues, issues.c.id == issue_papers.c.issue_id)
        .where(_PUBLISHED, issues.c.day >= first, issue_papers.c.seen >= first)
    )
    for row in connection.execute(query):
        week = min((row.seen - first) // WEEK, weeks - 1)
        for slug in row.matches:
            found[slug][week].add(row.paper_id)
    return {slug: [len(papers) for papers in each] for slug, each in found.items()}


def issues_of(connection: Connection, paper_id: PaperId) -> list[date]:
    """The days of the issues a paper was a candidate of, the newest first."""
    query = (
        select(issues.c.day)
        .join(issue_papers, issue_papers.c.issue_id == issues.c.id)
        .where(_PUBLISHED, issue_papers.c.paper_id == paper_id)
        .order_by(issues.c.day.desc())
    )
    return list(connection.scalars(query))


def neighbours(connection: Connection, day: date) -> tuple[date | None, date | None]:
    """The days of the issues before and after a day."""
    before = select(func.max(issues.c.day)).where(_PUBLISHED, issues.c.day < day)
    after = select(func.min(issues.c.day)).where(_PUBLISHED, issues.c.day > day)
    return connection.scalar(before), connection.scalar(after)
