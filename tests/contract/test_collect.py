"""collect against a real server: nothing twice, nothing lost, whoever fails or dies on the way."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from newsletter import pipeline, sources
from newsletter.records import line
from newsletter.sources import Ask, Fetcher, Http, Limits, NoTurns, Source
from newsletter.stopping import pauses
from newsletter.store import papers, source_states
from newsletter.store.database import Database
from newsletter.store.source_states import SourceState
from tests import commands
from tests.contract.upstream import Play, Query, Upstream
from tests.seed_papers import PAGE, seed_papers

TABLES = ("observations", "paper_records", "paper_names", "papers", "source_states")
NOW = datetime(2026, 3, 12, 20, tzinfo=UTC)
MONDAY = date(2026, 3, 2)
EMPTY = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:o="http://a9.com/-/spec/opensearch/1.1/">'
    "<title>arXiv Query</title><o:totalResults>0</o:totalResults></feed>"
)


def arxiv(day: date, at: int) -> str:
    return f"2603.{day.day:02}{at:03}"


def day_list(_path: str, query: Query) -> Play:
    """Ten papers on each weekday of March 2026, in the shape of Hugging Face's daily papers."""
    day = date.fromisoformat(query["date"])
    if day.weekday() > 4 or not MONDAY <= day < MONDAY + timedelta(days=12):
        return Play(body=b"[]")
    rows = [
        {
            "paper": {
                "id": arxiv(day, at),
                "title": f"{seed.title} {day}",
                "summary": seed.abstract,
                "authors": [{"name": "A. Author", "hidden": False}],
                "publishedAt": f"{day}T00:00:00.000Z",
                "submittedOnDailyAt": f"{day}T01:00:00.000Z",
                "upvotes": 3 * at,
            },
            "title": seed.title,
            "numComments": at,
        }
        for at, seed in enumerate(seed_papers()[:10])
    ]
    return Play(body=json.dumps(rows).encode())


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as made:
        made.always("/api/daily_papers", day_list)
        made.always("/api/query", Play(body=EMPTY.encode(), kind="application/atom+xml"))
        yield made


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    made.upgrade()
    yield made
    made.close()


def collect(
    database: Database, *chosen: Source, now: datetime = NOW, ask: Ask = sources.NEWS
) -> list[pipeline.Collected]:
    http = Http(Limits(agent="tests", tries=2), NoTurns(), sleep=lambda _: None)
    try:
        return pipeline.collect(database, Fetcher(http), chosen, now, ask, pause=lambda _: None)
    finally:
        http.close()


def community(upstream: Upstream, **more: object) -> Source:
    return sources.build("huggingface", {"url": upstream.url, **more}, Path())


def state(database: Database, name: str) -> SourceState:
    with database.read() as connection:
        return source_states.get(connection, name)


def test_every_run_adds_observations_and_no_paper_twice(
    database: Database, upstream: Upstream
) -> None:
    """Two runs over the same days: the same papers once, two observations each."""
    ask = Ask(since=MONDAY, until=MONDAY + timedelta(days=6))
    (first,) = collect(database, community(upstream), ask=ask)
    (second,) = collect(database, community(upstream), ask=ask, now=NOW + timedelta(hours=1))
    assert (first.papers, first.new, first.observations) == (50, 50, 50)
    assert (second.papers, second.new, second.changed, second.observations) == (50, 0, 0, 50)
    with database.read() as connection:
        kept = [one for batch in papers.in_batches(connection, None) for one in batch]
    assert len(kept) == 50
    assert {len(one.observations) for one in kept} == {2}


def test_one_source_failing_stops_no_other(database: Database, upstream: Upstream) -> None:
    """What could be read is kept; the failure is told, and counted until a success."""
    broken = sources.build("feed", {"url": f"{upstream.url}/nothing"}, Path())
    failed, good = collect(database, broken, community(upstream))
    assert failed.error is not None
    assert "404 Not Found" in str(failed.error)
    assert good.error is None
    assert good.new > 0
    collect(database, broken)
    assert (state(database, "feed").failures, state(database, "huggingface").failures) == (2, 0)
    feed = '<feed xmlns="http://www.w3.org/2005/Atom"><title>A blog</title></feed>'
    upstream.always("/nothing", Play(body=feed.encode(), kind="application/atom+xml"))
    collect(database, broken)
    healed = state(database, "feed")
    assert (healed.failures, healed.error, healed.succeeded_at) == (0, "", NOW)


