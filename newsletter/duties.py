"""The duties of a running publication, each one look: what is due by the clock is done, once.

Every duty can be repeated and cut short. Those that one process is enough for are done under a
lease, so a second process beside it only takes over. The clock is an argument; who calls is
`scheduler.py`, and simulations.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

from newsletter import pipeline
from newsletter.app import App
from newsletter.calendar import Calendar
from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.pipeline import pruning, webhooks
from newsletter.pipeline.compose import BY_SETTING
from newsletter.pipeline.enrolling import Span, enrol
from newsletter.pipeline.pruning import Retention
from newsletter.preflight.report import Report
from newsletter.store import folding, issue_skips, issues, leases, ledger, source_states
from newsletter.store import letters as kept_letters
from newsletter.store.database import Connection
from subscribers import due_store

LEASE = timedelta(seconds=90)
NAME = "duties"
FOLDED = 500  # deliveries a transaction
OLDEST = timedelta(days=8)  # an issue that readers are still given, where no newer one came
GRACE = timedelta(minutes=30)  # after such an hour an issue composed for it still serves it
TRY_AGAIN = timedelta(minutes=10)  # to compose an issue there are no papers for


@dataclass(frozen=True, kw_only=True)
class Plan:
    """When things are done next."""

    collect: datetime
    compose: datetime


def plan(app: App, now: datetime) -> Plan:
    """When papers are collected next, and when the next issue is composed."""
    with app.database.read() as connection:
        states = source_states.listed(connection)
        newest = issues.latest_day(connection)
        calendar = app.terms.calendar(issue_skips.days(connection))
    every = timedelta(minutes=app.settings.schedule.collect_minutes)
    started = [states[name].started_at for name in app.settings.sources if name in states]
    last = min((one for one in started if one is not None), default=None)
    whole = last is not None and len(started) == len(app.settings.sources)
    collect = max(now, last + every) if last is not None and whole else now
    return Plan(collect=collect, compose=calendar.next_cut_off(now, done=newest))


class Duties:
    """What one process does for a publication."""

    def __init__(
        self,
        app: App,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.failures: dict[str, str] = {}  # what fails now, by duty
        self._app = app
        self._clock = clock
        self._stopped = stopped
        self.owner = f"{socket.gethostname()[:32]}/{secrets.token_hex(8)}"
        self._has = False  # whether the lease was this one's when it last looked
        self._enrolled: date | None = None  # the issue whose readers were all looked at
        self._tried_at: datetime | None = None
        self._looked_for: tuple[date, bool] | None = None  # the day, and whether its hour was past
        self._refused: dict[str, str] = {}  # issues by the preflight, with its first word

    def mine(self) -> bool:
        """Whether the duties that one process is enough for are this one's."""
        now = self._clock()
        with self._app.database.write() as connection:
            mine = leases.take(connection, NAME, self.owner, now, LEASE)
        if mine != self._has:
            event = Event.LEASE_TAKEN if mine else Event.LEASE_LOST
            tell(event, lease=NAME, owner=self.owner, until=now + LEASE if mine else None)
        self._has = mine
        return mine

    def give_back(self) -> None:
        """Lets another process have them at once."""
        with self._app.database.write() as connection:
            leases.give_back(connection, NAME, self.owner)

    def collect(self) -> None:
        """Asks every source for what is new."""
        if self.mine():
            self._collect()

    def _collect(self) -> None:
        app = self._app
        pipeline.collect(app.database, app.fetcher, app.sources(), self._clock())

    def compose(self) -> None:
        """Freezes the issue of today once its hour has come, and gives it to whom it is due.

        A little sooner where a reader is due who had the last one: when clocks change, an hour
        just after ours comes just before it, and is still one digest a day.
        """
        if not self.mine():
            return
        app, now = self._app, self._clock()
        with app.database.read() as connection:
            newest = issues.latest_day(connection)
            calendar = app.terms.calendar(issue_skips.days(connection))
        day = calendar.today(now)
        if newest is not None and day - newest > OLDEST:
            newest = None
        wanted = calendar.publishes(day) and (newest is None or newest < day)
        waiting, cut_off = 0, calendar.cut_off(day)
        if newest is not None:  # hours before today's issue are the last one's, be they missed
            waiting = self._enrol(newest, calendar, now, until=cut_off if wanted else None)
        if wanted and (waiting or now >= cut_off):
            frozen = self._freeze((day, now >= cut_off), now)
            if frozen is not None:
                self._enrol(frozen, calendar, now)
            elif newest is not None and now >= cut_off:
                self._enrol(newest, calendar, now)

    def _freeze(self, occasion: tuple[date, bool], now: datetime) -> date | None:
        """Freezes the issue of today after a last look at the votes; None where there is none.

        Of the tries of an `occasion`, a day before or after its hour, only the first one looks:
        papers come by the other duty as often as the operator wants sources asked.
        """
        app = self._app
        if self._tried_at is not None and now - TRY_AGAIN < self._tried_at <= now:
            return None
        self._tried_at = now
        if occasion != self._looked_for:
            self._collect()
            self._looked_for = occasion
        app.renew()
        issue = pipeline.freeze(app.database, app.renderer, app.catalogue, app.terms, now)
        if issue is None:
            return None
        self._tried_at = None
        tell(Event.ISSUE_COMPOSED, issue=issue.name, papers=len(issue.candidates))
        if app.terms.hold:
            tell(Event.ISSUE_HELD, issue=issue.name, by=BY_SETTING)
        return issue.day

    def _enrol(
        self, newest: date, calendar: Calendar, now: datetime, until: datetime | None = None
    ) -> int:
        """Gives an issue to whom it is due; how many had it and wait for today's."""
        app = self._app
        everybody = newest != self._enrolled
        with app.database.read() as connection:
            if not everybody and not due_store.is_any(connection, now):
                return 0
            issue = issues.get(connection, newest)
        late, following = app.settings.schedule.catch_up, calendar.next_cut_off(now, done=newest)
        since = calendar.cut_off(newest)
        if issue.composed_at < since:  # early, for those whose hour it was
            since = max(issue.composed_at - GRACE, since - late)
        span = Span(
            now=now,
            since=since,
            until=until or following,
            late=late,
        )
        done = enrol(
            app.database,
            app.renderer,
            app.terms.embedder,
            issue,
            span,
            everybody=everybody,
            progress=lambda _: self._keep(),
            stopped=self._stopped,
        )
        if not self._stopped():
            self._enrolled = newest
        if done.queued or done.skipped:
            tell(Event.DIGESTS_WRITTEN, issue=issue.name, queued=done.queued, skipped=done.skipped)
        return done.waiting

    def _keep(self) -> None:
        self.mine()

    def send(self) -> None:
        """Sends letters and what is due, as `newsletter send` does."""
        app, now = self._app, self._clock()
        pipeline.tidy(app.database, now)
        self._fold(now)
        if app.settings.report.to is not None:
            with app.database.write() as connection:
                pipeline.report(connection, app.settings.report.to, now)
        with app.database.read() as connection:
            if not self._is_anything_due(connection, now):
                return
        post = replace(app.post(self.owner, self._clock), stopped=self._stopped, wait=False)
        pipeline.open_roads(post.roads)

        found = pipeline.clear(app.database, partial(app.judge, now=now), now)
        pipeline.send_letters(app.database, app.desk, post)
        post = replace(post, cleared=found.cleared)
        pipeline.dispatch(app.database, app.signer, post)
        refused = {report.issue: _first_word(report) for report in found.refused}
        for name in refused.keys() - self._refused.keys():
            tell(Event.ISSUE_REFUSED, issue=name, words=refused[name])
        self._refused = refused

    def letters(self) -> None:
        """Sends letters beside a `send` that has much to do: somebody waits for them."""
        app = self._app
        with app.database.read() as connection:
            if not kept_letters.waiting(connection, self._clock()):
                return
        post = app.post(f"{self.owner}/letters", self._clock)
        post = replace(post, stopped=self._stopped, wait=False)
        pipeline.send_letters(app.database, app.desk, post)

    def _fold(self, now: datetime) -> None:
        before = now - self._app.settings.schedule.catch_up
        folded = 0
        while True:
            with self._app.database.write() as connection:
                some = folding.fold(connection, before, now, FOLDED)
            folded += some
            if some < FOLDED:
                break
        if folded:
            tell(Event.DIGESTS_FOLDED, number=folded)

    def _is_anything_due(self, connection: Connection, now: datetime) -> bool:
        return bool(ledger.count_due(connection, now) or kept_letters.waiting(connection, now))

    def tell(self) -> None:
        """Tells webhooks what happened."""
        app = self._app
        webhooks.tell(app.database, app.signer, app.caller, self._clock, self._stopped)

    def alert(self) -> None:
        """Tells the operator what needs a hand, and what is over."""
        if self.mine():
            own = self._app.settings.report
            watch = self._app.watch(dict(self.failures), self._refused)  # others write to it
            pipeline.alert(self._app.database, own.to if own.alerts else None, watch, self._clock())

    def prune(self) -> None:
        """Forgets what has had its time."""
        if self.mine():
            pruning.prune(
                self._app.database,
                Retention.of(self._app.settings.retention),
                self._clock(),
                stopped=self._stopped,
            )


def _first_word(report: Report) -> str:
    return report.first.says if report.first is not None else ""
