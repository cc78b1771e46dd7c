"""Takes a paper out of deliveries that wait to be sent, on a connection the caller opened."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update

from newsletter.delivery import RECEIVED, WAITING, DeliveryState
from newsletter.papers import PaperId
from newsletter.store.schema import deliveries, issue_papers, papers

BATCH = 1000  # deliveries looked at together
NOTHING_LEFT = "the editor hid the only paper of it"


@dataclass(frozen=True, kw_only=True)
class Withdrawn:
    """What became of the deliveries that hold a paper."""

    changed: int  # go out without it
    emptied: int  # held nothing else and do not go out
    gone: int  # went out with it before, or are under way


def withdraw(connection: Connection, paper_id: PaperId) -> Withdrawn:
    """Takes a paper out of every delivery that has not begun to leave.

    A sender that had claimed one loses it: its `begin` finds nothing, and the next claim reads
    the picks anew.
    """
    changed = emptied = gone = 0
    for issue_id, places in _places(connection, paper_id).items():
        last = 0
        while rows := connection.execute(_LOOK, {"issue": issue_id, "last": last}).all():
            last = rows[-1].subscriber_id
            updates = list[dict[str, Any]]()
            for row in rows:
                picks = json.loads(row.picks)
                left = [pick for pick in picks if pick[0] not in places]
                if len(left) == len(picks):
                    continue
                if row.state not in WAITING:
                    gone += row.state in RECEIVED
                    continue
                changed, emptied = changed + bool(left), emptied + (not left)
                updates.append(
                    {
                        "one": row.id,
                        "left": json.dumps(left, separators=(",", ":")),
                        "to_state": row.state if left else DeliveryState.SKIPPED,
                        "to_reason": row.reason if left else NOTHING_LEFT,
                    }
                )
            if updates:
                connection.execute(_REWRITE, updates)
    return Withdrawn(changed=changed, emptied=emptied, gone=gone)


def _places(connection: Connection, paper_id: PaperId) -> dict[int, set[int]]:
    """Where each issue holds the paper, under this name or those it had before."""
    known = select(papers.c.id).where(or_(papers.c.id == paper_id, papers.c.same_as == paper_id))
    query = select(issue_papers.c.issue_id, issue_papers.c.place).where(
        issue_papers.c.paper_id.in_(known)
    )
    found: dict[int, set[int]] = defaultdict(set)
    for row in connection.execute(query):
        found[row.issue_id].add(row.place)
    return found


# In the order of an index. Locked, so that what is counted as waiting still waits when written.
_LOOK = (
    select(
        deliveries.c.id,
        deliveries.c.subscriber_id,
        deliveries.c.state,
        deliveries.c.reason,
        deliveries.c.picks,
    )
    .where(deliveries.c.issue_id == bindparam("issue"))
    .where(deliveries.c.subscriber_id > bindparam("last"))
    .order_by(deliveries.c.subscriber_id)
    .limit(BATCH)
    .with_for_update()
)
_REWRITE = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("one"))
    .where(or_(*(deliveries.c.state == state for state in WAITING)))
    .values(
        picks=bindparam("left"),
        state=bindparam("to_state"),
        reason=bindparam("to_reason"),
        owner=None,
        lease_until=None,
    )
)
