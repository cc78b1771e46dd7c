"""The delivery ledger: who gets which issue, as composers write it.

How far each has come is written by senders (`store/claiming.py`) and by operators
(`store/operator_acts.py`); what the ledger says is read in `store/ledger.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    case,
    delete,
    func,
    select,
    update,
)

from newsletter.delivery import (
    RECEIVED,
    WAITING,
    DeliveryState,
)
from newsletter.issue import Issue
from newsletter.papers import PaperId
from newsletter.selection import Pick
from newsletter.store import issue_acts, issues, pacing, pruning_memory
from newsletter.store.among import among
from newsletter.store.beside import beside
from newsletter.store.insert import append, insert_new
from newsletter.store.ledger import HELD, free, silenced
from newsletter.store.schema import deliveries, issue_papers
from newsletter.wording import DigestKind
from subscribers.schema import subscribers, suppressions

FORWARD = 5_000  # deliveries brought forward at once: others wait for it a second or so


class NewDelivery(NamedTuple):
    """A delivery to be composed: queued with picks, or skipped with a reason."""

    subscriber_id: int
    picks: tuple[Pick, ...]
    reason: str  # why there are none; empty where there are
    due_at: datetime
    kind: DigestKind = DigestKind.DAILY
    language: str = ""  # that the reader chose; empty: the issue's own
    beyond: int = 0  # papers that matched too, but are over the length asked for


def add(connection: Connection, issue: Issue, new: Sequence[NewDelivery]) -> list[NewDelivery]:
    """Writes the deliveries that are not there yet; returns those. None to a cancelled issue.

    `new` in order of their readers' numbers.
    """
    if not new or issue_acts.is_cancelled(connection, issue.id):
        return []
    if connection.dialect.name == "sqlite":
        # Nobody else writes between a look and what it leads to, and to have each row tell that it
        # was written costs more than to write it.
        there = due_to(connection, issue.id, [one.subscriber_id for one in new])
        fresh = [one for one in new if one.subscriber_id not in there]
        append(connection, deliveries, _rows(issue, fresh))
        return fresh
    rows = _rows(issue, new)
    written = set(insert_new(connection, deliveries, rows, returning=deliveries.c.subscriber_id))
    return [one for one in new if one.subscriber_id in written]


def _rows(issue: Issue, new: Sequence[NewDelivery]) -> list[dict[str, Any]]:
    place = issue.position
    return [
        {
            "issue_id": issue.id,
            "subscriber_id": one.subscriber_id,
            "state": (DeliveryState.QUEUED if one.picks else DeliveryState.SKIPPED).value,
            "reason": one.reason,
            "picks": _picks_text(one.picks, place),
            "kind": one.kind.value,
            "language": one.language,
            "beyond": one.beyond,
            "due_at": one.due_at,
            "next_at": one.due_at,
            "tries": 0,
            "attempt": 0,
            "reply": "",
        }
        for one in new
    ]


def _picks_text(picks: Iterable[Pick], place: Mapping[PaperId, int]) -> str:
    return f"[{','.join([_pick_text(place[pick.paper_id], pick) for pick in picks])}]"


@lru_cache(maxsize=10_000)  # where few readers voted, most share their picks
def _pick_text(place: int, pick: Pick) -> str:
    return json.dumps([place, round(pick.score, 4), pick.reasons], separators=(",", ":"))


def had(
    connection: Connection, issue: Issue, readers: Sequence[int], *, before: bool = False
) -> dict[int, set[PaperId]]:
    """Which of an issue's papers readers, numbered in order, have or may yet get.

    By the ids they have in this issue, whatever they were called when they went out. With
    `before`, only what came with issues before it.
    """
    names = issues.names_of(connection, issue)
    places: dict[tuple[int, int], PaperId] = {}
    known = list(names)
    for start in range(0, len(known), 1000):
        held = select(issue_papers.c.issue_id, issue_papers.c.place, issue_papers.c.paper_id).where(
            issue_papers.c.paper_id.in_(known[start : start + 1000])
        )
        for row in connection.execute(held):
            if not before or row.issue_id < issue.id:
                places[row.issue_id, row.place] = names[row.paper_id]
    query = select(deliveries.c.subscriber_id, deliveries.c.issue_id, deliveries.c.picks).where(
        deliveries.c.issue_id.in_({issue_id for issue_id, _ in places}),
        among(deliveries.c.subscriber_id, readers),
        beside(deliveries.c.state).in_(RECEIVED),
    )
    found: dict[int, set[PaperId]] = {}
    for subscriber_id, issue_id, picks in connection.execute(query):
        mine = [places.get((issue_id, at)) for at, _, _ in json.loads(picks)]
        found.setdefault(subscriber_id, set()).update(filter(None, mine))
    for reader, more in pruning_memory.presumed(connection, issue, places, readers).items():
        found.setdefault(reader, set()).update(more)
    return found


def last_reasons(
    connection: Connection, issue: Issue, readers: Sequence[int]
) -> dict[int, set[str]]:
    """The topics of which the last digest of readers, numbered in order, had something.

    The last before this issue, be it empty; who had none is not told of.
    """
    before = (
        select(func.max(deliveries.c.id).label("id"))
        .where(
            among(deliveries.c.subscriber_id, readers),
            deliveries.c.issue_id < issue.id,
            deliveries.c.state != DeliveryState.FAILED,
        )
        .group_by(deliveries.c.subscriber_id)
        .subquery()
    )
    query = select(deliveries.c.subscriber_id, deliveries.c.picks).join(
        before, before.c.id == deliveries.c.id
    )
    return {
        reader: {slug for _, _, slugs in json.loads(picks) for slug in slugs}
        for reader, picks in connection.execute(query)
    }


def had_any(connection: Connection, issue_ids: Sequence[int], readers: Sequence[int]) -> set[int]:
    """Which readers, numbered in order, some issues were meant for at all."""
    query = select(deliveries.c.subscriber_id).where(
        among(deliveries.c.subscriber_id, readers), deliveries.c.issue_id.in_(issue_ids)
    )
    return set(connection.scalars(query))


def silent(connection: Connection, readers: Sequence[int], now: datetime) -> dict[int, str]:
    """Why some of these readers, numbered in order, get nothing now."""
    query = (
        select(subscribers.c.id, suppressions.c.reason)
        .join(suppressions, silenced(now))
        .where(among(subscribers.c.id, readers))
    )
    return {row.id: row.reason for row in connection.execute(query)}


def due_to(connection: Connection, issue_id: int, readers: Sequence[int]) -> dict[int, datetime]:
    """When the deliveries of an issue were due to readers, numbered in order."""
    query = select(deliveries.c.subscriber_id, deliveries.c.due_at).where(
        among(deliveries.c.subscriber_id, readers), deliveries.c.issue_id == issue_id
    )
    return {row.subscriber_id: row.due_at for row in connection.execute(query)}


def take_back(
    connection: Connection, issue_id: int, readers: Sequence[int], now: datetime
) -> dict[int, datetime]:
    """Removes deliveries that wait for their hour and that no sender ever held.

    Of readers whose wishes changed since. Returns when each would have been due.
    """
    query = (
        delete(deliveries)
        .where(
            deliveries.c.subscriber_id.in_(readers),
            deliveries.c.issue_id == issue_id,
            beside(deliveries.c.state) == DeliveryState.QUEUED,
            deliveries.c.attempt == 0,
            deliveries.c.retried_at.is_(None),
            deliveries.c.due_at > now,
        )
        .returning(deliveries.c.subscriber_id, deliveries.c.due_at)
    )
    return {row.subscriber_id: row.due_at for row in connection.execute(query)}


def bring_forward(
    connection: Connection,
    now: datetime,
    *,
    subscriber_id: int | None = None,
    limit: int = FORWARD,
) -> int:
    """Makes due now what waits for its hour, its next try or a limit; returns how many those were.

    At most `limit`: whoever means all asks again, in another transaction, until there are none.
    A delivery never tried is dated now; one tried before keeps its date, so that a second copy
    would be the same message. Where limits had put it off, they do so anew.
    """
    if subscriber_id is None:
        pacing.forget_tails(connection, now)
    of_all = subscriber_id is None
    later = [
        (deliveries.c.state if of_all else beside(deliveries.c.state)).in_(WAITING),
        deliveries.c.next_at > now,
        deliveries.c.issue_id.not_in(HELD),
        free(now),
    ]
    if subscriber_id is not None:
        later.append(deliveries.c.subscriber_id == subscriber_id)
    query = select(deliveries.c.id).where(*later).limit(limit).with_for_update()
    some = list(connection.scalars(query))
    if not some:
        return 0
    waits = update(deliveries).where(deliveries.c.id.in_(some))
    untried = case((deliveries.c.attempt == 0, now), else_=deliveries.c.due_at)
    return connection.execute(waits.values(due_at=untried, next_at=now)).rowcount
