"""The publication that is measured: seventy papers with all that a card tells, ten in each digest.

Papers are those of the saved page, with authors, votes and links such as sources tell them.
Readers follow twelve topics each, drawn by their number, so that nearly everybody's ten papers are
others. Prepared once for each N; every run has a copy of its own.
"""

from __future__ import annotations

import csv
import hashlib
import random
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import make_url

from newsletter import dkim_keys, pipeline, sources
from newsletter.app import App
from newsletter.config import load
from newsletter.papers import Observation, Paper, PaperId
from newsletter.records import line
from newsletter.resources import folder
from newsletter.sources.files import FileOptions
from newsletter.sources.page import PageSource
from newsletter.sources.port import NEWS, Answer
from subscribers.roster import Reader
from subscribers.roster_columns import layout
from subscribers.roster_entries import Judge, Terms

TOPICS_EACH = 12
SETTINGS = """secret = "the key of a benchmark, which is none"
[sender]
address = "daily@example.org"
postal_address = "1 Loopback Road"
[pages]
url = "https://papers.example.org"
[database]
url = "{url}"
[delivery]
transport = "smtp"
connections = {connections}
[transports.smtp]
host = "127.0.0.1"
port = {port}
security = "none"
"""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How our program is run."""

    connections: int = 40
    workers: int = 1
    dkim: str = ""  # ed25519, rsa; empty: unsigned
    database: str | None = None  # the URL of a PostgreSQL server; None: SQLite
    quick: bool = False  # whether the SMTP server is the quick one


def papers(now: datetime) -> Iterator[tuple[Paper, Observation]]:
    """The papers of the saved page, with authors, links and votes beside their words."""
    page = PageSource("page", FileOptions(path=folder("seeds") / "trending-papers.txt"))
    (request,) = page.requests(NEWS, {}, now)
    with Path(request.location).open("rb") as body:
        (harvest,) = page.read(request, Answer(where="page", body=body), now)
    for at, seed in enumerate(harvest.papers):
        arxiv = f"2603.{at:05}"
        digest = hashlib.sha256(arxiv.encode()).hexdigest()
        paper = replace(
            seed,
            id=PaperId(f"arxiv:{arxiv}"),
            aliases=(),
            authors=tuple(f"Author {digest[n : n + 8].title()}" for n in range(0, 48, 8)),
            organization="University of Loopback",
            published=(now - timedelta(days=2)).date(),
            url=f"https://arxiv.org/abs/{arxiv}",
            pdf_url=f"https://arxiv.org/pdf/{arxiv}",
            code_url=seed.code_url or f"https://github.com/example/{digest[:12]}",
            project_url=f"https://lab.example.org/projects/{_slug(seed.title)}/",
            discussion_url=f"https://huggingface.co/papers/{arxiv}",
        )
        seen = Observation(
            paper_id=paper.id,
            source="huggingface",
            at=now - timedelta(hours=1),
            listed=(now - timedelta(days=1)).date(),
            votes=200 - 2 * at,
        )
        yield paper, seen


def _slug(title: str) -> str:
    return "-".join(re.findall("[a-z0-9]+", title.lower()))[:60]


def prepare(place: Path, readers: int, manner: Manner) -> Seed:
    """A publication with that many readers in a folder of its own, nothing composed yet."""
    place.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    url = _made(manner.database) if manner.database else "sqlite:///newsletter.db"
    seed = Seed(place=place, url=url)
    app = seed.app(place, port=25, manner=manner)
    app.bare_database.upgrade()
    with (place / "papers.jsonl").open("wb") as out:
        out.writelines(line(paper, [seen], now) for paper, seen in papers(now))
    source = sources.build("jsonl", {"path": str(place / "papers.jsonl")}, place)
    (done,) = pipeline.collect(app.database, app.fetcher, [source], now)
    if done.error or done.refused:
        raise SystemExit(f"The papers of the benchmark were not all read: {done}")
    _subscribe(app, place / "readers.csv", readers, now)
    app.close()
    return seed


def _subscribe(app: App, file: Path, readers: int, now: datetime) -> None:
    slugs = sorted(app.catalogue.topics)
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["email", "topics", "consent_at"])
        for at in range(readers):
            wants = ",".join(random.Random(at).sample(slugs, TOPICS_EACH))
            rows.writerow([f"reader{at}@d{at % 500}.example.org", wants, "2026-01-01 12:00:00"])
    terms = Terms(consent="benchmark", now=now)
    with file.open("rb") as source:
        reader = Reader(source)
        judge = Judge(layout(reader.header, None, {}), terms)
        found = pipeline.import_subscribers(app.database, app.signer, reader, judge, terms)
    if found.error or found.refused:
        raise SystemExit(f"The readers of the benchmark were not all subscribed: {found}")


@dataclass(frozen=True, kw_only=True)
class Seed:
    """A prepared publication."""

    place: Path
    url: str

    @contextmanager
    def copied(self, port: int, manner: Manner) -> Iterator[Path]:
        """The settings of a copy, which is gone afterwards."""
        place = self.place / uuid4().hex
        place.mkdir()
        url = self.url
        try:
            if manner.database:
                url = _made(manner.database, template=self.url)
            else:
                shutil.copyfile(self.place / "newsletter.db", place / "newsletter.db")
            replace(self, url=url).app(place, port=port, manner=manner)
            yield place / "newsletter.toml"
        finally:
            shutil.rmtree(place)
            if manner.database:
                _dropped(url)

    def app(self, place: Path, *, port: int, manner: Manner) -> App:
        """The parts of this publication in a folder, whose settings are written for it."""
        told = SETTINGS.format(url=self.url, connections=manner.connections, port=port)
        if manner.dkim:
            (place / "key.pem").write_bytes(dkim_keys.generate(algorithm(manner.dkim)))
            told += '[dkim]\nselector = "papers"\nkey_file = "key.pem"\n'
        (place / "newsletter.toml").write_text(told, encoding="utf-8")
        return App(load(place / "newsletter.toml", {}))

    def remove(self) -> None:
        """Takes the database away that a server keeps for it."""
        if not self.url.startswith("sqlite"):
            _dropped(self.url)


def algorithm(name: str) -> str:
    """The algorithm of a kind of key, as DKIM calls it."""
    return {"ed25519": dkim_keys.ED25519, "rsa": dkim_keys.RSA}[name]


def _made(server: str, template: str | None = None) -> str:
    """A new database of a server, as large as a template if told; its URL."""
    name = f"newsletter_bench_{uuid4().hex[:12]}"
    also = f" TEMPLATE {make_url(template).database}" if template else ""
    _asked(server, f"CREATE DATABASE {name}{also}")
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _dropped(url: str) -> None:
    _asked(
        str(make_url(url).set(database="postgres").render_as_string(hide_password=False)),
        f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)",
    )


def _asked(server: str, statement: str) -> None:
    import psycopg  # here: only where PostgreSQL is measured

    url = make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