def test_a_run_goes_on_where_the_last_one_failed(database: Database, upstream: Upstream) -> None:
    """Days that are in are not asked again, so each paper is observed once."""
    ask = Ask(since=MONDAY, until=MONDAY + timedelta(days=4))
    away = Play(status=503)
    good = [day_list("", {"date": str(MONDAY + timedelta(days=n))}) for n in (4, 3)]
    upstream.next("/api/daily_papers", *good, away, away)
    (failed,) = collect(database, community(upstream), ask=ask)
    assert failed.error is not None
    assert failed.papers == 20
    asked = len(upstream.asked)
    (rest,) = collect(database, community(upstream), ask=ask, now=NOW + timedelta(hours=1))
    assert (rest.resumed, rest.papers) == (True, 30)
    assert len(upstream.asked) == asked + 3
    with database.read() as connection:
        kept = [one for batch in papers.in_batches(connection, None) for one in batch]
    assert [len(one.observations) for one in kept] == [1] * 50


def test_a_run_that_is_to_end_leaves_the_rest_to_the_next(
    database: Database, upstream: Upstream
) -> None:
    """Before a request or while it waits; that is no failure, and nothing is observed twice."""
    ask = Ask(since=MONDAY, until=MONDAY + timedelta(days=4))
    http = Http(Limits(agent="tests", tries=2), NoTurns(), sleep=pauses(lambda: True))
    left = [True, False, False]  # asked from the end
    upstream.next("/api/daily_papers", *[day_list("", {"date": "2026-03-06"})] * 2)
    fetcher = Fetcher(http)
    (first,) = pipeline.collect(
        database, fetcher, [community(upstream)], NOW, ask, stopped=lambda: left.pop()
    )
    upstream.next("/api/daily_papers", Play(status=503))
    (second,) = pipeline.collect(database, fetcher, [community(upstream)], NOW, ask)
    http.close()
    assert [one.stopped for one in (first, second)] == [True, True]
    assert [one.error for one in (first, second)] == [None, None]
    assert (first.papers, second.papers) == (20, 0)
    assert state(database, "huggingface").failures == 0
    (rest,) = collect(database, community(upstream), ask=ask)
    assert (rest.resumed, rest.stopped, rest.papers) == (True, False, 30)


@pytest.mark.parametrize(
    ("later", "ask"),
    [
        (timedelta(days=8), Ask(since=MONDAY, until=MONDAY + timedelta(days=1))),
        (timedelta(hours=1), Ask(since=MONDAY, until=MONDAY)),
    ],
)
def test_what_is_left_is_taken_up_soon_and_by_the_same_question(
    database: Database, upstream: Upstream, later: timedelta, ask: Ask
) -> None:
    """What was left long ago is asked anew; another question has nothing to do with it."""
    upstream.next("/api/daily_papers", Play(status=404))
    both = Ask(since=MONDAY, until=MONDAY + timedelta(days=1))
    (failed,) = collect(database, community(upstream), ask=both)
    assert failed.error is not None
    (done,) = collect(database, community(upstream), ask=ask, now=NOW + later)
    assert not done.resumed
    assert done.error is None


def test_the_cursor_moves_only_by_asking_for_news(database: Database, upstream: Upstream) -> None:
    """A look at old days leaves it; after a stop the missed days are caught up on."""
    source = community(upstream, days=1)
    collect(database, source, now=datetime(2026, 3, 5, 20, tzinfo=UTC))
    assert state(database, "huggingface").cursor == {"through": "2026-03-05"}
    collect(database, source, ask=Ask(since=MONDAY, until=MONDAY))
    assert state(database, "huggingface").cursor == {"through": "2026-03-05"}
    upstream.asked.clear()
    collect(database, source, now=datetime(2026, 3, 10, 20, tzinfo=UTC))
    days = [asked.partition("date=")[2][:10] for asked in upstream.asked]
    assert days == [f"2026-03-{day:02}" for day in range(10, 4, -1)]
    assert state(database, "huggingface").cursor == {"through": "2026-03-10"}


def test_an_unchanged_feed_is_not_read_again(database: Database, upstream: Upstream) -> None:
    """Its ETag is kept with its papers; a feed that failed to be read is asked for whole."""
    entry = "<entry><title>A title of a post</title><link href='https://example.org/p/1'/></entry>"
    feed = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title>{entry}</feed>'
    tag = {"ETag": '"one"'}
    upstream.next("/feed", Play(body=feed[:-9].encode(), headers=tag, kind="application/atom+xml"))
    upstream.always("/feed", Play(body=feed.encode(), headers=tag, kind="application/atom+xml"))
    source = sources.build("feed", {"url": f"{upstream.url}/feed"}, Path())
    (cut,) = collect(database, source)
    assert "cut" in str(cut.error)
    (whole,) = collect(database, source)
    assert (whole.error, whole.new) == (None, 1)
    upstream.next("/feed", Play(status=304))
    (same,) = collect(database, source)
    assert (same.error, same.papers) == (None, 0)
    assert [sent.get("if-none-match") for sent in upstream.headers] == [None, None, '"one"']


