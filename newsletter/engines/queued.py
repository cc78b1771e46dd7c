"""The engine of many machines: a queue in PostgreSQL, kept by procrastinate.

A job that waits is put once, however often the clock comes by; a worker takes it by SKIP LOCKED and
removes it when it ended, well or not. A worker that falls silent loses its jobs to the others. All
of this may err: a job that is done twice, or never, harms nobody, for what was sent to whom is the
ledger's, and the clock makes jobs anew.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Status
from procrastinate.schema import SchemaManager
from procrastinate.worker import Worker

from newsletter.app import App
from newsletter.duties import Duties
from newsletter.errors import NewsletterError, StoreError
from newsletter.jobs import Do, Job, JobKind, read, write
from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.store import queues
from newsletter.store.database import Database

# The highest goes first: who composes is waited for, and letters are sent by `serve` besides.
PRIORITIES = {JobKind.COMPOSE: 2, JobKind.COLLECT: 1, JobKind.DISPATCH: 0}
BEAT = 5.0  # seconds between two signs of life of a worker
DEAD = 30.0  # seconds without one, after which others take its jobs
LOOK = 1.0  # seconds between two looks for a job, where none was found
NEVER = 1e9  # seconds
AGAIN = 5.0  # seconds until a queue that could not be used is tried again
CONNECTIONS = 4  # of a worker to the queue; jobs have their own


class Queued:
    """The queue of one publication."""

    apart = True

    def __init__(self, database: Database) -> None:
        self._database = database
        self._putting = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())

    def prepare(self) -> None:
        """Raises StoreError where the queue's tables are not there, or another version's."""
        queues.prepare(self._database, SchemaManager.get_schema())

    def make(self) -> bool:
        """Makes the tables; False where they were there already. Raises StoreError."""
        return queues.make(self._database, SchemaManager.get_schema())

    def run(self, jobs: Sequence[Job], do: Do) -> None:
        """Puts on the queue what does not wait there already; raises StoreError, and puts none."""
        try:
            with queues.writing(self._database) as connection:
                for one in jobs:
                    with suppress(AlreadyEnqueued), connection.transaction():
                        self._put(one, connection)
        except ConnectorException as error:
            raise StoreError(f"The queue failed: {_words(error)}.") from error

    def _put(self, job: Job, connection: Any) -> None:
        # What is sent may be sent by many; a source is asked, and a range composed, by one.
        alone = None if job.kind is JobKind.DISPATCH else job.key
        self._putting.configure_task(
            job.kind.value,
            queue=job.kind.value,
            priority=PRIORITIES[job.kind],
            lock=alone,
            queueing_lock=job.key,
            connection=connection,
        ).defer(**write(job))

    def work(self, app: App, kinds: Sequence[JobKind], number: int) -> None:
        """Takes jobs of these kinds, `number` at once, until SIGTERM or SIGINT, and ends them.

        Where the queue cannot be used for a while it waits. Raises nothing of what jobs raise.
        """
        worker = _Worker(self, app, kinds, number)
        try:
            asyncio.run(worker.run())
        finally:
            worker.close()


class _Worker:
    """One process that takes jobs."""

    def __init__(self, queue: Queued, app: App, kinds: Sequence[JobKind], number: int) -> None:
        self._queue = queue
        self._app = app
        self._kinds = kinds
        self._number = number
        self._began = time.monotonic()
        self._stopped = threading.Event()
        self._duties = Duties(app, stopped=self._stopped.is_set, engine=queue)
        self._threads = ThreadPoolExecutor(number, "job")

    def close(self) -> None:
        """Waits for what is under way."""
        self._threads.shutdown()
        seconds = time.monotonic() - self._began
        tell(Event.WORKER_STOPPED, owner=self._duties.owner, seconds=seconds)

    async def run(self) -> None:
        """Takes jobs until it is asked to end."""
        jobs = ",".join(self._kinds)
        tell(Event.WORKER_STARTED, owner=self._duties.owner, jobs=jobs, number=self._number)
        working = asyncio.ensure_future(self._go_on())

        def end() -> None:
            if not self._stopped.is_set():  # once: it ends well by itself then
                self._stopped.set()
                working.cancel()

        for one in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(one, end)
        with suppress(asyncio.CancelledError):
            await working

    async def _go_on(self) -> None:
        told = ""
        while not self._stopped.is_set():
            try:
                await self._take()
                words = "it ended by itself"
            except Exception as error:  # the database is away, or forgot this worker
                words = _words(error)
            if not self._stopped.is_set() and words != told:
                tell(Event.WORKER_WAITS, words=words)
            told = words
            await asyncio.sleep(AGAIN)

    async def _take(self) -> None:
        """Takes jobs for as long as the queue can be used."""
        app = self._library()
        async with app.open_async():
            worker = Worker(
                app,
                queues=[one.value for one in self._kinds],
                name=self._duties.owner,
                concurrency=self._number,
                fetch_job_polling_interval=LOOK,
                listen_notify=False,  # a listener that is cut off would not come back
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=NEVER,
                stalled_worker_timeout=DEAD,
            )
            watching = asyncio.ensure_future(self._watch(app, worker))
            try:
                await worker.run()  # type: ignore[no-untyped-call]
            finally:
                watching.cancel()

    def _library(self) -> procrastinate.App:
        """procrastinate as it has to be for us: its tables in their schema, our jobs its tasks."""
        connector = procrastinate.PsycopgConnector(
            conninfo=self._app.bare_database.address,
            configure=_find,
            min_size=1,
            max_size=CONNECTIONS,
        )
        app = procrastinate.App(connector=connector)
        for kind in JobKind:
            app.task(name=kind.value, queue=kind.value)(self._task(kind))
        return app

    def _task(self, kind: JobKind) -> Any:
        async def task(**told: Any) -> None:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, self._do, kind, told)

        return task

    def _do(self, kind: JobKind, told: dict[str, Any]) -> None:
        """Does a job; what fails is told, and not tried again before the clock wants it."""
        name, began = kind.value, time.monotonic()
        try:
            job = read(kind, told)
            name = job.key
            self._app.renew()
            self._duties.do(job)
            if self._stopped.is_set() and kind is not JobKind.COLLECT:  # perhaps cut short
                self._queue.run([job], self._duties.do)
        except Exception as error:
            mistake = None if isinstance(error, NewsletterError) else error
            tell(Event.JOB_FAILED, trouble=mistake, job=name, words=str(error))
        else:
            tell(Event.JOB_DONE, job=name, seconds=time.monotonic() - began)

    async def _watch(self, app: procrastinate.App, worker: Worker) -> None:
        """Gives signs of life, and puts jobs of workers that give none on the queue again.

        The library's own signs end for good at the first that fails.
        """
        jobs = app.job_manager
        while True:
            await asyncio.sleep(BEAT)
            with suppress(ConnectorException):  # the worker itself finds that the queue is away
                if worker.worker_id is not None:
                    await jobs.update_heartbeat(worker.worker_id)
                for one in await jobs.get_stalled_jobs(seconds_since_heartbeat=DEAD):
                    try:
                        await jobs.retry_job(one, retry_at=datetime.now(UTC))
                    except UniqueViolation:  # one like it waits already
                        await jobs.finish_job(one, Status.FAILED, delete_job=True)
                    tell(Event.JOB_INHERITED, job=one.queueing_lock or one.task_name)


async def _find(connection: Any) -> None:
    """Has a connection find the library's tables."""
    await connection.execute(queues.FIND)
    await connection.commit()


def _words(error: BaseException) -> str:
    """What an error says; the library's own say less than what led to them."""
    return " ".join(str(error.__cause__ or error).split()).rstrip(".") or type(error).__name__
