"""Hosts of a network that is made here: each a network namespace with a name of its own.

They are joined by a switch in one more namespace, where the database and the mail server are. So
nothing of it touches the network of the machine, and all of it is gone with the namespaces.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Self

import pytest

from tests.crash.troubles import FORK, Postgres, signalled

CENTRE = "10.77.0.1"  # the switch, the database and the mail server; addresses of this test only
NETWORK = "10.77.0.0/24"
HUB = "hub"
ROOMS = Path("/run/netns")
OURS = Path("/proc/thread-self/ns/net")
PATIENCE = 60  # seconds for a process to end
_NEWNET, _NEWUTS = 0x40000000, 0x04000000  # CLONE_NEWNET, CLONE_NEWUTS
_DIE_WITH = 1  # PR_SET_PDEATHSIG


class Hosts:
    """So many hosts; skips the test where this user may not make them."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._prefix = f"papers{os.getpid()}-"

    def __enter__(self) -> Self:
        _must_be_able()
        _sweep()
        try:
            self._make()
        except BaseException as error:
            self._remove()
            if isinstance(error, subprocess.CalledProcessError):
                words = error.stderr.decode().strip()
                pytest.skip(f"Network namespaces cannot be made here: {words}.")
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def room(self, name: str) -> str:
        """The namespace of a host, as `ip` knows it."""
        return f"{self._prefix}{name}"

    @contextmanager
    def cut(self, name: str, way: str) -> Iterator[None]:
        """A host is off the network: its `port` of the switch is dead, or its own `card`."""
        self._ends(name, way, "down")
        try:
            yield
        finally:
            self._ends(name, way, "up")

    def _ends(self, name: str, way: str, state: str) -> None:
        room, device = (HUB, _port(name)) if way == "port" else (name, "eth0")
        _ip("-n", self.room(room), "link", "set", device, state)

    def _make(self) -> None:
        hub = self.room(HUB)
        for name in (HUB, *self.names):
            _ip("netns", "add", self.room(name))
            _ip("-n", self.room(name), "link", "set", "lo", "up")
        _ip("-n", hub, "link", "add", "switch", "type", "bridge")
        _ip("-n", hub, "addr", "add", f"{CENTRE}/24", "dev", "switch")
        _ip("-n", hub, "link", "set", "switch", "up")
        for number, name in enumerate(self.names, 2):
            room, port = self.room(name), _port(name)
            peer = ("peer", "name", "eth0", "netns", room)
            _ip("-n", hub, "link", "add", port, "type", "veth", *peer)
            _ip("-n", hub, "link", "set", port, "master", "switch", "up")
            _ip("-n", room, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
            _ip("-n", room, "link", "set", "eth0", "up")

    def _remove(self) -> None:
        for name in (*self.names, HUB):
            if (ROOMS / self.room(name)).exists():
                _ip("netns", "del", self.room(name))


@contextmanager
def inside(room: str) -> Iterator[None]:
    """This thread, and whom it starts, is in a namespace: sockets made there stay there."""
    with OURS.open("rb") as ours, (ROOMS / room).open("rb") as theirs:
        _call("setns", theirs.fileno(), _NEWNET)
        try:
            yield
        finally:
            _call("setns", ours.fileno(), _NEWNET)


class Served(Postgres):
    """A PostgreSQL server in the middle of the network, and on a socket for the test itself."""

    def __init__(self, folder: Path, room: str) -> None:
        super().__init__(folder)
        self._room = room
        with (self._data / "pg_hba.conf").open("a", encoding="utf-8") as rules:
            rules.write(f"host all all {NETWORK} trust\n")
        words = f"-h {CENTRE} -k {self._uri.query['host']}"
        self._control("restart", "-m", "fast", "-o", words, "-l", str(self._data / "log"))

    def afar(self, url: str) -> str:
        """A URL of this server as hosts say it."""
        user, name = self._uri.username, url.partition("?")[0].rpartition("/")[2]
        return f"postgresql+psycopg://{user}@{CENTRE}:5432/{name}"

    def restart(self) -> None:
        """At once, without a checkpoint or a word to its clients; returns when it is back."""
        self._start()
        self.end()

    def _control(self, *words: str) -> None:
        with inside(self._room):
            super()._control(*words)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How much sooner than in production others give up a host, so that nobody waits minutes."""

    lease: float  # seconds that a sender may hold what it claimed
    beat: float = 0.5  # seconds between signs of life of a worker
    dead: float = 2.0  # seconds without one, after which its jobs are others'
    silent: int = 2  # seconds that a silent client keeps a transaction

    def obey(self) -> None:
        """Sets the constants of this process."""
        lease = timedelta(seconds=self.lease)
        tuned: list[tuple[str, str, object]] = [
            ("newsletter.engines.queued", "BEAT", self.beat),
            ("newsletter.engines.queued", "DEAD", self.dead),
            ("newsletter.engines.queued", "LOOK", self.beat / 2),
            ("newsletter.engines.queued", "AGAIN", self.beat),
            ("newsletter.duties", "MESSAGES", 20),  # so that all have a turn of an issue so small
            ("newsletter.pipeline.dispatch", "BATCH", 20),  # and none claims it whole
        ]
        for room, name, value in tuned:
            module = importlib.import_module(room)
            assert hasattr(module, name), f"{room} has no {name} any more"
            setattr(module, name, value)
        database = importlib.import_module("newsletter.store.database")
        told = database.PATIENCE.replace(
            "session_timeout = '30s'", f"session_timeout = '{self.silent}s'"
        )
        assert told != database.PATIENCE
        database.PATIENCE = told
        app = importlib.import_module("newsletter.app").App
        assert isinstance(app.lease, property)
        app.lease = property(lambda _: lease)


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command of a host: what runs there, where, and by which settings."""

    host: str
    room: str
    place: Path
    words: tuple[str, ...]
    settings: Mapping[str, str]
    pace: Pace
    log: Path  # a file for what it prints

    def start(self) -> Running:
        """Has it run."""
        process = FORK.Process(target=live, args=(self,), daemon=True)
        process.start()
        return Running(command=self, process=process)


@dataclass(frozen=True, kw_only=True)
class Running:
    """A process of a host."""

    command: Command
    process: BaseProcess

    def signal(self, number: int) -> None:
        """Sends it a signal, if it has not ended."""
        signalled(self.process, number)

    def told(self, event: str) -> bool:
        """Whether it has logged an event; it must not have ended."""
        log = self.command.log
        assert self.process.is_alive(), log.read_text(encoding="utf-8")
        return log.exists() and f'"event": "{event}"' in log.read_text(encoding="utf-8")

    def ends(self, allowed: int = 0) -> list[str]:
        """Asks it to end as a service manager does; says what is wrong with how it ended."""
        self.signal(signal.SIGTERM)
        self.process.join(PATIENCE)
        code = self.process.exitcode
        told = f"{self.command.host} ended with {code}, see {self.command.log}"
        return [] if code == allowed else [told]

    def kill(self) -> None:
        """Ends it whatever it does."""
        self.signal(signal.SIGKILL)
        self.process.join(PATIENCE)


def live(command: Command) -> None:
    """What a process of a host does: a command line, as if Python had just started there."""
    _call("prctl", _DIE_WITH, signal.SIGKILL)  # where the tests are killed, so is this
    _call("unshare", _NEWUTS)
    socket.sethostname(command.host)
    log = os.open(command.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for own in (1, 2):
        os.dup2(log, own)
    with inside(command.room):
        command.pace.obey()
        for name in [one for one in os.environ if "NEWSLETTER" in one]:
            del os.environ[name]
        os.environ.update({f"NEWSLETTER_{key}": word for key, word in command.settings.items()})
        os.chdir(command.place)
        from newsletter.cli import main

        sys.argv = ["newsletter", *command.words]
        main()


def _sweep() -> None:
    """Removes what tests left that were killed."""
    for room in ROOMS.glob("papers*-*") if ROOMS.exists() else ():
        made_by = room.name.removeprefix("papers").partition("-")[0]
        if made_by.isdigit() and not Path(f"/proc/{made_by}").exists():
            _ip("netns", "del", room.name)


def _must_be_able() -> None:
    if os.geteuid() != 0:
        pytest.skip("Network namespaces need root: run the tests as root.")
    if shutil.which("ip") is None:
        pytest.skip("Network namespaces need `ip`: install iproute2.")


def _port(name: str) -> str:
    return f"p-{name}"[:15]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _call(name: str, *words: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    function: Callable[..., int] = getattr(libc, name)
    if function(*words) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
