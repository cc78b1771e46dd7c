"""Meters a piece of work in this process, and runs programs in processes of their own."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.results import Round

MIB = 2**20


class Meter:
    """CPU and wall seconds of a `with` block; its children's CPU included, once they ended."""

    cpu = 0.0
    wall = 0.0

    def __enter__(self) -> Self:
        self._cpu, self._wall = _cpu(), time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cpu, self.wall = _cpu() - self._cpu, time.perf_counter() - self._wall


def _cpu() -> float:
    spent = (resource.getrusage(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in spent)


def peak() -> float:
    """The most MiB this process ever held, or its largest child.

    Linux keeps in `ru_maxrss` what the parent held before this program began; VmHWM is our own.
    """
    status = Path("/proc/self/status")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if status.is_file():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM:"))
        own = int(line.split()[1]) * 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return max(own, child) / MIB


def alternated(programs: Mapping[str, Callable[[], Round]], rounds: int) -> dict[str, list[Round]]:
    """Some rounds of all programs, each round one of each."""
    found: dict[str, list[Round]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            found[name].append(program())
    return found


def machine() -> dict[str, str | int]:
    """What a figure was measured on, and when."""
    return {
        "day": date.today().isoformat(),  # noqa: DTZ011  of the person who measures
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
    }


def child(module: str, *arguments: str) -> dict[str, Any]:
    """What a module of ours, run in a process of its own, printed as its last line: JSON."""
    return told([sys.executable, "-m", f"benchmarks.{module}", *arguments])


def told(command: Sequence[str]) -> dict[str, Any]:
    """What a command printed as its last line, JSON; raises SystemExit with its words."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} ended with {done.returncode}:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
