"""Forgets what has had its time: old deliveries, events, letters, votes of papers, erased readers.

Repeatable, and safe to stop or kill anywhere: every batch is a transaction of its own that leaves
nothing dangling, and what is left is found again by the next run. Senders and pages get their turn
between batches. What is kept longer, and why, is `docs/decisions/0015-what-is-forgotten.md`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.pipeline.embedding import KEPT as VECTORS_KEPT
from newsletter.settings.service import RetentionSettings
from newsletter.store import editor_acts, issues, pruning, pruning_memory
from newsletter.store.database import Connection, Database
from newsletter.store.pruning import Horizons, Kept, Step
from newsletter.store.request_counts import KEPT as COUNTS_KEPT

BATCH = 500  # rows a transaction: a sender waits for it no longer than for another sender
FEW = 20  # readers a transaction: the database looks for letters to each of them
PAUSE = 0.02  # seconds after a transaction, in which others get the database
WINDOW = timedelta(days=62)  # the longest `issue.window_days` can be made tomorrow, and zones
SETTLED = timedelta(days=30)  # links hold for days; nobody comes back to what is older


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How long what happened is kept."""

    deliveries: timedelta
    events: timedelta
    observations: timedelta
    erased: timedelta

    @classmethod
    def of(cls, settings: RetentionSettings) -> Retention:
        """As the operator settled it."""
        return cls(
            deliveries=timedelta(days=settings.deliveries_days),
            events=timedelta(days=settings.events_days),
            observations=timedelta(days=settings.observations_days),
            erased=timedelta(days=settings.erased_days),
        )

    def horizons(self, now: datetime) -> Horizons:
        """The instants that they come to."""
        return Horizons(
            deliveries=now - self.deliveries,
            events=now - self.events,
            observations=now - self.observations,
            erased=now - self.erased,
            window=now - WINDOW,
            settled=now - SETTLED,
            counts=now - COUNTS_KEPT,
            vectors=now - VECTORS_KEPT,
        )


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What went, or would go: rows by table."""

    rows: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Rows of all tables."""
        return sum(self.rows.values())


def prune(
    database: Database,
    terms: Retention,
    now: datetime,
    progress: Callable[[int], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
    batch: int = BATCH,
) -> Pruned:
    """Takes out what is older than `terms`, `batch` rows a transaction; raises StoreError.

    `progress` is told how many rows went since it was last told. Once it is `stopped` it ends
    after the batch under way.
    """
    began = time.monotonic()
    done = Pruned(rows=_Pruning(database, terms.horizons(now), progress, stopped, batch).run())
    tell(Event.DATABASE_PRUNED, rows=done.total, seconds=time.monotonic() - began)
    return done


def foresee(database: Database, terms: Retention, now: datetime) -> Pruned:
    """What `prune` would take out; nothing is changed. Raises StoreError."""
    horizons = terms.horizons(now)
    found: Counter[str] = Counter()
    with database.read() as connection:
        kept = _kept(connection, horizons)
        for step in (
            *pruning.of_readers(horizons, kept),
            pruning.every_delivery(horizons, kept),
            pruning.readers(horizons, kept, expected=True),
            pruning.looks_at(None, horizons, kept),
            *pruning.left_over(horizons),
        ):
            found.update(step.count(connection))
        found["topics"] = len(pruning.unfollowed(connection, horizons))
    return Pruned(rows=dict(found))


class _Pruning:
    """One run."""

    def __init__(
        self,
        database: Database,
        horizons: Horizons,
        progress: Callable[[int], None],
        stopped: Callable[[], bool],
        batch: int,
    ) -> None:
        self._database = database
        self._horizons = horizons
        self._progress = progress
        self._stopped = stopped
        self._batch = batch
        self._gone: Counter[str] = Counter()

    def run(self) -> dict[str, int]:
        """All of it; rows that went, by table."""
        horizons = self._horizons
        with self._database.read() as connection:
            kept = _kept(connection, horizons)
        for step in pruning.of_readers(horizons, kept):
            self._all(step)
        self._deliveries(kept)
        self._all(pruning.readers(horizons, kept), FEW)
        self._looks(kept)
        self._rules()
        for step in pruning.left_over(horizons):
            self._all(step)
        return dict(self._gone)

    def _deliveries(self, kept: Kept) -> None:
        self._all(pruning.deliveries_of_erased(self._horizons))
        for issue_id in kept.issues:
            step = pruning.deliveries_of([issue_id], self._horizons, kept)
            if self._stopped() or not self._any(step):
                continue
            with self._database.write() as connection:
                pruning_memory.mark(connection, issue_id)
            self._all(step)

    def _looks(self, kept: Kept) -> None:
        last = ""
        while not self._stopped():
            with self._database.read() as connection:
                ids = pruning.paper_ids(connection, last, BATCH)
            if not ids:
                return
            step = pruning.looks_at(ids, self._horizons, kept)
            if self._any(step):
                self._all(step)
            last = ids[-1]

    def _rules(self) -> None:
        """Readers' own rules that no reader follows or mutes, be it one who left."""
        with self._database.read() as connection:
            found = pruning.unfollowed(connection, self._horizons)
        for slug in found:
            if self._stopped():
                return
            with self._database.write() as connection:
                self._tell({"topics": pruning.forget_rule(connection, slug)})

    def _any(self, step: Step) -> bool:
        with self._database.read() as connection:
            return step.any(connection)

    def _all(self, step: Step, most: int = BATCH) -> None:
        limit = min(most, self._batch)
        while not self._stopped():
            with self._database.write() as connection:
                gone = step.take(connection, limit)
            self._tell(gone)
            if gone[step.table.name] < limit:
                return
            time.sleep(PAUSE)

    def _tell(self, gone: Mapping[str, int]) -> None:
        self._gone.update(gone)
        if sum(gone.values()):
            self._progress(sum(gone.values()))


def _kept(connection: Connection, horizons: Horizons) -> Kept:
    wanted = [
        paper_id
        for paper_id, one in editor_acts.hands(connection).items()
        if any(at is not None and at >= horizons.window for at in (one.pinned_at, one.added_at))
    ]
    return Kept(
        wanted=wanted,
        told=pruning.told(connection),
        newest=issues.newest_id(connection),
        issues=pruning.forgettable(connection, horizons, wanted),
    )
