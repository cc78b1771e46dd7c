"""collect: asks sources for papers and keeps them with what was observed.

Repeatable: a paper is kept under its version-free name, and each run appends what it observed. One
part of an answer is kept together with what is still to be asked, so a run that was killed goes on
where it stopped and gives what one whole run would have given. One source failing stops no other.

    requests ─► open ─► read ─► [papers, observations, what is still to ask]   one transaction
                 ▲                                │
                 └────────────────────────────────┘
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from time import sleep

from newsletter.errors import SourceError
from newsletter.sources import (
    NEWS,
    Ask,
    AskAgain,
    Enriches,
    Fetcher,
    Harvest,
    Manners,
    Request,
    Source,
    is_address,
    spread,
)
from newsletter.store import papers, source_states
from newsletter.store.database import Connection, Database
from newsletter.store.source_states import SourceState

# What a killed run left is taken up within this time; later votes have moved on, so all is asked.
RESUME_WITHIN = timedelta(hours=6)
ENRICH_WITHIN = timedelta(days=30)  # papers first seen longer ago are left as they are
MOST_ENRICHED = 500  # papers a run: five requests, fifteen seconds of arXiv's time
TRIES_OF_AN_EMPTY_PAGE = 3
MOST_TOLD = 1000  # refusals of a run kept in words


@dataclass(kw_only=True)
class Collected:
    """What one source brought."""

    source: str
    papers: int = 0  # read
    new: int = 0
    changed: int = 0
    observations: int = 0  # new ones
    refused: int = 0
    told: list[str] = field(default_factory=list)  # the refusals, the first of them
    notes: list[str] = field(default_factory=list)
    resumed: bool = False  # whether it took up what a run before it left
    error: SourceError | None = None  # why it stopped


def collect(
    database: Database,
    fetcher: Fetcher,
    sources: Iterable[Source],
    now: datetime,
    ask: Ask = NEWS,
    progress: Callable[[int], None] = lambda _: None,
    pause: Callable[[float], None] = sleep,
) -> list[Collected]:
    """Asks every source and keeps what it brought, then asks those that can tell more.

    A source that fails is told in its row. Raises StoreError. `progress` is told how many papers
    were read since it was last told.
    """
    chosen = list(sources)
    done = [_Run(database, fetcher, one, now, progress, pause) for one in chosen]
    for run in done:
        run.ask(ask)
    for run in done:
        run.enrich()
    return [run.collected for run in done]


def look(fetcher: Fetcher, source: Source, now: datetime) -> Iterator[tuple[Request, Harvest]]:
    """What a source's first request brings; nothing is kept. Raises SourceError."""
    for request in _spread(source.requests(NEWS, {}, now))[:1]:
        with fetcher.open(request) as answer:
            for harvest in source.read(request, answer, now):
                yield request, harvest