def test_papers_known_from_elsewhere_are_enriched_once(
    database: Database, upstream: Upstream
) -> None:
    """arXiv is asked about what others told of, in one batch; what it told is not asked again."""

    def query(_path: str, asked: Query) -> Play:
        assert asked["max_results"] == str(len(asked["id_list"].split(",")))
        entries = "".join(
            f"<entry><id>http://arxiv.org/abs/{one}v3</id><title>Title {one}</title>"
            f"<published>2026-03-01T00:00:00Z</published><summary>Words.</summary>"
            f"<category term='cs.RO'/><author><name>A. Author</name></author></entry>"
            for one in asked["id_list"].split(",")[1:]
        )
        return Play(body=EMPTY.replace("</feed>", f"{entries}</feed>").encode())

    upstream.always("/api/query", query)
    settings = {"classes": [], "api": f"{upstream.url}/api/query", "pause": 0}
    enriching = sources.build("arxiv", settings, Path())
    _, told = collect(database, community(upstream, days=1), enriching)
    assert (told.papers, told.changed, told.new) == (9, 9, 0)
    assert told.notes[0].startswith("arXiv does not know 2603.12")
    with database.read() as connection:
        kept = [one for batch in papers.in_batches(connection, None) for one in batch]
    assert sorted(one.paper.version or 0 for one in kept) == [0] + [3] * 9
    assert {one.paper.classes for one in kept} == {(), ("cs.RO",)}
    assert {one.first_seen_at.date() for one in kept} == {date(2026, 3, 12)}
    upstream.asked.clear()
    collect(database, community(upstream, days=1), enriching, now=NOW + timedelta(hours=1))
    (again,) = [asked for asked in upstream.asked if asked.startswith("/api/query")]
    assert again.count("2603.") == 1


# A run that is killed


def run(place: Path, upstream: Upstream, url: str) -> commands.Started:
    """A real `newsletter collect` of five days."""
    words = ("collect", "--source", "huggingface", "--since", "2026-03-02", "--until", "2026-03-06")
    settings = {
        "NEWSLETTER_SOURCES__HUGGINGFACE__URL": upstream.url,
        "NEWSLETTER_DATABASE__URL": url,
    }
    with (place / "log").open("ab") as log, Path(os.devnull).open("wb") as nothing:
        return commands.start(place, words, settings, nothing, log)


def contents(url: str) -> dict[str, list[Any]]:
    """Everything that is kept, but for the instants at which it was."""
    queries = {
        "papers": "SELECT id, title, abstract, authors, url, detail, first_seen_at FROM papers",
        "names": "SELECT name, paper_id FROM paper_names",
        "records": "SELECT paper_id, source, trust, record FROM paper_records",
        "observations": "SELECT paper_id, source, listed, votes, comments FROM observations",
        "sources": "SELECT name, cursor, failures, error, newest FROM source_states",
        "left": "SELECT name, ask, requests FROM source_pending",
    }
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {
            name: sorted(map(str, connection.execute(text(query))))
            for name, query in queries.items()
        }
    engine.dispose()
    return found


def killed_at(number: int, process: list[commands.Started]) -> Callable[..., Play]:
    """Answers like the others, but kills the asking process before answer `number`."""
    count = 0

    def play(path: str, query: Query) -> Play:
        nonlocal count
        count += 1
        if count == number:
            while not process:  # it is quicker than who started it
                pass
            process[0].kill()
            process[0].wait()
        return day_list(path, query)

    return play


def test_a_killed_run_and_a_second_one_give_what_one_clean_run_gives(
    database_url: str, upstream: Upstream, tmp_path: Path
) -> None:
    """kill -9 before every answer, and at instants in between: nothing lost, nothing twice."""
    store = Database(database_url)
    store.upgrade()
    clean = run(tmp_path, upstream, database_url)
    assert clean.wait(60) == 0, (tmp_path / "log").read_text()
    expected = contents(database_url)
    assert len(expected["observations"]) == 50
    deaths = 0
    for number in range(1, 9):
        with store.write() as connection:
            for table in TABLES:
                connection.execute(text(f"DELETE FROM {table}"))
        process = list[commands.Started]()
        if number <= 5:
            upstream.always("/api/daily_papers", killed_at(number, process))
            process.append(run(tmp_path, upstream, database_url))
        else:  # while an answer is being kept
            upstream.always("/api/daily_papers", day_list)
            asked = len(upstream.asked)
            process.append(run(tmp_path, upstream, database_url))
            while len(upstream.asked) < asked + number - 4 and process[0].runs():
                pass
            process[0].kill()
        deaths += process[0].wait(60) == -signal.SIGKILL
        upstream.always("/api/daily_papers", day_list)
        second = run(tmp_path, upstream, database_url)
        assert second.wait(60) == 0, (tmp_path / "log").read_text()
        assert contents(database_url) == expected, f"killed at {number}"
    store.close()
    assert deaths >= 5


