"""What is still known of an issue whose deliveries are forgotten: up to which reader it went.

Who had which of its papers is not known any more. So that nobody gets one twice, whoever was a
reader then is taken to have had them all, should one of them ever come back. Numbers of readers
are never given twice, so one number an issue is enough; it stands in the issue's snapshot.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, func, select, update

from newsletter.delivery import RECEIVED
from newsletter.papers import PaperId
from newsletter.store.schema import deliveries, issues
from subscribers.schema import subscribers

UP_TO = "forgotten"  # in the snapshot: the number of the last reader who had the issue
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


def up_to(connection: Connection, issue_ids: Collection[int]) -> dict[int, int]:
    """Of these issues those that are forgotten, each with the number of its last reader."""
    noted = issues.c.snapshot[UP_TO].as_integer()
    asked = sorted(issue_ids)
    found: dict[int, int] = {}
    for start in range(0, len(asked), CHUNK):
        query = select(issues.c.id, noted.label("last")).where(
            issues.c.id.in_(asked[start : start + CHUNK]), noted.is_not(None)
        )
        found |= {row.id: row.last for row in connection.execute(query)}
    return found


def presumed(
    connection: Connection, places: Mapping[tuple[int, int], PaperId], first: int, last: int
) -> dict[int, set[PaperId]]:
    """What readers numbered `first` to `last` are taken to have had of forgotten issues.

    `places` are those of papers in issues, as (issue, place).
    """
    noted = up_to(connection, {issue_id for issue_id, _ in places})
    found: dict[int, set[PaperId]] = {}
    for issue_id, final in noted.items():
        names = {name for (one, _), name in places.items() if one == issue_id}
        query = select(subscribers.c.id).where(subscribers.c.id.between(first, min(last, final)))
        for reader in connection.scalars(query):
            found.setdefault(reader, set()).update(names)
    return found
