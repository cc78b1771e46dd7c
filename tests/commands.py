"""Runs the command line as its users do, in a process of its own, without waiting for its start.

Most of a short command's time goes into importing. So a server imports it once and forks: what
runs is a real process with its own folder, environment, output and exit code. What looks at the
start itself (`test_wheel.py`, `preview --watch`) starts Python anew.

`python -m tests.commands SOCKET` is that server. A request is one line of JSON, with the file
descriptors of its output beside it; the answer is the process's number, and later its exit code.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from newsletter.resources import folder

ROOT = Path(__file__).resolve().parents[1]
PAGE = folder("seeds") / "trending-papers.txt"
PATIENCE = 120  # seconds for a command
STARTING = 60  # seconds for the server
LONGEST = 1 << 20  # bytes of a request


def newsletter(place: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a folder, with settings beside those that every test wants."""
    settings = {"SENDER__POSTAL_ADDRESS": "1 Example Road, Oslo"} | settings  # as preflight asks
    return run(place, words, {f"NEWSLETTER_{name}": value for name, value in settings.items()})


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """The command ended with this code and one line that has these words."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def smtp(port: int, **more: str) -> dict[str, str]:
    """Settings that send to a server on this machine."""
    given = {"HOST": "127.0.0.1", "PORT": str(port), "SECURITY": "none"} | more
    return {"DELIVERY__TRANSPORT": "smtp"} | {
        f"TRANSPORTS__SMTP__{name}": value for name, value in given.items()
    }


def prepare(place: Path, *commands: tuple[str, ...]) -> Path:
    """Fills a folder as these commands leave it; they run once, and are copied from then on."""
    shutil.copytree(_prepared(commands), place, dirs_exist_ok=True)
    return place


@cache
def _prepared(commands: tuple[tuple[str, ...], ...]) -> str:
    place = tempfile.mkdtemp(prefix="papers-prepared-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    for words in commands:
        done = newsletter(Path(place), *words)
        assert done.returncode == 0, done.stderr
    return place


def run(
    place: Path, words: Sequence[str], more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command in a folder; of this process's environment it sees no setting."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = start(place, words, more, out, err).wait()
        return subprocess.CompletedProcess(list(words), code, _read(out), _read(err))


class Started:
    """A command that runs."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._lock = threading.Lock()
        self._code: int | None = None
        self.pid = int(self._told())

    def kill(self) -> None:
        """Ends it at once, as `kill -9` does."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Its exit code once it has ended; minus the signal that ended it."""
        with self._lock:  # several may wait
            if self._code is None:
                self._line.settimeout(seconds)
                try:
                    self._code = int(self._told())
                except TimeoutError as error:
                    raise subprocess.TimeoutExpired([str(self.pid)], seconds) from error
                self._line.close()
            return self._code

    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._code is None and not select.select([self._line], [], [], 0)[0]

    def _told(self) -> bytes:
        told = b""
        while not told.endswith(b"\n"):
            more = self._line.recv(1)
            assert more, "The server of commands has gone."
            told += more
        return told


def start(
    place: Path, words: Sequence[str], more: Mapping[str, str] | None, out: Any, err: Any
) -> Started:
    """Starts a command in a folder, its output into files that are open."""
    clean = {name: value for name, value in os.environ.items() if "NEWSLETTER" not in name}
    request = {"place": str(place), "words": list(words), "environment": clean | dict(more or {})}
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(PATIENCE)
    line.connect(_server())
    told = json.dumps(request).encode() + b"\n"
    sent = socket.send_fds(line, [told], [out.fileno(), err.fileno()])
    line.sendall(told[sent:])
    return Started(line)


def _read(file: Any) -> str:
    file.seek(0)
    return str(file.read(), "utf-8").replace("\r\n", "\n")


@cache
def _server() -> str:
    place = tempfile.mkdtemp(prefix="papers-commands-")
    path = f"{place}/line"
    calm = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # threads do not survive a fork
    server = subprocess.Popen([sys.executable, "-m", "tests.commands", path], cwd=ROOT, env=calm)

    def end() -> None:
        server.terminate()
        server.wait()
        shutil.rmtree(place, ignore_errors=True)

    atexit.register(end)
    ends_at = time.monotonic() + STARTING
    while not Path(path).exists():
        assert server.poll() is None, "No command line started."
        assert time.monotonic() < ends_at, "No command line started in time."
        time.sleep(0.02)
    return path


def _serve(path: str) -> None:
    from newsletter.cli import main  # noqa: F401  what every command is forked with

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for who waits for a command
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{path}.new")
        listening.listen(64)
        Path(f"{path}.new").rename(path)
        while True:
            line, _ = listening.accept()
            with line:
                if os.fork() == 0:
                    listening.close()
                    _answer(line)


def _answer(line: socket.socket) -> NoReturn:
    """Runs one command in a child, and tells how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    told, (out, err), _, _ = socket.recv_fds(line, LONGEST, 2)
    while not told.endswith(b"\n"):
        told += line.recv(LONGEST)
    child = os.fork()
    if child == 0:
        line.close()
        _become(json.loads(told), out, err)
    os.close(out)
    os.close(err)
    line.sendall(f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(request: Mapping[str, Any], out: int, err: int) -> NoReturn:
    """The command itself, as if Python had just started it."""
    from newsletter.cli import main

    with _as_started(out, err):
        os.environ.clear()
        os.environ.update(request["environment"])
        time.tzset()
        os.chdir(request["place"])
        sys.argv = ["newsletter", *request["words"]]
        main()
        sys.exit(0)


@contextmanager
def _as_started(out: int, err: int) -> Iterator[None]:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, its in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(ours, its)
        os.close(ours)
    code = 1
    try:
        yield
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    atexit._run_exitfuncs()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])
