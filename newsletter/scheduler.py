"""Calls the duties by the clock, in one process.

APScheduler says when; what is done is `duties.py`'s. A tick that comes late, after sleep or an
outage, does once what is left to do. Jobs live in memory: what has to last is in the database.
Where the clock was set back, ticks come as if it had been right.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from newsletter.app import App
from newsletter.duties import Duties, plan
from newsletter.errors import NewsletterError, StoreError
from newsletter.jobs import Engine
from newsletter.log_events import Event
from newsletter.logs import tell

THREADS = 7  # one a duty: none waits for another
WATCH = 20.0  # seconds between two looks at readers' hours, and at webhooks
ALERT = 300.0
PRUNE = 6 * 3600.0
RIGHT = 60.0  # seconds between two looks whether a tick waits for an hour that is far ahead

# It warns whenever a tick comes while the one before it is at work, as all do that send for long.
logging.getLogger("apscheduler").setLevel(logging.ERROR)


class Clockwork:
    """The ticks of one process."""

    def __init__(
        self,
        app: App,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        engine: Engine | None = None,
    ) -> None:
        """Without an engine all is done in this process."""
        self._clock = clock
        self._pages = app.settings.pages.url
        self._began = time.monotonic()
        self._stopped = threading.Event()
        self._duties = Duties(app, clock, self._stopped.is_set, engine)
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(THREADS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        self._setting_right = threading.Thread(target=self._set_right, name="clock", daemon=True)
        own, now, duties = app.settings.schedule, clock(), self._duties
        self._add("collect", duties.collect, own.collect_minutes * 60, plan(app, now).collect)
        self._add("compose", duties.compose, WATCH, now)
        self._add("send", duties.send, own.send_seconds, now)
        self._add("letters", duties.letters, own.send_seconds, now)
        self._add("webhooks", duties.tell, WATCH, now)
        self._add("alerts", duties.alert, ALERT, now)
        self._add("prune", duties.prune, PRUNE, now)

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
        tell(Event.RUN_STARTED, owner=self._duties.owner, pages=self._pages)
        self._scheduler.start()
        self._setting_right.start()

    def wake(self) -> None:
        """Says that a letter waits."""
        self._scheduler.modify_job("letters", next_run_time=self._clock())

    def stop(self) -> None:
        """Ends after the message under way."""
        self._stopped.set()
        self._setting_right.join()
        self._scheduler.shutdown(wait=True)
        with suppress(StoreError):  # then the lease ends by itself
            self._duties.give_back()
        tell(Event.RUN_STOPPED, owner=self._duties.owner, seconds=time.monotonic() - self._began)

    def _set_right(self) -> None:
        """Has ticks come that the clock would have wait, since it was set back."""
        while not self._stopped.wait(RIGHT):
            now = datetime.now(UTC)
            for job in self._scheduler.get_jobs():
                if job.next_run_time - now > job.trigger.interval + timedelta(seconds=RIGHT):
                    job.modify(next_run_time=now)

    def _guarded(self, name: str, work: Callable[[], None]) -> None:
        """Nothing that fails ends the clock; it is told once, and again when it changes."""
        failures = self._duties.failures
        if self._stopped.is_set():
            return
        try:
            work()
            if failures.pop(name, None):
                tell(Event.TICK_RECOVERED, tick=name)
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            if failures.get(name) != told:
                mistake = None if isinstance(error, NewsletterError) else error
                tell(Event.TICK_FAILED, trouble=mistake, tick=name, words=str(error))
            failures[name] = told
