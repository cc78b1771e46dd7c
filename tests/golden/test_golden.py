"""The mail of a known reader from the saved page, kept beside this file to be looked at.

`make golden` writes it anew. Ids, dates and boundaries derive from fixed input, so nothing needs
masking.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from newsletter import catalogue, pipeline, sources
from newsletter.cli.preview import take_apart
from newsletter.pipeline.candidates import Terms
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.templates import Templates
from newsletter.resources import folder
from newsletter.snapshot import Masthead
from newsletter.sources import Fetcher, Http, Limits, NoTurns
from newsletter.store import ledger
from newsletter.store.database import Database
from subscribers import store
from subscribers.model import Consent, Preferences
from subscribers.tokens import Signer

HERE = Path(__file__).parent
NOW = datetime(2026, 3, 12, 5, 30, tzinfo=UTC)
TERMS = Terms(
    masthead=Masthead(
        title="Trending papers",
        from_name="Trending papers",
        from_address="daily@example.org",
        reply_to="daily@example.org",
        bounces="bounces@example.org",
        list_id="daily.example.org",
        domain="example.org",
    ),
    imprint="1 Example Road, 0150 Oslo, Norway",
    zone=ZoneInfo("UTC"),
    window=timedelta(days=7),
)


def offline() -> Fetcher:
    """Opens files; asks nobody who would have to be waited for."""
    return Fetcher(Http(Limits(agent="tests"), NoTurns()))


def golden_mail(database: Database) -> bytes:
    page = {"path": str(folder("seeds") / "trending-papers.txt")}
    pipeline.collect(database, offline(), [sources.build("page", page, HERE)], NOW)
    wants = Preferences(
        follows=frozenset({"alignment", "vision-language"}),
        mutes=frozenset({"survey"}),
        at=time(8, 0),
        zone="Europe/Oslo",
    )
    with database.write() as connection:
        consent = Consent(at=NOW - timedelta(days=9), form="command line")
        store.subscribe(connection, "asa@example.org", wants, consent)
    topics = catalogue.load(folder("seeds") / "topics.toml")
    renderer = Renderer(Templates(folder("templates")))
    done = pipeline.compose(database, renderer, topics, TERMS, NOW)
    assert done.issue is not None
    with database.read() as connection:
        (entry,) = ledger.entries(connection, done.issue.id)
    return pipeline.Edition(done.issue, Signer(b"golden")).message(entry).content


def test_the_mail_is_the_one_that_was_looked_at(database_url: str, golden_rewrite: bool) -> None:
    """The same papers, reader and hour give the same bytes, on every database."""
    database = Database(database_url)
    database.upgrade()
    try:
        content = golden_mail(database)
    finally:
        database.close()
    parts = take_apart(content)
    files = {
        "digest.eml": content,
        "digest.html": parts.html.encode(),
        "digest.txt": parts.text.encode(),
    }
    if golden_rewrite:
        for name, expected in files.items():
            (HERE / name).write_bytes(expected)
    for name, expected in files.items():
        assert (HERE / name).read_bytes() == expected, f"{name} differs; see `make golden`"
    assert parts.headers["Date"] == "Thu, 12 Mar 2026 07:00:00 +0000"
