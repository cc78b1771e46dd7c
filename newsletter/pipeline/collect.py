"""collect: asks sources for papers and keeps them with what was observed.

Repeatable: a paper is kept under its version-free name, and each run appends what it observed. One
part of an answer is kept together with what is still to be asked, so a run that was killed goes on
where it stopped and gives what one whole run would have given. One source failing stops no other.

    requests ─► open ─► read ─► [papers, observations, what is still to ask]   one transaction
                 ▲                                │
                 └────────────────────────────────┘
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from time import monotonic, sleep
from typing import Any

from newsletter.errors import NewsletterError, SourceError, Stopped
from newsletter.pipeline import telling
from newsletter.sources import (
    NEWS,
    Answer,
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
from newsletter.store.source_states import Pending

# What a run left is taken up within this time. Later, votes have moved on and a new day may have
# begun, so what is new is asked anew; old days stay what they are for longer.
RESUME_NEWS_WITHIN = timedelta(minutes=30)
RESUME_DAYS_WITHIN = timedelta(days=7)
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
    stopped: bool = False  # whether it left some to the next run, for the process is to end
    error: SourceError | None = None  # why it stopped


def collect(
    database: Database,
    fetcher: Fetcher,
    sources: Iterable[Source],
    now: datetime,
    ask: Ask = NEWS,
    progress: Callable[[int], None] = lambda _: None,
    pause: Callable[[float], None] = sleep,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Collected]:
    """Asks every source and keeps what it brought, then asks those that can tell more.

    A source that fails is told in its row. Raises StoreError. `progress` is told how many papers
    were read since it was last told. `stopped` is asked before each request: what is left then the
    next run goes on with.
    """
    chosen, began = list(sources), monotonic()
    done = [_Run(database, fetcher, one, now, progress, pause, stopped) for one in chosen]
    for run in done:
        run.ask(ask)
    for run in done:
        run.enrich()
        run.tell()
    telling.collected([run.collected for run in done], monotonic() - began)
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
        stopped: Callable[[], bool],
    ) -> None:
        self.collected = Collected(source=source.name)
        self._database = database
        self._fetcher = fetcher
        self._source = source
        self._now = now
        self._started = monotonic()
        self._progress = progress
        self._pause = pause
        self._stopped = stopped
        self._ask = NEWS
        self._since = now  # since when what waits has waited
        self._waiting: list[Request] = []
        self._resumable = False
        self._failures = 0  # in a row, with this one

    def ask(self, ask: Ask) -> None:
        """Asks for what is new, or for days; takes up what an earlier run of the same ask left."""
        self._ask = ask
        name = self._source.name
        with self._database.write() as connection:
            kept = source_states.get(connection, name)
            left = source_states.pending(connection, name)
            if not ask.is_for_days:
                source_states.put(connection, name, started_at=self._now)
        within = RESUME_DAYS_WITHIN if ask.is_for_days else RESUME_NEWS_WITHIN
        mine = [one for one in left if one.ask == ask.key and self._now - within <= one.since]
        self.collected.resumed = bool(mine)
        try:
            if mine:
                self._waiting = [_request(row) for row in mine[0].requests]
                self._since = mine[0].since
            else:
                with _told(self._source):
                    first = self._source.requests(ask, kept.cursor, self._now)
                self._waiting = _spread(first)
            # Files are read anew: that costs little, and the next ones may be others.
            self._resumable = all(is_address(one.location) for one in self._waiting)
            self._work()
        except SourceError as error:
            self._failed(error)
        except Stopped:
            self.collected.stopped = True  # what is left stands beside what was read last
        else:
            self._succeeded()

    def enrich(self) -> None:
        """Asks for more about papers that other sources told of, where the source can."""
        done = self.collected
        if done.error or done.stopped or not isinstance(self._source, Enriches):
            return
        with self._database.read() as connection:
            names = papers.without_record(
                connection, self._source.name, "arxiv", self._now - ENRICH_WITHIN, MOST_ENRICHED
            )
        self._resumable = False  # the next run finds by itself what is not enriched yet
        try:
            with _told(self._source):
                self._waiting = list(self._source.enrich(names))
            if self._waiting:
                self._work()
                self._succeeded()
        except SourceError as error:
            self._failed(error)
        except Stopped:
            done.stopped = True

    def tell(self) -> None:
        """Tells the log how it went, if it went to the end."""
        if not self.collected.stopped:
            telling.source(self.collected, self._failures)

    def _work(self) -> None:
        while self._waiting:
            if self._stopped():
                raise Stopped("It was asked to end.")
            self._one(self._waiting[0])

    def _one(self, request: Request) -> None:
        for tried in range(1, TRIES_OF_AN_EMPTY_PAGE + 1):
            try:
                self._read(request)
            except AskAgain:
                if tried == TRIES_OF_AN_EMPTY_PAGE:
                    raise
                self._pause(tried)
            else:
                return

    def _read(self, request: Request) -> None:
        """Reads one answer and keeps its parts; with the last one the request is done."""
        known = None
        if request.conditional:
            with self._database.read() as connection:
                known = source_states.validator(connection, request.location)
        etag, last_modified = (known.etag, known.last_modified) if known else (None, None)
        with self._fetcher.open(request, etag, last_modified) as answer:
            # The instant of this answer: of two lists that hold one paper, both are observed.
            at = self._now + timedelta(seconds=monotonic() - self._started)
            for harvest, is_last in _with_last(_parts(self._source, request, answer, at)):
                if is_last:
                    self._waiting = [*_spread(harvest.more), *self._waiting[1:]]
                with self._database.write() as connection:
                    self._keep(
                        connection, harvest, "" if is_address(answer.where) else answer.where
                    )
                    if is_last and request.conditional and not answer.unchanged:
                        source_states.remember(
                            connection, request.location, answer.etag, answer.last_modified
                        )
                    if harvest.cursor is not None and not self._ask.is_for_days:
                        cursor = dict(harvest.cursor)
                        source_states.put(connection, self._source.name, cursor=cursor)
                    self._leave(connection)
                self._progress(len(harvest.papers) + len(harvest.updates))

    def _keep(self, connection: Connection, harvest: Harvest, file: str) -> None:
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
        told = harvest.refused[: MOST_TOLD - len(done.told)]
        done.told += [f"{file}, {one}" if file else one for one in told]
        done.notes += (note for note in harvest.notes if note not in done.notes)
        if days := _days(harvest):
            newest = max(days)
            before = source_states.get(connection, source).newest
            if before is None or newest > before:
                source_states.put(connection, source, newest=newest)

    def _leave(self, connection: Connection) -> None:
        """Keeps what is still to be asked, with what was just read."""
        left = [asdict(one) for one in self._waiting] if self._resumable else []
        pending = Pending(ask=self._ask.key, requests=left, since=self._since)
        source_states.leave(connection, self._source.name, pending)

    def _succeeded(self) -> None:
        self._ended(succeeded_at=self._now, failures=0, error="")

    def _failed(self, error: SourceError) -> None:
        self.collected.error = error
        with self._database.read() as connection:
            failures = source_states.get(connection, self._source.name).failures
        self._failures = failures + 1
        self._ended(failed_at=self._now, failures=self._failures, error=str(error))

    def _ended(self, **changes: object) -> None:
        """Tells how the run went. What runs for days did says nothing of how the source is."""
        done = self.collected
        with self._database.write() as connection:
            self._leave(connection)
            if not self._ask.is_for_days:
                source_states.put(
                    connection,
                    self._source.name,
                    notes=done.notes,
                    papers=done.papers,
                    refused=(done.refused, done.told),
                    **changes,
                )


@contextmanager
def _told(source: Source) -> Iterator[None]:
    """Whatever a source raises, others go on: it is told as a SourceError."""
    try:
        yield
    except NewsletterError:
        raise
    except Exception as error:  # a third party's source may raise anything
        kind = type(error).__name__
        raise SourceError(
            f"the source itself failed: {kind}: {error}.", where=source.name
        ) from error


def _parts(source: Source, request: Request, answer: Answer, now: datetime) -> Iterator[Harvest]:
    with _told(source):
        yield from source.read(request, answer, now)


def _spread(requests: Iterable[Request]) -> list[Request]:
    return [one for request in requests for one in spread(request)]


def _request(row: Mapping[str, Any]) -> Request:
    """What `asdict` made of a request."""
    values = dict(row)
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
