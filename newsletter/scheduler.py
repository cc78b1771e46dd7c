"""Runs the verbs by the clock, in one process: collects, composes, sends, tells webhooks.

APScheduler says when; what is done is the verbs' own affair, and each can be repeated. So a tick
that comes late, after sleep or an outage, does once what is left to do, and a second process on the
same database does nothing twice. Jobs live in memory: what has to last is in the database.
"""

from __future__ import annotations

import logging
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from newsletter import pipeline
from newsletter.app import App
from newsletter.issue import Issue
from newsletter.pipeline import webhooks
from newsletter.preflight.report import Report
from newsletter.store import issue_acts, issues, ledger, source_states
from newsletter.store import letters as kept_letters

log = logging.getLogger(__name__)

THREADS = 4
WATCH = 20.0  # seconds between two looks whether an issue is to be composed, or a webhook told
PATIENCE = 60.0  # seconds for what is under way when it ends


@dataclass(frozen=True, kw_only=True)
class Plan:
    """When things are done next."""

    collect: datetime
    compose: datetime


def plan(app: App, now: datetime) -> Plan:
    """When papers are collected next, and when the next issue is composed."""
    with app.database.read() as connection:
        states = source_states.listed(connection)
        issue = issues.find(connection, now.astimezone(app.terms.zone).date())
    every = timedelta(minutes=app.settings.schedule.collect_minutes)
    started = [states[name].started_at for name in app.settings.sources if name in states]
    last = min((one for one in started if one is not None), default=None)
    whole = last is not None and len(started) == len(app.settings.sources)
    collect = max(now, last + every) if last is not None and whole else now
    day = now.astimezone(app.terms.zone).date()
    compose = composes_at(app, day)
    if issue is not None:
        compose = composes_at(app, day + timedelta(days=1))
    return Plan(collect=collect, compose=max(now, compose))


def composes_at(app: App, day: date) -> datetime:
    """The instant from which the issue of a day is composed."""
    at = app.settings.schedule.compose_time
    return datetime.combine(day, at, tzinfo=app.terms.zone).astimezone(UTC)


class Clockwork:
    """The ticks of one process."""

    def __init__(
        self,
        app: App,
        say: Callable[[str], None],
        complain: Callable[[str], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._app = app
        self._say = say
        self._complain = complain
        self._clock = clock
        self._stopped = threading.Event()
        self._told: dict[str, str] = {}
        self._composed: date | None = None
        self._owner = f"{socket.gethostname()[:32]}/{secrets.token_hex(8)}"
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(THREADS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        own, now = app.settings.schedule, clock()
        self._add("collect", self.collect, own.collect_minutes * 60, plan(app, now).collect)
        self._add("compose", self.compose, WATCH, now)
        self._add("send", self.send, own.send_seconds, now)
        self._add("webhooks", self.tell, WATCH, now)

    def _add(self, name: str, work: Callable[[], None], seconds: float, first: datetime) -> None:
        self._scheduler.add_job(
            self._guarded,
            IntervalTrigger(seconds=seconds),
            args=(name, work),
            id=name,
            name=name,
            next_run_time=first,
        )

    def start(self) -> None:
        """Begins."""
        self._scheduler.start()

    def wake(self) -> None:
        """Says that a letter waits."""
        self._scheduler.modify_job("send", next_run_time=self._clock())

    def stop(self) -> None:
        """Ends after the message under way."""
        self._stopped.set()
        self._scheduler.shutdown(wait=True)

    def _guarded(self, name: str, work: Callable[[], None]) -> None:
        """Nothing that fails ends the clock; it is told once, and again when it changes."""
        if self._stopped.is_set():
            return
        try:
            work()
            if self._told.pop(name, None):
                self._say(f"{name}: goes on.")
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            if self._told.get(name) != told:
                self._complain(f"{name}: {error}")
                log.debug("%s failed", name, exc_info=True)
            self._told[name] = told

    def collect(self) -> None:
        """Asks every source for what is new."""
        app = self._app
        done = pipeline.collect(app.database, app.fetcher, app.sources(), self._clock())
        read = sum(one.papers for one in done)
        self._say(f"collect: {read} papers read from {len(done)} sources.")
        for one in done:
            if one.error is not None:
                self._complain(f"collect: {one.source}: {one.error}")

    def compose(self) -> None:
        """Composes the issue of today once its hour has come, after a last look at the votes.

        Once a process and day: a run that was cut short is so finished by the next one.
        """
        app, now = self._app, self._clock()
        day = now.astimezone(app.terms.zone).date()
        if self._composed == day or now < composes_at(app, day):
            return
        with app.database.read() as connection:
            before = issues.find(connection, day)
            if before is not None and issue_acts.standing(connection, before.id).cancelled:
                self._composed = day
                return
        if before is None:
            self.collect()
        app.renew()
        done = pipeline.compose(app.database, app.renderer, app.catalogue, app.terms, now)
        if done.issue is None:
            return  # nothing to publish yet; papers may still come
        self._composed = day
        self._say(
            f"compose: issue {done.issue.name}, {len(done.issue.candidates)} papers, "
            f"{done.queued} new digests, {done.skipped} readers with nothing to get."
        )

    def send(self) -> None:
        """Sends letters and what is due, as `newsletter send` does."""
        app, now = self._app, self._clock()
        pipeline.tidy(app.database, now)
        if app.settings.report.to is not None:
            with app.database.write() as connection:
                pipeline.report(connection, app.settings.report.to, now)
        with app.database.read() as connection:
            due = ledger.count_due(connection, now)
            waiting = kept_letters.waiting(connection, now)
        if not due and not waiting:
            return
        post = replace(app.post(self._owner, self._clock), stopped=self._stopped.is_set, wait=False)
        pipeline.open_roads(post.roads)

        def judge(issue: Issue) -> Report:
            return pipeline.preflight(app.database, app.means(), issue, now)

        found = pipeline.clear(app.database, judge, now)
        pipeline.send_letters(app.database, app.desk, post)
        post = replace(post, cleared=found.cleared)
        done = pipeline.dispatch(app.database, app.signer, post)
        if done.states:
            told = ", ".join(f"{number} {state}" for state, number in done.states.items())
            self._say(f"send: {told}.")
        for report in found.refused:
            self._complain(
                f"send: the preflight refuses issue {report.issue}; "
                f"`newsletter preflight {report.issue}` tells why."
            )

    def tell(self) -> None:
        """Tells webhooks what happened."""
        webhooks.tell(self._app.database, self._app.signer, self._app.caller, self._clock)
