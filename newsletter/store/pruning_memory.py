"""What is still known of an issue whose deliveries are forgotten: up to which reader it went.

Who had which of its papers is not known any more. So that nobody gets one twice, whoever was a
reader then is taken to have had them all, should one of them ever come back. Numbers of readers
are never given twice, so one number an issue is enough; it stands in the issue's snapshot.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import Connection, func, select, update

from newsletter.delivery import RECEIVED
from newsletter.issue import Issue
from newsletter.papers import PaperId
from newsletter.store.schema import deliveries, issues

UP_TO = "forgotten"  # in the snapshot: the number of the last reader who had the issue
YOUNGEST = timedelta(days=60)  # no delivery is forgotten sooner
CHUNK = 500


def mark(connection: Connection, issue_id: int) -> None:
    """Notes up to which reader an issue went; before the first of its deliveries goes.

    What was noted once stays: later fewer deliveries are there to tell.
    """
    query = select(issues.c.snapshot).where(issues.c.id == issue_id).with_for_update()
    snapshot = connection.execute(query).scalar_one()
    if UP_TO in snapshot:
        return
    last = select(func.max(deliveries.c.subscriber_id)).where(
        deliveries.c.issue_id == issue_id, deliveries.c.state.in_(RECEIVED)
    )
    changed = snapshot | {UP_TO: connection.scalar(last) or 0}
    connection.execute(update(issues).where(issues.c.id == issue_id).values(snapshot=changed))


def presumed(
    connection: Connection,
    issue: Issue,
    places: Mapping[tuple[int, int], PaperId],
    readers: Sequence[int],
) -> dict[int, set[PaperId]]:
    """What readers, numbered in order, are taken to have had, beside what is known.

    `places` are those of an issue's papers in issues, as (issue, place). Costs next to nothing
    unless one of the papers stood in an issue long ago.
    """
    found: dict[int, set[PaperId]] = {}
    for issue_id, final in _up_to(connection, issue, {one for one, _ in places}).items():
        names = {name for (one, _), name in places.items() if one == issue_id}
        for reader in readers:
            if reader <= final:
                found.setdefault(reader, set()).update(names)
    return found


def _up_to(connection: Connection, issue: Issue, issue_ids: Collection[int]) -> dict[int, int]:
    """Of these issues those that are forgotten, each with the number of its last reader."""
    asked = sorted(issue_ids)
    old: list[int] = []
    for start in range(0, len(asked), CHUNK):
        query = select(issues.c.id).where(
            issues.c.id.in_(asked[start : start + CHUNK]),
            issues.c.composed_at < issue.composed_at - YOUNGEST,
        )
        old += connection.scalars(query)
    noted = issues.c.snapshot[UP_TO].as_integer()  # snapshots are large, so of those alone
    found = (
        connection.execute(select(issues.c.id, noted).where(issues.c.id == one)).one()
        for one in old
    )
    return {number: final for number, final in found if final is not None}
