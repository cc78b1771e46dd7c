"""The operator's verbs: hold, approve, pause, resume, cancel or retry an issue, skip a day.

Each is kept with who and why.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from newsletter.delivery import OPEN, RETRIED, DeliveryState, Policy, is_news
from newsletter.errors import RequestError
from newsletter.issue import Issue
from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.pipeline.letters import ask_editor
from newsletter.store import issue_acts, issue_skips, issues, ledger, operator_acts, pacing
from newsletter.store.database import Database
from newsletter.store.issue_acts import Done, IssueAct
from newsletter.store.issue_skips import Skip
from newsletter.store.operator_acts import NOTHING, Which
from subscribers import store as subscribers

BATCH = 5_000  # deliveries a transaction: senders wait for it no longer than a second or so


@dataclass(frozen=True, kw_only=True)
class Retried:
    """What a retry did, and what an operator should know of it."""

    queued: int
    suppressed: int  # of the issue's waiting deliveries; they will be skipped
    paused: bool  # nothing leaves until the issue is resumed
    was_news: bool  # whether the issue would have gone out without being retried
    later: bool  # whether a later issue may have offered the readers the same papers since


def hold(
    database: Database, issue: Issue, *, by: str, why: str, now: datetime, editor: str | None
) -> Done:
    """Holds an issue until it is approved, and asks the editor; the act by which it is held.

    Held twice is held once; raises RequestError where it is cancelled.
    """
    with database.write() as connection:
        done = Done(act=IssueAct.HOLD, by=by, why=why, at=now)
        if issue_acts.record(connection, issue.id, done) and editor is not None:
            ask_editor(connection, issue, editor, now)
    _let_others_go(database, now)
    stood = _stood(database, issue, IssueAct.HOLD)
    _tell(IssueAct.HOLD, issue.name, by, why)
    return stood


def approve(database: Database, issue: Issue, *, by: str, why: str, now: datetime) -> Done:
    """Lets a held issue go; the act by which it was approved.

    Approved twice is approved once; raises RequestError where it never was held, or is cancelled.
    """
    with database.write() as connection:
        done = Done(act=IssueAct.APPROVE, by=by, why=why, at=now)
        issue_acts.record(connection, issue.id, done)
    stood = _stood(database, issue, IssueAct.APPROVE)
    _tell(IssueAct.APPROVE, issue.name, by, why)
    return stood


def _stood(database: Database, issue: Issue, act: IssueAct) -> Done:
    """The last act of a kind; raises RequestError where the issue is cancelled or has none."""
    with database.read() as connection:
        stands = issue_acts.standing(connection, issue.id)
        if stands.cancelled:
            raise RequestError(_is_cancelled(issue, issue_acts.reason(connection, issue.id)))
    found = stands.last(act)
    if found is None:
        paused = " It is paused; `newsletter issues resume` lets it go." if stands.paused else ""
        raise RequestError(f"Issue {issue.name} is not held, so nobody need approve it.{paused}")
    return found


def skip(database: Database, day: date, today: date, *, by: str, why: str, now: datetime) -> Skip:
    """Wants no issue on a day to come; who wants so, be it from before. Raises RequestError."""
    with database.write() as connection:
        if day < today:
            raise RequestError(f"{day} is over; only a day to come can be skipped.")
        if issues.find(connection, day) is not None:
            raise RequestError(
                f"The issue of {day} is composed already. "
                f"`newsletter issues cancel {day}` keeps it from going out."
            )
        new = Skip(day=day, by=by, why=why, at=now)
        issue_skips.skip(connection, new)
        kept = issue_skips.skipped(connection, day) or new
    _tell("skip", day.isoformat(), by, why)
    return kept


def unskip(database: Database, day: date, today: date) -> None:
    """Wants an issue on a day after all; raises RequestError."""
    with database.write() as connection:
        if day < today:
            raise RequestError(f"{day} is over; nothing changes it.")
        if not issue_skips.unskip(connection, day):
            raise RequestError(f"{day} is not skipped. `newsletter issues list` shows what is.")
    _tell("unskip", day.isoformat())


def pause(
    database: Database, issue: Issue, act: IssueAct, *, by: str, why: str, now: datetime
) -> None:
    """Pauses or resumes an issue; raises RequestError where it stands so already."""
    with database.write() as connection:
        done = Done(act=act, by=by, why=why, at=now)
        recorded = issue_acts.record(connection, issue.id, done)
    if recorded:
        _let_others_go(database, now)
        _tell(act, issue.name, by, why)
        return
    with database.read() as connection:
        if issue_acts.is_cancelled(connection, issue.id):
            raise RequestError(_is_cancelled(issue, issue_acts.reason(connection, issue.id)))
        if (stands := issue_acts.standing(connection, issue.id)).held:
            last = stands.last(IssueAct.HOLD) or stands.acts[-1]
            raise RequestError(
                f"Issue {issue.name} is held for approval, by {last.by} since "
                f"{last.at:%Y-%m-%d %H:%M} UTC. `newsletter issues approve {issue.name}` lets it "
                "go."
            )
        if act is IssueAct.RESUME:
            raise RequestError(f"Issue {issue.name} is not paused.")
        last = stands.acts[-1]
        since = f"{last.at:%Y-%m-%d %H:%M} UTC"
        raise RequestError(f"Issue {issue.name} is paused already, by {last.by} since {since}.")


def cancel(database: Database, issue: Issue, *, by: str, why: str, now: datetime) -> int:
    """Ends an issue: what waits is skipped; returns how many those were.

    What is leaving ends as it ends. From the first transaction on no sender begins another; the
    rows follow in batches. Cancelled again, it ends what a crash left; raises RequestError where
    nothing is.
    """
    with database.write() as connection:
        fresh = issue_acts.record(
            connection, issue.id, Done(act=IssueAct.CANCEL, by=by, why=why, at=now)
        )
    _let_others_go(database, now)
    skipped = 0
    while True:
        with database.write() as connection:
            some = issue_acts.skip_waiting(connection, issue.id, by=by, now=now, limit=BATCH)
        skipped += some
        if some < BATCH:
            break
    if not fresh and not skipped:
        with database.read() as connection:
            raise RequestError(_is_cancelled(issue, issue_acts.reason(connection, issue.id)))
    _tell(IssueAct.CANCEL, issue.name, by, why, skipped)
    return skipped


def retry(
    database: Database,
    issue: Issue,
    states: Collection[DeliveryState],
    *,
    by: str,
    why: str,
    now: datetime,
    policy: Policy,
    addresses: Sequence[str] = (),
    domain: str | None = None,
) -> Retried:
    """Queues deliveries again that ended unsent; raises RequestError for what may not be.

    All of an issue in these states, or of them only those to some addresses or to a domain.
    """
    readers = _readers(database, issue, states, addresses)
    which = Which(states=states, subscriber_ids=readers, domain=domain)
    queued = last = 0
    while True:
        with database.write() as connection:
            if issue_acts.is_cancelled(connection, issue.id):
                raise RequestError(_is_cancelled(issue, issue_acts.reason(connection, issue.id)))
            numbers = operator_acts.retry(
                connection, issue.id, which, why=why, by=by, now=now, after=last, limit=BATCH
            )
        queued += len(numbers)
        if len(numbers) < BATCH:
            break
        last = numbers[-1]
    _tell("retry", issue.name, by, why, queued)
    with database.read() as connection:
        newest = issues.latest_day(connection)
        return Retried(
            queued=queued,
            suppressed=ledger.count_silenced(connection, issue.id, now),
            paused=issue_acts.standing(connection, issue.id).paused,
            was_news=is_news(issue.composed_at, policy, now),
            later=newest is not None and newest > issue.day,
        )


def _readers(
    database: Database, issue: Issue, states: Collection[DeliveryState], addresses: Sequence[str]
) -> list[int] | None:
    """The subscribers of the addresses, every one of whose deliveries may be retried."""
    if not addresses:
        return None
    found = []
    with database.read() as connection:
        for address in addresses:
            reader = subscribers.get(connection, address)
            mine = ledger.entries(connection, issue.id, subscriber_id=reader.id)
            if not mine:
                raise RequestError(f"{reader.address} has no delivery of issue {issue.name}.")
            words = _why_not(mine[0], states)
            if words:
                raise RequestError(f"The delivery to {reader.address} {words}. Nothing was queued.")
            found.append(reader.id)
    return found


def _why_not(one: ledger.Entry, states: Collection[DeliveryState]) -> str:
    """Why a delivery may not be retried; empty where it may."""
    if one.state in OPEN:
        return f"is {one.state} and goes by itself"
    if one.state not in RETRIED:
        return f"was {one.state} already; nobody gets an issue twice"
    if one.picks == NOTHING:
        return f"has nothing in it: {one.reason}"
    if one.state not in states:
        return f"is {one.state}; to send it again all the same, add --state {one.state}"
    return ""


def _tell(act: str, issue: str, by: str = "", why: str = "", number: int | None = None) -> None:
    tell(Event.OPERATOR_ACTED, act=act, issue=issue, number=number, by=by, why=why)


def _let_others_go(database: Database, now: datetime) -> None:
    """Other issues' messages need not wait behind those of this one that limits had put off.

    In a transaction of its own: a sender takes deliveries before it takes what limits keep.
    """
    with database.write() as connection:
        pacing.forget_tails(connection, now)


def _is_cancelled(issue: Issue, reason: str) -> str:
    return f"Issue {issue.name} was {reason}. That is for ever."
