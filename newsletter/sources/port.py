"""The port every source fits: it says what to fetch and reads the answer; it opens nothing.

`pipeline.collect` calls it. One shared function (`fetch.py`) opens files and, later, sockets, so
that limits and time-outs are kept in one place and a source can be tested on bytes alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from newsletter.papers import Observation, Paper


@dataclass(frozen=True, kw_only=True)
class Request:
    """One thing a source wants to read."""

    location: str  # a path, or "-" for standard input


@dataclass(frozen=True, kw_only=True)
class Harvest:
    """What one answer held, in the source's own order."""

    papers: tuple[Paper, ...]
    observations: tuple[Observation, ...]  # one a paper, of the instant the answer speaks of


class Source(Protocol):
    """A place papers come from."""

    @property
    def name(self) -> str:
        """The name observations carry: the NAME of its [sources.NAME]."""

    def requests(self) -> Iterable[Request]:
        """What to fetch, in order."""

    def read(self, request: Request, body: bytes, now: datetime) -> Harvest:
        """The papers of one answer; raises SourceError that names the line.

        `now` resolves what the answer leaves open, such as a date without a year.
        """
