"""A whole issue for very many readers by the program's own commands, its memory watched throughout.

Run: python -m benchmarks.million [--readers 1000000] [--workers 1] [--database URL]

Readers are imported, then `newsletter compose`, `newsletter send --now` into a sink on loopback,
and `newsletter status`, whose accounts must balance. Every second the resident memory of each
process is read: flat means that the last tenth of a run holds no more than the second.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.publication import Manner, prepare
from benchmarks.sinks import sink

SECOND = 1.0


class Watched:
    """A command, and the memory of the process that holds most while it runs."""

    def __init__(self, command: Sequence[str]) -> None:
        began = time.perf_counter()
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._held: list[int] = []  # KiB, one a second
        self._most = 0
        self._ended = threading.Event()
        watching = threading.Thread(target=self._watch)
        watching.start()
        self.out, _ = self._process.communicate()
        self.wall = time.perf_counter() - began
        self._ended.set()
        watching.join()
        if self._process.returncode:
            raise SystemExit(f"{' '.join(command[-3:])} ended with {self._process.returncode}.")

    def _watch(self) -> None:
        while not self._ended.wait(SECOND):
            own = [_held(pid) for pid in _with_children(self._process.pid)]
            if own:
                self._held.append(max(now for now, _ in own))
                self._most = max(self._most, *(most for _, most in own))

    def __str__(self) -> str:
        tenth = max(len(self._held) // 10, 1)
        first = statistics.median(self._held[tenth : 2 * tenth] or self._held or [0])
        last = statistics.median(self._held[-tenth:] or [0])
        return (
            f"{self.wall:7.0f} s   most {self._most / 1024:5.0f} MiB   "
            f"second tenth {first / 1024:5.0f}, last {last / 1024:5.0f}"
        )


def _with_children(pid: int) -> list[int]:
    try:
        more = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [pid, *(one for child in more.split() for one in _with_children(int(child)))]


def _held(pid: int) -> tuple[int, int]:
    """What a process holds now and what it held at most, in KiB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0, 0
    found = dict(line.split(":", 1) for line in lines if line.startswith("Vm"))
    now, most = (int(found.get(name, "0").split()[0]) for name in ("VmRSS", "VmHWM"))
    return now, most


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs it, and prints a line a command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--readers", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--database", metavar="URL", help="a PostgreSQL server; a database is made")
    asked = parser.parse_args(arguments)
    manner = Manner(connections=asked.connections, database=asked.database)
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as place, sink() as server:
        began = time.perf_counter()
        seed = prepare(Path(place), asked.readers, manner)
        try:
            seed.app(Path(place), port=server.port, manner=manner).close()
            print(f"import    {time.perf_counter() - began:7.0f} s", flush=True)
            own = [
                sys.executable,
                "-m",
                "newsletter",
                "--config",
                str(seed.place / "newsletter.toml"),
            ]
            print(f"compose   {Watched([*own, 'compose'])}", flush=True)
            send = ["send", "--now", "--workers", str(asked.workers)]
            print(f"send      {Watched([*own, *send])}", flush=True)
            status = Watched([*own, "status"])
            print(f"status    {status}", flush=True)
            for line in status.out.splitlines():
                if line.startswith("composed") or "a second" in line:
                    print(line)
            if seed.url.startswith("sqlite"):
                held = (seed.place / "newsletter.db").stat().st_size
                print(f"database  {held / asked.readers:.0f} bytes a reader and digest")
        finally:
            seed.remove()
    print(f"sink      {server.messages} messages, {server.cpu:.0f} s of CPU")


if __name__ == "__main__":
    main()
