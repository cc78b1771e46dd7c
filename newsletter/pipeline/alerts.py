"""alert: looks whether something needs a hand, keeps what does, and has it told by mail.

Repeatable, and safe beside another process on the same database: an alert is open once, and a mail
is queued once after the one before it. What counts as an alert is `newsletter.alerts`'s.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from newsletter import alerts as rules
from newsletter.alerts import Alert, DiskFacts, Facts, SourceFacts, WebhookFacts
from newsletter.pipeline.alarms import told_until
from newsletter.pipeline.candidates import Terms, running
from newsletter.sources import STALE
from newsletter.store import alert_facts, issue_skips, issues, letters, source_states
from newsletter.store import alerts as kept
from newsletter.store import webhooks as hooks
from newsletter.store.alerts import Kept
from newsletter.store.database import Connection, Database
from newsletter.store.letters import LetterKind, LetterState
from newsletter.topics import Catalogue

AT_MOST = timedelta(hours=1)  # one mail
AGAIN = timedelta(days=1)  # a reminder of what stays open
KEPT = timedelta(days=7)  # what is over and nobody was told of; and what a lost machine left open


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is watched, as the settings have it, and what a process tells of its own."""

    terms: Terms
    sources: Sequence[str] = ()
    folders: Mapping[str, Path] = field(default_factory=dict)  # by what lies there
    receipts: Path | None = None
    host: str = ""
    failures: Mapping[str, str] = field(default_factory=dict)  # of the clock's ticks, by name
    refused: Mapping[str, str] = field(default_factory=dict)  # issues, and the preflight's word


def look(database: Database, watch: Watch, now: datetime) -> list[Alert]:
    """What needs a hand now; nothing is kept. Raises StoreError."""
    day = timedelta(days=1)
    with database.read() as connection:
        states = source_states.listed(connection)
        facts = Facts(
            now=now,
            issues=alert_facts.issues_since(connection, now - rules.WEEK, now - rules.LATE_AFTER),
            missing=_missing(connection, watch, now),
            sources=[
                SourceFacts(
                    name=name,
                    failures=states[name].failures,
                    error=states[name].error,
                    stale=next(
                        (x.removeprefix(STALE) for x in states[name].notes if x.startswith(STALE)),
                        "",
                    ),
                )
                for name in watch.sources
                if name in states
            ],
            complaints=alert_facts.complaints(connection, now - rules.WEEK),
            bounces=alert_facts.bounces(connection, now - rules.WEEK),
            suppressed=alert_facts.suppressed(connection, now - day, now + day),
            suppressed_before=alert_facts.suppressed(
                connection, now - (rules.BEFORE_DAYS + 1) * day, now - day
            ),
            webhooks=[
                WebhookFacts(id=one.id, tries=one.tries, lost=one.lost, answer=one.answer)
                for one in hooks.listed(connection)
            ],
            receipts_since=_oldest(watch.receipts),
            disks=_disks(watch.folders),
            host=watch.host,
            failures=watch.failures,
            refused=watch.refused,
        )
    return rules.judge(facts)


def alert(database: Database, to: str | None, watch: Watch, now: datetime) -> bool:
    """Keeps what needs a hand now, and has `to` told; whether a mail was queued just now.

    At most one mail an hour, of what is new or over; of what stays open one a day. While a mail
    waits to be sent there is no other. Raises StoreError.
    """
    found = look(database, watch, now)
    with database.write() as connection:
        told = told_until(connection)
        _keep(connection, found, watch, told, now)
        return to is not None and _tell(connection, to, told, now)


def _keep(
    connection: Connection, found: Sequence[Alert], watch: Watch, told: datetime, now: datetime
) -> None:
    """Opens what is new, and ends what is over."""
    opened = {one.alert.name: one for one in kept.listed(connection)}
    over = kept.ended(connection)
    for one in over:
        if one.ended_at is not None and one.ended_at <= max(told, now - KEPT):
            kept.forget(connection, one)
    for new in found:
        if new.name not in opened:
            since = _since(connection, new, [x for x in over if x.ended_at and x.ended_at > told])
            kept.open_(connection, new, since or now)
        elif opened[new.name].alert != new:
            kept.tell_anew(connection, new)
    names = {one.name for one in found}
    for name, was in opened.items():
        if name not in names:
            _end(connection, was, names, watch, now)


def _since(connection: Connection, new: Alert, over: Sequence[Kept]) -> datetime | None:
    """Since when an alert is open whose end was told to nobody: it only seemed to be over."""
    same = [one for one in over if one.alert.name == new.name]
    for one in same:
        kept.forget(connection, one)
    return min((one.since for one in same), default=None)


def _end(
    connection: Connection, was: Kept, names: Collection[str], watch: Watch, now: datetime
) -> None:
    name = was.alert.name
    if rules.is_elsewhere(name, watch.host):
        if now - was.since >= KEPT:
            kept.forget(connection, was)
        return
    if rules.ripe(name, was.since) > now or any(rules.replaces(one, name) for one in names):
        kept.forget(connection, was)
    else:
        kept.end(connection, was, now)


def _tell(connection: Connection, to: str, told: datetime, now: datetime) -> bool:
    """Queues a mail where there is something to tell and the time for it has come."""
    last = letters.newest(connection, LetterKind.ALERT)
    if last is not None and (last.state is LetterState.QUEUED or now - last.queued_at < AT_MOST):
        return False
    ripe = [rules.ripe(one.alert.name, one.since) for one in kept.listed(connection)]
    open_ = [at for at in ripe if at <= now]
    news = any(at > told for at in open_) or any(
        one.ended_at is not None and one.ended_at > told for one in kept.ended(connection)
    )
    if not news and not (open_ and now - told >= AGAIN):
        return False
    # The same key for whoever comes to this at the same time: one of them queues it.
    key = f"after-{last.id if last is not None else 0}"
    return letters.queue(connection, LetterKind.ALERT, key, to, now)


def _missing(connection: Connection, watch: Watch, now: datetime) -> tuple[date, int] | None:
    """The day whose issue is long due, and how many papers there are that no issue had.

    It may be yesterday: after the hour of an issue late in the evening it is soon tomorrow.
    """
    calendar = watch.terms.calendar(issue_skips.days(connection))
    day = calendar.today(now - rules.MISSING_AFTER)
    since = calendar.cut_off(day) + rules.MISSING_AFTER
    is_over = calendar.today(since) < calendar.today(now)  # it was judged on its own day
    if now < since or is_over or not calendar.publishes(day):
        return None
    if issues.find(connection, day) is not None:
        return None
    there = running(connection, Catalogue(()), watch.terms, now)
    fresh = issues.unpublished(connection, [one.paper.id for one in there])
    return (day, fresh) if fresh >= max(watch.terms.least_papers, 1) else None


def _oldest(folder: Path | None) -> datetime | None:
    """Since when the oldest receipt waits."""
    if folder is None or not folder.is_dir():
        return None
    written = []
    for path in folder.glob("*.jsonl"):
        try:
            written.append(path.stat().st_mtime)
        except FileNotFoundError:
            continue  # a run replays them at this moment
    return datetime.fromtimestamp(min(written), UTC) if written else None


def _disks(folders: Mapping[str, Path]) -> list[DiskFacts]:
    found = []
    for what, folder in folders.items():
        try:
            room = shutil.disk_usage(folder)
        except OSError:
            continue  # it is not there yet; `newsletter doctor` tells
        found.append(DiskFacts(what=what, free=room.free, total=room.total))
    return found
