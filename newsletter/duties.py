"""The duties of a running publication, each one look: what is due by the clock is done, once.

Every duty can be repeated and cut short. Those that one process is enough for are done under a
lease, so a second process beside it only takes over. What is much work is made into jobs, which an
engine has done here or elsewhere. The clock is an argument; who calls is `scheduler.py`, a worker
of `engines`, and simulations.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

from newsletter import pipeline
from newsletter.app import App
from newsletter.calendar import Calendar
from newsletter.issue import Issue
from newsletter.jobs import Collect, Compose, Dispatch, Engine, Here, Job
from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.pipeline import pruning, webhooks
from newsletter.pipeline.compose import BY_SETTING
from newsletter.pipeline.dispatch import Post
from newsletter.pipeline.enrolling import EVERYBODY, Enrolled, Range, Span, enrol
from newsletter.pipeline.pruning import Retention
from newsletter.preflight.report import Report
from newsletter.stopping import pauses
from newsletter.store import folding, issue_skips, issues, leases, ledger, source_states
from newsletter.store import letters as kept_letters
from newsletter.store.ledger import Cleared
from subscribers import due_store

LEASE = timedelta(seconds=90)
NAME = "duties"
FOLDED = 500  # deliveries a transaction
OLDEST = timedelta(days=8)  # an issue that readers are still given, where no newer one came
GRACE = timedelta(minutes=30)  # after such an hour an issue composed for it still serves it
TRY_AGAIN = timedelta(minutes=10)  # to compose an issue there are no papers for
# Of jobs that are done apart:
READERS = 5_000  # numbers of them in a range: a few seconds of one core
FEW = 500  # whose hour has come are looked at by the clock itself
MESSAGES = 200  # a turn is worth having beside another for: a claim
TURNS = 64  # beside each other at most
TURN = timedelta(minutes=5)  # then a worker looks what else there is to do
FRESH = timedelta(minutes=10)  # after which what the preflight said then is asked anew


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
        engine: Engine | None = None,
    ) -> None:
        """Without an engine all is done here."""
        self.failures: dict[str, str] = {}  # what fails now, by duty
        self._app = app
        self._clock = clock
        self._stopped = stopped
        self._engine = engine or Here()
        self.owner = f"{socket.gethostname()[:32]}/{secrets.token_hex(8)}"
        self._has = False  # whether the lease was this one's when it last looked
        self._enrolled: date | None = None  # the issue whose readers were looked at, or handed over
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

    def do(self, job: Job) -> None:
        """Does a job, whoever made it; raises what its verb does."""
        match job:
            case Collect():
                self._collect(job.sources)
            case Compose():
                self._compose(job)
            case Dispatch():
                self._dispatch(job)

    def collect(self) -> None:
        """Asks every source for what is new."""
        if not self.mine():
            return
        apart = [Collect(sources=(name,)) for name in self._app.settings.sources]
        self._engine.run(apart if self._engine.apart else [Collect()], self.do)

    def _collect(self, sources: Sequence[str] = ()) -> None:
        app, stopped = self._app, self._stopped
        with closing(app.fetching(stopped)) as fetcher:
            pipeline.collect(
                app.database,
                fetcher,
                app.sources(sources),
                self._clock(),
                pause=pauses(stopped),
                stopped=stopped,
            )

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
        if self._engine.apart and until is None:  # nobody waits for the next one: it can go apart
            everybody = False
            if self._hand_over(newest, calendar, now):
                return 0
        with app.database.read() as connection:
            if not everybody and not due_store.is_any(connection, now):
                return 0
            issue = issues.get(connection, newest)
        span = self._span(issue, calendar, now, until)
        done = self._write(issue, span, EVERYBODY if everybody else None, self._keep)
        if everybody and not self._stopped():
            self._enrolled = newest
        return done.waiting

    def _span(
        self, issue: Issue, calendar: Calendar, now: datetime, until: datetime | None = None
    ) -> Span:
        """The hours that the newest issue serves."""
        late = self._app.settings.schedule.catch_up
        since = calendar.cut_off(issue.day)
        if issue.composed_at < since:  # early, for those whose hour it was
            since = max(issue.composed_at - GRACE, since - late)
        following = until or calendar.next_cut_off(now, done=issue.day)
        return Span(now=now, since=since, until=following, late=late)

    def _write(
        self, issue: Issue, span: Span, readers: Range | None, keep: Callable[[int], None]
    ) -> Enrolled:
        app = self._app
        done = enrol(
            app.database,
            app.renderer,
            app.terms.embedder,
            issue,
            span,
            readers=readers,
            progress=keep,
            stopped=self._stopped,
        )
        if done.queued or done.skipped:
            tell(Event.DIGESTS_WRITTEN, issue=issue.name, queued=done.queued, skipped=done.skipped)
        return done

    def _hand_over(self, newest: date, calendar: Calendar, now: datetime) -> bool:
        """Makes jobs of readers, where they are many; False where there are none to be made.

        Of all readers of a new issue; then of those whose hour has come, where they are more than
        this process looks at by the way. So a range that was lost is done at its readers' hours.
        """
        with self._app.database.read() as connection:
            if newest != self._enrolled:
                until = self._span(issues.get(connection, newest), calendar, now).until
            elif len(due_store.now_due(connection, now, FEW + 1)) > FEW:
                until = now
            else:
                return False
            blocks = due_store.blocks(connection, until, READERS)
        jobs = [
            Compose(issue=newest, after=one * READERS, up_to=(one + 1) * READERS) for one in blocks
        ]
        self._engine.run(jobs, self.do)
        self._enrolled = newest
        return bool(jobs)

    def _compose(self, job: Compose) -> None:
        """Writes the digests of a range of readers."""
        app, now = self._app, self._clock()
        with app.database.read() as connection:
            newest = issues.latest_day(connection)
            calendar = app.terms.calendar(issue_skips.days(connection))
            if newest != job.issue:
                return
            issue = issues.get(connection, newest)
        readers = Range(after=job.after, up_to=job.up_to)
        self._write(issue, self._span(issue, calendar, now), readers, lambda _: None)

    def _keep(self, _: int) -> None:
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
            due = ledger.count_due(connection, now)
            if not due and not kept_letters.waiting(connection, now):
                return
        if not self._engine.apart:  # a closed road is told before anything is judged
            pipeline.open_roads(app.roads())
        cleared = self._clear(now)
        turns = min(max(1, -(-due // MESSAGES)), TURNS) if self._engine.apart else 1
        jobs = [
            Dispatch(made_at=now, up_to=cleared.up_to, without=cleared.without, turn=turn)
            for turn in range(turns)
        ]
        self._engine.run(jobs, self.do)

    def _clear(self, now: datetime) -> Cleared:
        """Judges what nothing was sent of yet."""
        app = self._app
        found = pipeline.clear(app.database, partial(app.judge, now=now), now)
        refused = {report.issue: _first_word(report) for report in found.refused}
        for name in refused.keys() - self._refused.keys():
            tell(Event.ISSUE_REFUSED, issue=name, words=refused[name])
        self._refused = refused
        return found.cleared

    def _dispatch(self, job: Dispatch) -> None:
        """Sends until nothing is due; apart from the clock, until the turn is over."""
        app, now = self._app, self._clock()
        apart, ends_at = self._engine.apart, now + TURN
        cleared = Cleared(up_to=job.up_to, without=job.without)
        if now - job.made_at > FRESH:  # it waited for a worker
            cleared = self._clear(now)

        def stopped() -> bool:
            return self._stopped() or (apart and self._clock() >= ends_at)

        owner = f"{self.owner}/{secrets.token_hex(4)}" if apart else self.owner  # each its own
        post = self._letters(owner, stopped)
        pipeline.dispatch(app.database, app.signer, replace(post, cleared=cleared))

    def letters(self) -> None:
        """Sends letters beside a `send` that has much to do: somebody waits for them."""
        with self._app.database.read() as connection:
            if not kept_letters.waiting(connection, self._clock()):
                return
        self._letters(f"{self.owner}/letters", self._stopped)

    def _letters(self, owner: str, stopped: Callable[[], bool]) -> Post:
        """Sends letters; returns what more can be sent with."""
        app = self._app
        post = replace(app.post(owner, self._clock), stopped=stopped, wait=False)
        pipeline.send_letters(app.database, app.desk, post)
        return post

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
