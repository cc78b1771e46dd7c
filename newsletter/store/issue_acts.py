"""Keeps which issues are held, paused or cancelled, by whom and why; senders let go of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Connection, func, insert, select, update

from newsletter.delivery import WAITING, DeliveryState
from newsletter.store import history
from newsletter.store.beside import beside
from newsletter.store.schema import deliveries, issue_acts, issues


class IssueAct(StrEnum):
    """What an operator does to a whole issue."""

    HOLD = "hold"  # nothing leaves, and nobody is shown it, until it is approved
    APPROVE = "approve"
    PAUSE = "pause"  # nothing leaves until it is resumed
    RESUME = "resume"
    CANCEL = "cancel"  # nothing more leaves; for ever


_ASKED = issue_acts.c.act.in_((IssueAct.HOLD, IssueAct.APPROVE))
_LAST = select(func.max(issue_acts.c.id)).where(_ASKED).group_by(issue_acts.c.issue_id)
UNPUBLISHED = select(issue_acts.c.issue_id).where(
    issue_acts.c.id.in_(_LAST), issue_acts.c.act == IssueAct.HOLD
)
"""The issues that were held and never approved since: the public is not shown them."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """One act, as it is kept."""

    act: IssueAct
    by: str
    why: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Whether anything of an issue may leave, and how that came."""

    paused: bool  # a held one is
    cancelled: bool
    held: bool  # it waits for an editor
    acts: tuple[Done, ...]  # oldest first

    def last(self, act: IssueAct) -> Done | None:
        """The last act of a kind."""
        return next((one for one in reversed(self.acts) if one.act is act), None)


def standing(connection: Connection, issue_id: int) -> Standing:
    """How an issue stands."""
    row = connection.execute(
        select(issues.c.paused, issues.c.cancelled).where(issues.c.id == issue_id)
    ).one()
    acts = connection.execute(
        select(issue_acts).where(issue_acts.c.issue_id == issue_id).order_by(issue_acts.c.id)
    )
    return Standing(
        paused=row.paused,
        cancelled=row.cancelled,
        held=not row.cancelled and is_unpublished(connection, issue_id),
        acts=tuple(Done(act=IssueAct(one.act), by=one.by, why=one.why, at=one.at) for one in acts),
    )


def is_unpublished(connection: Connection, issue_id: int) -> bool:
    """Whether an issue was held and never approved since, be it cancelled or not."""
    query = (
        select(issue_acts.c.act)
        .where(issue_acts.c.issue_id == issue_id, _ASKED)
        .order_by(issue_acts.c.id.desc())
        .limit(1)
    )
    return connection.scalar(query) == IssueAct.HOLD


def held_days(connection: Connection) -> set[date]:
    """The days of the issues that wait for an editor."""
    query = select(issues.c.day).where(issues.c.id.in_(UNPUBLISHED), issues.c.cancelled.is_(False))
    return set(connection.scalars(query))


def is_cancelled(connection: Connection, issue_id: int) -> bool:
    """Whether an issue is cancelled; it stays so, or not, until this transaction ends."""
    query = select(issues.c.cancelled).where(issues.c.id == issue_id)
    return bool(connection.scalar(query.with_for_update(read=True)))


def reason(connection: Connection, issue_id: int) -> str:
    """Why deliveries of a cancelled issue do not go out, in the words of the ledger."""
    query = (
        select(issue_acts.c.by, issue_acts.c.why)
        .where(issue_acts.c.issue_id == issue_id, issue_acts.c.act == IssueAct.CANCEL)
        .order_by(issue_acts.c.id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return "cancelled" if row is None else f"cancelled by {row.by}: {row.why}"


def record(connection: Connection, issue_id: int, done: Done) -> bool:
    """Does an act and appends it; False where the issue stands so already, or is cancelled.

    What is held can be approved or cancelled, but neither paused nor resumed.

    Whatever senders hold of the issue and have not begun is taken from them: their `begin` finds
    nothing.
    """
    mine = issues.c.id == issue_id
    locked = select(issues.c.paused, issues.c.cancelled).where(mine).with_for_update()
    row = connection.execute(locked).one()
    held = is_unpublished(connection, issue_id)
    fits = {
        IssueAct.HOLD: not held,
        IssueAct.APPROVE: held,
        IssueAct.PAUSE: not row.paused,
        IssueAct.RESUME: row.paused and not held,
        IssueAct.CANCEL: True,
    }
    if row.cancelled or not fits[done.act]:
        return False
    if done.act is IssueAct.CANCEL:
        connection.execute(update(issues).where(mine).values(cancelled=True))
    else:
        paused = done.act in (IssueAct.HOLD, IssueAct.PAUSE)
        connection.execute(update(issues).where(mine).values(paused=paused))
    values = vars(done) | {"issue_id": issue_id, "act": done.act.value}
    connection.execute(insert(issue_acts).values(values))
    connection.execute(
        update(deliveries)
        .where(deliveries.c.issue_id == issue_id, deliveries.c.state.in_(WAITING))
        .where(deliveries.c.owner.is_not(None))
        .values(owner=None, lease_until=None)
    )
    return True


def skip_waiting(
    connection: Connection, issue_id: int, *, by: str, now: datetime, limit: int
) -> int:
    """Skips up to `limit` deliveries of a cancelled issue that have not left; returns how many."""
    why = reason(connection, issue_id)
    ids = connection.scalars(
        select(deliveries.c.id)
        .where(deliveries.c.issue_id == issue_id, deliveries.c.state.in_(WAITING))
        .limit(limit)
        .with_for_update()
    ).all()
    rows = connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(ids), beside(deliveries.c.state).in_(WAITING))
        .values(state=DeliveryState.SKIPPED, reason=why, owner=None, lease_until=None)
        .returning(deliveries.c.id, deliveries.c.attempt)
    ).all()
    told = ((row.id, row.attempt, by) for row in rows)
    history.became(connection, told, now, DeliveryState.SKIPPED, why)
    return len(rows)