class _Run:
    """One run of one source."""

    def __init__(
        self,
        database: Database,
        fetcher: Fetcher,
        source: Source,
        now: datetime,
        progress: Callable[[int], None],
        pause: Callable[[float], None],
    ) -> None:
        self.collected = Collected(source=source.name)
        self._database = database
        self._fetcher = fetcher
        self._source = source
        self._now = now
        self._progress = progress
        self._pause = pause
        self._state = SourceState(name=source.name)
        self._waiting: list[Request] = []
        self._resumable = False

    def ask(self, ask: Ask) -> None:
        """Asks for what is new, or for days; takes up what a killed run of the same ask left."""
        with self._database.read() as connection:
            kept = source_states.get(connection, self._source.name)
        left = [_request(row) for row in kept.pending]
        at = kept.pending_at
        fresh = at is not None and self._now - RESUME_WITHIN <= at
        self.collected.resumed = bool(left) and fresh and kept.ask == ask.key
        self._state = replace(
            kept,
            ask=ask.key,
            pending_at=at if self.collected.resumed else self._now,
            started_at=self._now,
        )
        try:
            if self.collected.resumed:
                self._waiting = left
            else:
                first = self._source.requests(ask, kept.cursor, self._now)
                self._waiting = _spread(first)
            # Files are read anew: that costs little, and the next ones may be others.
            self._resumable = all(is_address(one.location) for one in self._waiting)
            self._work(moves_cursor=not ask.is_for_days)
        except SourceError as error:
            self._failed(error)
        else:
            self._succeeded()

    def enrich(self) -> None:
        """Asks for more about papers that other sources told of, where the source can."""
        if self.collected.error or not isinstance(self._source, Enriches):
            return
        with self._database.read() as connection:
            names = papers.without_record(
                connection, self._source.name, "arxiv", self._now - ENRICH_WITHIN, MOST_ENRICHED
            )
        self._waiting = list(self._source.enrich(names))
        self._resumable = False  # the next run finds by itself what is not enriched yet
        if not self._waiting:
            return
        try:
            self._work(moves_cursor=False)
        except SourceError as error:
            self._failed(error)
        else:
            self._succeeded()

    def _work(self, *, moves_cursor: bool) -> None:
        while self._waiting:
            self._one(self._waiting[0], moves_cursor=moves_cursor)

    def _one(self, request: Request, *, moves_cursor: bool) -> None:
        for tried in range(1, TRIES_OF_AN_EMPTY_PAGE + 1):
            try:
                self._read(request, moves_cursor=moves_cursor)
            except AskAgain:
                if tried == TRIES_OF_AN_EMPTY_PAGE:
                    raise
                self._pause(tried)
            else:
                return

    def _read(self, request: Request, *, moves_cursor: bool) -> None:
        """Reads one answer and keeps its parts; with the last one the request is done."""
        known = None
        if request.conditional:
            with self._database.read() as connection:
                known = source_states.validator(connection, request.location)
        etag, last_modified = (known.etag, known.last_modified) if known else (None, None)
        with self._fetcher.open(request, etag, last_modified) as answer:
            parts = self._source.read(request, answer, self._now)
            for harvest, is_last in _with_last(parts):
                if is_last:
                    self._waiting = [*_spread(harvest.more), *self._waiting[1:]]
                with self._database.write() as connection:
                    self._keep(connection, harvest)
                    if is_last and request.conditional and not answer.unchanged:
                        source_states.remember(
                            connection, request.location, answer.etag, answer.last_modified
                        )
                    if moves_cursor and harvest.cursor is not None:
                        self._state = replace(self._state, cursor=dict(harvest.cursor))
                    self._state = replace(self._state, pending=self._pending())
                    source_states.put(connection, self._state)
                self._progress(len(harvest.papers) + len(harvest.updates))

    def _keep(self, connection: Connection, harvest: Harvest) -> None:
        done = self.collected
        source, trust = self._source.name, self._source.trust
        put = papers.put(connection, harvest.papers, self._now, source=source, trust=trust)
        updated = papers.put(
            connection, harvest.updates, self._now, source=source, trust=trust, known_only=True
        )
        done.papers += len(harvest.papers) + len(harvest.updates)
        done.new += put.new
        done.changed += put.changed + updated.changed
        done.observations += papers.observe(connection, harvest.observations, put.ids)
        done.refused += len(harvest.refused)
        done.told += harvest.refused[: MOST_TOLD - len(done.told)]
        done.notes += (note for note in harvest.notes if note not in done.notes)
        newest = max([*_days(harvest), self._state.newest or date.min])
        self._state = replace(self._state, newest=newest if newest > date.min else None)

    def _succeeded(self) -> None:
        self._end(succeeded_at=self._now, failures=0, error="", pending=(), pending_at=None)

    def _failed(self, error: SourceError) -> None:
        """What is still to be asked is kept for the next run, unless nothing was reached at all."""
        self.collected.error = error
        self._end(
            failed_at=self._now,
            failures=self._state.failures + 1,
            error=str(error),
            pending=self._pending(),
        )

    def _pending(self) -> list[dict[str, object]]:
        return [asdict(one) for one in self._waiting] if self._resumable else []

    def _end(self, **changes: object) -> None:
        done = self.collected
        self._state = replace(
            self._state,
            notes=tuple(done.notes),
            papers=done.papers,
            refused=(done.refused, tuple(done.told)),
            **changes,  # type: ignore[arg-type]
        )
        with self._database.write() as connection:
            source_states.put(connection, self._state)


def _spread(requests: Iterable[Request]) -> list[Request]:
    return [one for request in requests for one in spread(request)]


def _request(row: object) -> Request:
    """What `asdict` made of a request."""
    values = dict(row)  # type: ignore[call-overload]
    manners = values["manners"]
    return Request(
        **values
        | {
            "suffixes": tuple(values["suffixes"]),
            "statuses": tuple(values["statuses"]),
            "manners": Manners(**manners) if manners else None,
        }
    )


def _with_last(parts: Iterator[Harvest]) -> Iterator[tuple[Harvest, bool]]:
    """Every part, and whether it is the last; an answer without any counts as one empty part."""
    before = next(parts, Harvest())
    for part in parts:
        yield before, False
        before = part
    yield before, True


def _days(harvest: Harvest) -> Sequence[date]:
    """The days a part speaks of."""
    listed = (seen.listed or seen.at.date() for seen in harvest.observations)
    told = (paper.announced.date() for paper in harvest.papers if paper.announced)
    return [*listed, *told]
