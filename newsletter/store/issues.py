"""Keeps issues as they were frozen, on a connection the caller opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from newsletter.errors import RequestError
from newsletter.issue import Issue
from newsletter.papers import PaperId
from newsletter.selection import Candidate
from newsletter.snapshot import Both, Card, Chip, Snapshot
from newsletter.store.insert import insert_new
from newsletter.store.issue_acts import UNPUBLISHED, is_unpublished
from newsletter.store.schema import issue_papers, issues, papers


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An issue in a list, without its content."""

    id: int
    day: date
    composed_at: datetime
    papers: int


def freeze(
    connection: Connection,
    day: date,
    now: datetime,
    candidates: Sequence[Candidate],
    snapshot: Snapshot,
) -> Issue:
    """Keeps the issue of a day, most trending candidate first; the first to freeze it wins."""
    values = {
        "day": day,
        "composed_at": now,
        "snapshot": snapshot.to_json(),
        "paused": False,
        "cancelled": False,
    }
    for issue_id in insert_new(connection, issues, [values], returning=issues.c.id):
        connection.execute(
            insert(issue_papers),
            [
                {
                    "issue_id": issue_id,
                    "place": place,
                    "paper_id": candidate.paper_id,
                    "seen": candidate.seen,
                    "trend": candidate.trend,
                    "pinned": candidate.pinned,
                    "matches": dict(candidate.matches),
                    "card": _card_row(snapshot.cards[candidate.paper_id]),
                }
                for place, candidate in enumerate(candidates)
            ],
        )
    return get(connection, day)


def add_rules(
    connection: Connection,
    issue_id: int,
    matches: Mapping[PaperId, Mapping[str, float]],
    chips: Mapping[str, Chip],
) -> None:
    """Adds readers' rules that came later; what the issue knows of others stays as it is."""
    query = select(issues.c.snapshot).where(issues.c.id == issue_id).with_for_update()
    snapshot = connection.execute(query).scalar_one()
    told = {
        slug: {"name": chip.name, "html": chip.html.decode("ascii")} for slug, chip in chips.items()
    }
    changed = snapshot | {"chips": told | snapshot["chips"]}
    connection.execute(update(issues).where(issues.c.id == issue_id).values(snapshot=changed))
    for paper_id, found in matches.items():
        mine = (issue_papers.c.issue_id == issue_id, issue_papers.c.paper_id == paper_id)
        before = connection.execute(select(issue_papers.c.matches).where(*mine)).scalar_one()
        both = dict(found) | before
        connection.execute(update(issue_papers).where(*mine).values(matches=both))


def find(connection: Connection, day: date) -> Issue | None:
    """The issue of a day."""
    row = connection.execute(select(issues).where(issues.c.day == day)).one_or_none()
    return None if row is None else _issue(connection, row)


def get(connection: Connection, day: date) -> Issue:
    """The issue of a day; raises RequestError."""
    found = find(connection, day)
    if found is None:
        raise RequestError(
            f"There is no issue of {day.isoformat()}. `newsletter issues list` shows them all."
        )
    return found


def get_published(connection: Connection, day: date) -> Issue:
    """The issue of a day if everybody may see it; raises RequestError."""
    found = find(connection, day)
    if found is None or is_unpublished(connection, found.id):
        raise RequestError(f"There is no issue of {day.isoformat()}.")
    return found


def by_id(connection: Connection, issue_id: int) -> Issue:
    """The issue of a number that a delivery holds."""
    return _issue(
        connection, connection.execute(select(issues).where(issues.c.id == issue_id)).one()
    )


def latest(connection: Connection) -> Issue | None:
    """The newest issue."""
    row = connection.execute(select(issues).order_by(issues.c.day.desc()).limit(1)).one_or_none()
    return None if row is None else _issue(connection, row)


def before(connection: Connection, issue: Issue) -> Issue | None:
    """The issue before another one that was not cancelled."""
    query = select(issues).where(issues.c.day < issue.day, issues.c.cancelled.is_(False))
    row = connection.execute(query.order_by(issues.c.day.desc()).limit(1)).one_or_none()
    return None if row is None else _issue(connection, row)