# What must not keep a source, or the others, from going on


def test_a_day_that_cannot_be_had_keeps_no_newer_one_away(
    database: Database, upstream: Upstream
) -> None:
    """The newest list is read at every run, however often an older one fails."""

    def failing(path: str, query: Query) -> Play:
        return Play(status=404) if query["date"] == "2026-03-04" else day_list(path, query)

    collect(database, community(upstream, days=1), now=datetime(2026, 3, 3, 20, tzinfo=UTC))
    upstream.always("/api/daily_papers", failing)
    for day in (5, 6):
        now = datetime(2026, 3, day, 20, tzinfo=UTC)
        (failed,) = collect(database, community(upstream, days=1), now=now)
        assert failed.error is not None
        assert failed.new == 10
    assert state(database, "huggingface").cursor == {"through": "2026-03-03"}
    upstream.always("/api/daily_papers", day_list)
    (done,) = collect(database, community(upstream), now=datetime(2026, 3, 7, 20, tzinfo=UTC))
    assert (done.error, done.new) == (None, 10)
    assert state(database, "huggingface").cursor == {"through": "2026-03-07"}


def test_a_paper_in_two_days_lists_is_observed_in_both(
    database: Database, upstream: Upstream
) -> None:
    """Rare, and real: it stands among the papers of each."""
    ask = Ask(since=MONDAY, until=MONDAY + timedelta(days=1))
    same = day_list("", {"date": str(MONDAY)})
    upstream.always("/api/daily_papers", same)
    (done,) = collect(database, community(upstream), ask=ask)
    assert (done.new, done.observations) == (10, 20)


def test_a_look_at_days_of_old_says_nothing_of_how_the_source_is(
    database: Database, upstream: Upstream
) -> None:
    """Neither does it undo what a broken run left, nor does its own failure count."""
    upstream.next("/api/daily_papers", Play(status=404))
    source = community(upstream)
    collect(database, source)
    before = state(database, "huggingface")
    collect(database, source, ask=Ask(since=MONDAY, until=MONDAY))
    assert replace(state(database, "huggingface"), newest=None) == before
    upstream.next("/api/daily_papers", Play(status=404))
    collect(database, source, ask=Ask(since=MONDAY, until=MONDAY), now=NOW + timedelta(minutes=1))
    assert state(database, "huggingface").failures == 1
    (rest,) = collect(database, source, now=NOW + timedelta(minutes=20))
    assert rest.resumed


class Faulty:
    """A third party's source with a mistake in it."""

    name, trust, dated = "faulty", 10, False

    def __init__(self, where: str) -> None:
        self.where = where

    def requests(self, ask: Ask, cursor: sources.Cursor, now: datetime) -> list[sources.Request]:
        if self.where == "requests":
            raise KeyError("requests")
        return [sources.Request(location=self.where)]

    def read(
        self, request: sources.Request, answer: sources.Answer, now: datetime
    ) -> Iterator[sources.Harvest]:
        yield sources.Harvest()
        raise KeyError("title")


@pytest.mark.parametrize("where", ["requests", __file__])
def test_a_mistake_in_one_source_stops_no_other(
    database: Database, upstream: Upstream, where: str
) -> None:
    """Whatever it raises is told as its failure."""
    broken, good = collect(database, Faulty(where), community(upstream))
    assert "the source itself failed: KeyError" in str(broken.error)
    assert (good.error, good.new > 0) == (None, True)


# There and back


def exported(database: Database) -> bytes:
    with database.read() as connection:
        kept = [one for batch in papers.in_batches(connection, None) for one in batch]
    return b"".join(line(one.paper, one.observations, one.first_seen_at) for one in kept)


def test_what_is_exported_and_read_again_is_exported_the_same(
    database: Database, upstream: Upstream, tmp_path: Path
) -> None:
    """Byte for byte: papers with and without votes, names, dates, histories of several sources."""
    page = sources.build("page", {"path": str(PAGE)}, Path())
    for hours in (0, 1):
        collect(database, community(upstream), page, now=NOW + timedelta(hours=hours))
    (tmp_path / "papers.jsonl").write_bytes(exported(database))
    assert exported(database).count(b"\n") == 100
    other = Database(f"sqlite:///{tmp_path}/other.db")
    other.upgrade()
    again = sources.build("jsonl", {"path": str(tmp_path / "papers.jsonl")}, Path())
    (done,) = collect(other, again, now=NOW + timedelta(days=1))
    assert (done.new, done.refused, done.observations) == (100, 0, 70 + 60)
    assert exported(other) == exported(database)
    other.close()
