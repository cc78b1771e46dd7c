"""The jobs of a publication that can be done on any machine, and the port that says where.

A job is coarse and can be repeated, cut short and done twice at once: it says what to look at;
whose mail is sent stands in the ledger. The engine of many machines is `engines`'; what a job does
is `duties.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

Told = Mapping[str, Any]  # a job in JSON


class JobKind(StrEnum):
    """What a worker can take: the names of the queues, and of `newsletter worker --jobs`."""

    COLLECT = "collect"
    COMPOSE = "compose"
    DISPATCH = "dispatch"


@dataclass(frozen=True, kw_only=True)
class Collect:
    """Sources are asked for what is new."""

    sources: tuple[str, ...] = ()  # none: all

    kind = JobKind.COLLECT

    @property
    def key(self) -> str:
        """Of two waiting jobs with one key the second is not needed."""
        return f"{self.kind}/{','.join(self.sources)}"


@dataclass(frozen=True, kw_only=True)
class Compose:
    """A range of readers is given the newest issue; where another is newer, nobody anything."""

    issue: date
    after: int  # readers numbered over this
    up_to: int  # and this at most

    kind = JobKind.COMPOSE

    @property
    def key(self) -> str:
        """Of two waiting jobs with one key the second is not needed."""
        return f"{self.kind}/{self.issue}/{self.after}"


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """A turn of sending: letters and what is due, until nothing is or the turn is over."""

    made_at: datetime  # when issues were judged
    up_to: int  # the number of the newest that was
    without: frozenset[int] = frozenset()  # issues that the preflight refused
    turn: int = 0  # which of those that are sent beside each other

    kind = JobKind.DISPATCH

    @property
    def key(self) -> str:
        """Of two waiting jobs with one key the second is not needed."""
        return f"{self.kind}/{self.turn}"


Job = Collect | Compose | Dispatch
Do = Callable[[Job], None]


class Engine(Protocol):
    """Says where jobs are done."""

    @property
    def apart(self) -> bool:
        """Whether they are done elsewhere, so that many small ones are better than a large one."""

    def run(self, jobs: Sequence[Job], do: Do) -> None:
        """Has `do` do them here, in turn, or hands them over to whoever takes jobs.

        What `do` raises comes through. Raises StoreError where they cannot be handed over.
        """


class Here:
    """In this process, at once."""

    apart = False

    def run(self, jobs: Sequence[Job], do: Do) -> None:
        """Does them."""
        for one in jobs:
            do(one)


def write(job: Job) -> dict[str, Any]:
    """A job as a small JSON object; `read` makes it again."""
    match job:
        case Collect():
            return {"sources": list(job.sources)}
        case Compose():
            return {"issue": job.issue.isoformat(), "after": job.after, "up_to": job.up_to}
        case Dispatch():
            return {
                "made_at": job.made_at.isoformat(),
                "up_to": job.up_to,
                "without": sorted(job.without),
                "turn": job.turn,
            }


def read(kind: JobKind, told: Told) -> Job:
    """A job again; raises ValueError, KeyError or TypeError for what `write` did not write."""
    match kind:
        case JobKind.COLLECT:
            return Collect(sources=tuple(map(str, told["sources"])))
        case JobKind.COMPOSE:
            return Compose(
                issue=date.fromisoformat(told["issue"]),
                after=int(told["after"]),
                up_to=int(told["up_to"]),
            )
        case JobKind.DISPATCH:
            return Dispatch(
                made_at=datetime.fromisoformat(told["made_at"]),
                up_to=int(told["up_to"]),
                without=frozenset(map(int, told["without"])),
                turn=int(told["turn"]),
            )