def newest_id(connection: Connection, *, published: bool = False) -> int:
    """The number of the issue composed last (that everybody may see); 0 where there is none."""
    query = select(func.max(issues.c.id))
    if published:
        query = query.where(issues.c.id.not_in(UNPUBLISHED))
    return connection.scalar(query) or 0


def latest_row(connection: Connection) -> Listed | None:
    """The newest issue as it is listed."""
    return next(iter(listed(connection, 1)), None)


def latest_day(connection: Connection) -> date | None:
    """The day of the newest issue."""
    found: date | None = connection.scalar(select(func.max(issues.c.day)))
    return found


def listed(connection: Connection, limit: int, *, published: bool = False) -> list[Listed]:
    """Issues (that everybody may see), newest first."""
    papers = (
        select(func.count())
        .where(issue_papers.c.issue_id == issues.c.id)
        .scalar_subquery()
        .label("papers")
    )
    query = (
        select(issues.c.id, issues.c.day, issues.c.composed_at, papers)
        .order_by(issues.c.day.desc())
        .limit(limit)
    )
    if published:
        query = query.where(issues.c.id.not_in(UNPUBLISHED))
    return [Listed(**row._mapping) for row in connection.execute(query)]


def between(connection: Connection, first: date, last: date) -> list[int]:
    """The numbers of the issues from a day on, up to before another."""
    query = select(issues.c.id).where(issues.c.day >= first, issues.c.day < last)
    return list(connection.scalars(query))


def unpublished(connection: Connection, names: Sequence[PaperId]) -> int:
    """How many of these papers no issue had yet."""
    known: set[str] = set()
    for start in range(0, len(names), 1000):
        some = names[start : start + 1000]
        query = select(issue_papers.c.paper_id).where(issue_papers.c.paper_id.in_(some))
        known.update(connection.scalars(query.distinct()))
    return len(set(names) - known)


def paper_at(connection: Connection, issue_id: int, place: int) -> PaperId:
    """The paper at a place of an issue, from 0; raises RequestError."""
    mine = (issue_papers.c.issue_id == issue_id, issue_papers.c.place == place)
    found = connection.scalar(select(issue_papers.c.paper_id).where(*mine))
    if found is None:
        raise RequestError("There is no such paper in that issue.")
    return PaperId(found)


def names_of(connection: Connection, issue: Issue) -> dict[str, PaperId]:
    """Every id that an issue's papers have or had, each with the one it has in the issue."""
    frozen = [candidate.paper_id for candidate in issue.candidates]
    is_now = func.coalesce(papers.c.same_as, papers.c.id)
    now: dict[str, PaperId] = {}
    for start in range(0, len(frozen), 1000):
        query = select(papers.c.id, is_now.label("now")).where(
            papers.c.id.in_(frozen[start : start + 1000])
        )
        now |= {row.now: PaperId(row.id) for row in connection.execute(query)}
    names = dict(now)
    current = list(now)
    for start in range(0, len(current), 1000):
        query = select(papers.c.id, papers.c.same_as).where(
            papers.c.same_as.in_(current[start : start + 1000])
        )
        names |= {row.id: now[row.same_as] for row in connection.execute(query)}
    return names


def _issue(connection: Connection, row: Row[Any]) -> Issue:
    query = (
        select(issue_papers).where(issue_papers.c.issue_id == row.id).order_by(issue_papers.c.place)
    )
    rows = connection.execute(query).all()
    cards = {PaperId(one.paper_id): _card(one.paper_id, one.card) for one in rows}
    return Issue(
        id=row.id,
        day=row.day,
        composed_at=row.composed_at,
        candidates=tuple(
            Candidate(
                paper_id=PaperId(one.paper_id),
                seen=one.seen,
                trend=one.trend,
                matches=one.matches,
                pinned=one.pinned,
            )
            for one in rows
        ),
        snapshot=Snapshot.from_json(row.snapshot, cards),
    )


def _card_row(card: Card) -> dict[str, Any]:
    return {
        "title": card.title,
        "pinned": card.pinned,
        "faces": {code: face.to_json() for code, face in card.faces.items()},
    }


def _card(paper_id: str, kept: dict[str, Any]) -> Card:
    return Card(
        paper_id=PaperId(paper_id),
        title=kept["title"],
        pinned=kept["pinned"],
        faces={code: Both.from_json(face) for code, face in kept["faces"].items()},
    )
