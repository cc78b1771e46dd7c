"""What a mail to the operator tells of alerts: which are new, which still open, which are over.

What was told is known from the mail before: its instant parts what it told from what it did not.
"""

from __future__ import annotations

from datetime import UTC, datetime

from newsletter.alerts import ripe
from newsletter.rendering.letter_words import Alarm, Trouble
from newsletter.store import alerts as store
from newsletter.store import letters
from newsletter.store.alerts import Kept
from newsletter.store.database import Connection
from newsletter.store.letters import LetterKind, LetterState

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def told_until(connection: Connection) -> datetime:
    """Up to which instant the operator was told by mail."""
    last = letters.newest(connection, LetterKind.ALERT, LetterState.SENT)
    return NEVER if last is None else last.queued_at


def alarm_of(connection: Connection, queued_at: datetime) -> Alarm | None:
    """What a mail queued at an instant tells; None where all of it is over, and not told yet."""
    before = told_until(connection)
    now = [one for one in store.listed(connection) if _ripe(one) <= queued_at]
    new = [_trouble(one) for one in now if _ripe(one) > before]
    still = [_trouble(one) for one in now if _ripe(one) <= before]
    over = [
        _trouble(one)
        for one in store.ended(connection)
        if one.ended_at is not None and before < one.ended_at <= queued_at
    ]
    return Alarm(new=new, still=still, over=over) if new or still or over else None


def _ripe(one: Kept) -> datetime:
    return ripe(one.alert.name, one.since)


def _trouble(one: Kept) -> Trouble:
    return Trouble(alert=one.alert, since=one.since, ended_at=one.ended_at)
