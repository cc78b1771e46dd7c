"""What a measurement found: one value for all benchmarks, a line of JSON each, and a table.

A round is one run of one program; programs alternate, so rounds of the same place stand beside each
other and their ratio is free of what the machine did meanwhile. Medians are told, with what N they
are of: one run says nothing on a shared machine.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

OURS = "ours"


@dataclass(frozen=True, kw_only=True)
class Round:
    """One run of one program: µs a unit, of all its processes but the sink."""

    cpu: float  # µs of CPU a unit
    wall: float  # µs a unit
    sending: float = 0.0  # µs of those in which mail was sent; 0: all
    size: float = 0.0  # bytes of a message
    sink: float = 0.0  # µs of CPU a unit that the SMTP server took
    peak: float = 0.0  # MiB, of the process that needed most
    sender: float = 0.0  # MiB, of a process that sent, where that is told apart
    phases: Mapping[str, float] = field(default_factory=dict)  # µs of CPU a unit, by its name

    @property
    def repeated(self) -> float:
        """What each unit costs anew: all but freezing, which an issue costs once."""
        return self.cpu - self.phases.get("freeze", 0)

    @property
    def rate(self) -> float:
        """Units a second, while mail was sent."""
        return 1e6 / (self.sending or self.wall)


@dataclass(frozen=True, kw_only=True)
class Result:
    """All rounds of one program at one N."""

    bench: str  # digests, build, ledger, send
    program: str
    number: int  # N: readers, messages or rows that are there
    measured: int  # of how many of those a round is
    rounds: Sequence[Round]
    unit: str = "digest"
    terms: Mapping[str, str | int] = field(default_factory=dict)  # what else it was run with

    @property
    def cpu(self) -> float:
        """The median of µs of CPU a unit."""
        return statistics.median(one.cpu for one in self.rounds)

    @property
    def wall(self) -> float:
        """The median of µs a unit."""
        return statistics.median(one.wall for one in self.rounds)

    @property
    def rate(self) -> float:
        """Units a second, while mail was sent."""
        return statistics.median(one.rate for one in self.rounds)

    @property
    def size(self) -> float:
        """The bytes of a message; 0 where there are none."""
        return statistics.median(one.size for one in self.rounds)

    @property
    def sink(self) -> float:
        """The median of µs of the SMTP server's CPU a unit."""
        return statistics.median(one.sink for one in self.rounds)

    @property
    def peak(self) -> float:
        """The most MiB of any round."""
        return max(one.peak for one in self.rounds)

    @property
    def sender(self) -> float:
        """The most MiB of a process that sent; 0 where that is not told apart."""
        return max(one.sender for one in self.rounds)

    @property
    def repeated(self) -> float:
        """The median of what each unit costs anew: all but freezing."""
        return statistics.median(one.repeated for one in self.rounds)

    @property
    def phases(self) -> dict[str, float]:
        """The median of each phase, µs of CPU a unit."""
        return {
            name: statistics.median(one.phases[name] for one in self.rounds)
            for name in self.rounds[0].phases
        }


def times(more: Result, less: Result, what: str = "cpu") -> float:
    """How many times `what` of one is that of another: the median of rounds side by side."""
    pairs = zip(more.rounds, less.rounds, strict=False)
    return float(statistics.median(getattr(a, what) / getattr(b, what) for a, b in pairs))


def keep(file: Path | None, results: Iterable[Result]) -> None:
    """Appends results to a file of lines of JSON."""
    if file is None:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as out:
        out.writelines(f"{json.dumps(asdict(one), ensure_ascii=False)}\n" for one in results)


def kept(file: Path) -> list[Result]:
    """The results of a file, in order."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        rounds = [Round(**one) for one in told.pop("rounds")]
        found.append(Result(rounds=rounds, **told))
    return found


def show(results: Sequence[Result]) -> None:
    """Prints a table of results of one benchmark, each beside ours at the same N."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (results[0].bench, "N", "of", "µs CPU", "x ours", "a second", "sink", "MiB", "KB"):
        table.add_column(name, justify="left" if name == results[0].bench else "right")
    for one in results:
        mine = ours(results, one.number)
        table.add_row(
            one.program,
            f"{one.number:,}",
            f"{one.measured:,}",
            f"{one.cpu:,.1f}",
            f"{times(one, mine):.2f}" if mine else "",
            f"{one.rate:,.0f}",
            f"{one.sink:.0f}" if one.sink else "",
            f"{one.peak:.0f}" if one.peak else "",
            f"{one.size / 1000:.1f}" if one.size else "",
        )
    console = Console(width=110)
    console.print(table)
    for one in results:
        if one.phases:
            told = ", ".join(f"{name} {value:.1f}" for name, value in one.phases.items())
            console.print(f"{one.program}, N = {one.number:,}, µs CPU a {one.unit}: {told}")


def ours(results: Sequence[Result], number: int) -> Result | None:
    """What is to be compared with: ours at that N."""
    found = (one for one in results if one.program == OURS and one.number == number)
    return next(found, None)


def numbers(told: str) -> list[int]:
    """Several numbers, told with commas between them."""
    return [int(one) for one in told.split(",")]
