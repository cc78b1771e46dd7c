"""collect: asks sources for papers and keeps them with what was observed.

Repeatable: a paper is kept under its version-free id, and an observation of the same instant is
the same observation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from newsletter.sources import Source, fetch
from newsletter.store import papers
from newsletter.store.database import Database


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What one source brought."""

    source: str
    papers: int
    new: int
    observations: int  # new ones


def collect(database: Database, sources: Iterable[Source], now: datetime) -> list[Collected]:
    """Reads every source and keeps what it brought; raises SourceError or StoreError.

    One answer is kept whole or not at all.
    """
    return [_collect(database, source, now) for source in sources]


def _collect(database: Database, source: Source, now: datetime) -> Collected:
    found = new = seen = 0
    for request in source.requests():
        harvest = source.read(request, fetch(request), now)
        with database.write() as connection:
            new += papers.put(connection, harvest.papers, now)
            seen += papers.observe(connection, harvest.observations)
        found += len(harvest.papers)
    return Collected(source=source.name, papers=found, new=new, observations=seen)
