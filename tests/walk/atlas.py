"""All pages there are, in all their states, and how a browser gets to each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from newsletter import pipeline
from newsletter.app import App
from newsletter.config import load
from newsletter.store import issues
from subscribers import change_store, store
from subscribers.model import Consent, Preferences, State, Subscriber
from subscribers.tokens import Purpose
from tests.walk.house import HOME, House

Go = Callable[[Any], None]
CHOSEN = "topic=alignment&topic=agents&phrases=%22instruction+tuning%22&length=5&cadence=weekdays"


class Atlas:
    """The addresses of pages, with the tokens of readers made for them."""

    def __init__(self, home: House) -> None:
        self.app = App(load(home.place / "newsletter.toml", {}))
        self.now = datetime.now(UTC)
        self.reader = self._made("asa@example.org")
        self.voter = self._made("a.reader.with.a.long.name@a-long-domain.example.org")
        self.leaver = self._made("bo@example.org")
        self.eraser = self._made("cy@example.org")
        self.asked = self._made("di@example.org", State.PENDING)
        with self.app.database.write() as connection:
            wanted = "other@example.org"
            self.change = change_store.ask(connection, self.voter.id, wanted, self.now)
        app = self.app
        pipeline.compose(app.database, app.renderer, app.catalogue, app.terms, self.now)
        with self.app.database.read() as connection:
            found = issues.latest(connection)
        assert found is not None
        self.issue = found

    def close(self) -> None:
        """Closes the database."""
        self.app.close()

    def _made(self, address: str, state: State = State.CONFIRMED) -> Subscriber:
        wants = Preferences(follows=frozenset({"alignment", "agents", "safety"}), length=5)
        with self.app.database.write() as connection:
            consent = Consent(at=self.now, form="a test")
            return store.subscribe(connection, address, wants, consent, state).subscriber

    def _to(self, path: str) -> Go:
        return lambda page: page.goto(f"{HOME}{path}")

    def _and(self, path: str, button: str, **fields: str) -> Go:
        """To a page, there into fields by their names, and on by a button."""

        def go(page: Any) -> None:
            page.goto(f"{HOME}{path}")
            for name, value in fields.items():
                page.locator(f"[name={name}]:visible").fill(value)
            page.get_by_role("button", name=button, exact=True).first.click()
            page.wait_for_load_state()

        return go

    def pages(self) -> Mapping[str, Go]:
        """Each page by a name; those that change something stand after those that show it."""
        sign, to, then = self.app.signer.sign, self._to, self._and
        ends = int((self.now + timedelta(days=1)).timestamp())
        paper = self.issue.candidates[0].paper_id
        mine = f"/preferences/{sign(Purpose.PREFERENCES, self.reader.id)}"
        pause = f"/pause/{sign(Purpose.PREFERENCES, self.voter.id)}"
        vote = f"/v/{self.app.signer.sign_votes(self.voter.id, self.issue.id, [0])[0]}"
        leave = f"/u/{sign(Purpose.UNSUBSCRIBE, self.leaver.id)}"
        erase = f"/preferences/{sign(Purpose.PREFERENCES, self.eraser.id)}/erase"
        confirm = f"/confirm/{sign(Purpose.CONFIRM, self.asked.id, ends)}"
        change = f"/change/{sign(Purpose.CHANGE, self.voter.id, self.change.id, ends)}"
        far, address = f"{self.now + timedelta(days=20):%Y-%m-%d}", "new@example.org"
        wrong = "?phrases=%22never+closed&length=99"
        return {
            "front": to("/"),
            "front-chosen": to(f"/?{CHOSEN}"),
            "front-nothing": to("/?phrases=xyzzy"),
            "front-wrong": to(f"/{wrong}"),
            "subscribe-wrong": then("/", "Subscribe", address="asa@no-dot"),
            "asked": then("/", "Subscribe", address=address),
            "confirm": to(confirm),
            "confirmed": then(confirm, "Yes, send me the papers"),
            "preferences": to(mine),
            "preferences-saved": then(mine, "Save"),
            "preferences-wrong": then(f"{mine}", "Pause until then", until="2020-01-01"),
            "pause": to(pause),
            "paused": then(pause, "Pause until then", until=far),
            "change": to(change),
            "changed": then(change, "Yes, send them here"),
            "erase": to(erase),
            "erased": then(erase, "Yes, erase me"),
            "preferences-erased": to(erase.removesuffix("/erase")),
            "lost": to("/lost"),
            "lost-sent": then("/lost", "Send me the link", address=address),
            "unsubscribe": to(leave),
            "less": then(leave, "Once a week"),
            "unsubscribed": then(leave, "Unsubscribe"),
            "preferences-ended": to(f"/preferences/{sign(Purpose.PREFERENCES, self.leaver.id)}"),
            "back": then(leave, "Undo"),
            "vote": to(f"{vote}/less"),
            "voted": then(f"{vote}/more", "Yes, more like this"),
            "digest": to(f"/d/{sign(Purpose.VIEW, self.reader.id, self.issue.id)}"),
            "issues": to("/issues/"),
            "issue": to(f"/issues/{self.issue.day}"),
            "topics": to("/topics/"),
            "topic": to("/topics/alignment"),
            "paper": to(f"/papers/{paper}"),
            "search": to("/search"),
            "search-found": to("/search?q=language+models"),
            "search-nothing": to("/search?q=xyzzy"),
            "nothing": to("/none"),
            "wrong-link": to("/preferences/1.altered"),
        }
