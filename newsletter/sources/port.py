"""The port every source fits: it says what to ask for and reads the answers; it opens nothing.

`pipeline.collect` calls it. One shared function (`fetch.py`) opens files and sockets, so that
limits, time-outs, manners and retries are kept in one place, and a source can be tested on bytes
alone. What a source can do beside reading is a small protocol of its own (`Enriches`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol, runtime_checkable

from newsletter.errors import SourceError
from newsletter.papers import Observation, Paper, PaperId

Cursor = Mapping[str, str]
"""Where a source stands, in words of its own; empty before its first run."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Which days a run is about; without any, whatever is new since the last one."""

    since: date | None = None
    until: date | None = None  # included

    @property
    def is_for_days(self) -> bool:
        """Whether somebody named days: then the cursor is neither read nor moved."""
        return self.since is not None

    @property
    def key(self) -> str:
        """Tells asks apart: "2026-03-02/2026-03-06", or "" for what is new."""
        return f"{self.since}/{self.until or ''}" if self.since else ""


NEWS = Ask()
STALE = "stale: "  # how the note of a source begins that answers, but with nothing new


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How gently a group of hosts is asked: one request at a time, with a pause between starts."""

    group: str  # "arxiv": all hosts of this name share one turn, across processes
    pause: float  # seconds


@dataclass(frozen=True, kw_only=True)
class Request:
    """One thing a source wants to read."""

    location: str  # an address, a path, or "-" for standard input
    context: Mapping[str, str] = field(default_factory=dict)  # what `read` wants to be told again
    suffixes: tuple[str, ...] = ()  # which files of a folder
    conditional: bool = False  # an unchanged answer need not be sent again (RFC 9110 13)
    statuses: tuple[int, ...] = ()  # those beside 200 that the source reads itself
    manners: Manners | None = None


class Body(Protocol):
    """The bytes of an answer, to be read whole or line by line, as from a binary file."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, or the rest."""

    def readline(self, size: int = -1, /) -> bytes:
        """One line, or at most `size` bytes of it."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    where: str  # the place as people are told it
    body: Body
    status: int = 200
    content_type: str = ""
    unchanged: bool = False  # 304: the body is empty, nothing is new
    etag: str | None = None
    last_modified: str | None = None
    has_next: bool = False  # a Link header names a next page (RFC 8288)
    date: str | None = None  # its clock, where no cache answered in its place

    def whole(self) -> bytes:
        """All of the body; the size was bounded when it was fetched."""
        return self.body.read()


@dataclass(frozen=True, kw_only=True)
class Harvest:
    """A part of what one answer held, in the source's own order. Kept whole or not at all."""

    papers: tuple[Paper, ...] = ()
    observations: tuple[Observation, ...] = ()  # of these papers, by the ids they have here
    updates: tuple[Paper, ...] = ()  # news of papers that matter only where they are known already
    refused: tuple[str, ...] = ()  # what could not be read: which, and why
    notes: tuple[str, ...] = ()  # what a person should know, such as a stale feed
    more: tuple[Request, ...] = ()  # to be asked next, before what is waiting
    cursor: Cursor | None = None  # where the source stands once this is kept


class AskAgain(SourceError):
    """The answer cannot be the truth (an empty page in the middle); the next one may be."""


class Source(Protocol):
    """A place papers come from."""

    @property
    def name(self) -> str:
        """The name records and observations carry: the NAME of its [sources.NAME]."""

    @property
    def trust(self) -> int:
        """0 to 100: whose word counts where several sources tell the same field."""

    @property
    def dated(self) -> bool:
        """Whether it can be asked for days."""

    def requests(self, ask: Ask, cursor: Cursor, now: datetime) -> Sequence[Request]:
        """What to ask first, in order."""

    def read(self, request: Request, answer: Answer, now: datetime) -> Iterator[Harvest]:
        """The papers of one answer, in parts; raises SourceError that names the place.

        `now` is the instant of the observations, and resolves what the answer leaves open, such
        as a date without a year.
        """


@runtime_checkable
class Enriches(Protocol):
    """A source that can tell more of papers known from elsewhere."""

    def enrich(self, papers: Iterable[PaperId]) -> Sequence[Request]:
        """What to ask about these; names it knows nothing of are left out."""
