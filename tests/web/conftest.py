"""Readers' pages over a real store, asked as a browser asks, without a socket between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from newsletter import pipeline
from newsletter.app import App
from newsletter.config import load
from newsletter.store import letters
from newsletter.store.letters import LetterKind
from newsletter.transports import Envelope, Reply
from newsletter.web import Site, create
from subscribers import store
from subscribers.model import Consent, Preferences, State, Subscriber
from subscribers.tokens import Purpose
from tests.commands import PAGE, prepare

NOON = datetime(2026, 3, 11, 12, tzinfo=UTC)
HOME = "https://papers.example.org"
READER = "asa@example.org"
SETTINGS = f"""\
title = "Papers"
[sender]
address = "daily@papers.example.org"
postal_address = "1 Example Road, Oslo"
[pages]
url = "{HOME}"
asks_per_network = 1000
"""


class Pages:
    """The pages of an installation whose clock stands where a test puts it."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.now = datetime.now(UTC)
        self.site = Site(app, lambda: self.now)
        self.browser = TestClient(
            create(self.site),
            base_url=HOME,
            follow_redirects=False,
            raise_server_exceptions=False,
        )

    def reader(self, address: str = READER) -> Subscriber:
        """Who has an address."""
        with self.app.database.read() as connection:
            return store.get(connection, address)

    def state(self, address: str = READER) -> State | None:
        """In which state an address is; None where it is not there."""
        with self.app.database.read() as connection:
            found = store.find(connection, address)
        return found.state if found is not None else None

    def subscribed(self, address: str = READER, **wants: object) -> Subscriber:
        """A reader who confirmed."""
        consent = Consent(at=self.now, form="a test")
        with self.app.database.write() as connection:
            made = store.subscribe(connection, address, Preferences(**wants), consent)  # type: ignore[arg-type]
        return made.subscriber

    def composed(self) -> None:
        """An issue of today for all who are there."""
        app = self.app
        pipeline.compose(app.database, app.renderer, app.catalogue, app.terms, self.now)

    def token(self, purpose: Purpose, *numbers: int) -> str:
        """A token as a mail carries it."""
        return self.app.signer.sign(purpose, *numbers)

    def form_token(self, ago: float = 10) -> str:
        """What a form shown some seconds ago carries."""
        return self.token(Purpose.FORM, int(self.now.timestamp() - ago))

    def queued(self, kind: LetterKind) -> int:
        """How many letters of a kind were queued."""
        with self.app.database.read() as connection:
            return sum(one.kind == kind for one in letters.listed(connection, 1000))

    def mail(self, address: str = READER) -> str:
        """The text of the last letter to an address, written as it is sent."""
        sent: dict[str, str] = {}

        class Box:
            def open(self) -> None: ...
            def close(self) -> None: ...

            def send(self, envelope: Envelope, message: bytes) -> Reply:
                from newsletter.cli.preview import take_apart

                sent[envelope.recipient] = take_apart(message).text
                return Reply(code=250, text="taken")

        post = self.app.post("a test", lambda: self.now)
        road = pipeline.Road(name="box", transports=[Box()])
        with_box = type(post)(**{**vars(post), "roads": [road]})
        pipeline.send_letters(self.app.database, self.app.desk, with_box)
        return sent[address]

    def link(self, path: str, address: str = READER) -> str:
        """The path of a link in the last letter to an address."""
        found = re.search(rf"{re.escape(HOME)}(/{path}/\S+)", self.mail(address))
        assert found is not None
        return found[1]

    def later(self, **span: float) -> None:
        """Lets time pass."""
        self.now += timedelta(**span)


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    """Pages of today's seed papers, in the embedded database."""
    place = prepare(tmp_path, ("collect", str(PAGE)))
    (place / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    app = App(load(place / "newsletter.toml", {}))
    made = Pages(app)
    yield made
    made.browser.close()
    app.close()


@pytest.fixture
def stored_pages(tmp_path: Path, database_url: str) -> Iterator[Pages]:
    """Pages without any paper, in each database."""
    secret = "a secret of this test alone, 32 and more"
    settings = f'secret = "{secret}"\n{SETTINGS}[database]\nurl = "{database_url}"\n'
    (tmp_path / "newsletter.toml").write_text(settings, encoding="utf-8")
    app = App(load(tmp_path / "newsletter.toml", {}))
    app.bare_database.upgrade()
    made = Pages(app)
    yield made
    made.browser.close()
    app.close()
