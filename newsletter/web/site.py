"""What pages are made from: the app's parts, and today's papers, looked up anew every so often."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse

from newsletter import pipeline
from newsletter.app import App
from newsletter.language import Language
from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.papers import PaperId
from newsletter.pipeline import Shown, Trials
from newsletter.rendering.faces import Face, face
from newsletter.resources import folder
from newsletter.selection import Candidate
from newsletter.store import courses, issues
from newsletter.topics import Catalogue, Topic
from subscribers.model import Subscriber

LOOK = timedelta(seconds=20)  # between two looks whether an issue was composed
ANEW = timedelta(minutes=10)  # papers' votes change while no issue is composed
WEEKS = 12  # that a topic's course is drawn of

# Of pages that are the same for everybody who reads their language.
PUBLIC = {"Cache-Control": "public, max-age=60", "Vary": "Accept-Language"}

Clock = Callable[[], datetime]


class Expired(Exception):
    """A link whose time is over."""


class Ended(Exception):
    """A subscription that has ended, so nothing of it can be changed."""


@dataclass(frozen=True, kw_only=True)
class Current:
    """Today's papers, and what is known of topics."""

    made_at: datetime
    newest: int  # the number of the newest issue that is not held
    catalogue: Catalogue
    offered: Catalogue  # what everybody can follow: readers' own rules are nobody else's affair
    shown: Shown
    trials: Trials
    weekly: Mapping[str, float]  # papers a week under each topic
    course: Mapping[str, list[int]]  # papers of each topic a week, the oldest week first

    @cached_property
    def _faces(self) -> dict[tuple[PaperId, str], Face]:
        return {}

    def face(self, paper_id: PaperId, language: Language) -> Face:
        """What a paper of today is told by; made once."""
        key = (paper_id, language.code)
        if (found := self._faces.get(key)) is None:
            found = self._faces[key] = face(self.shown.entries[paper_id], language)
        return found

    @cached_property
    def candidates(self) -> Mapping[PaperId, Candidate]:
        """Today's papers by their ids."""
        return {one.paper_id: one for one in self.shown.candidates}

    def is_own(self, slug: str) -> bool:
        """Whether a topic is a reader's own rule, or is not there any more."""
        topic = self.catalogue.topics.get(slug)
        return topic is None or topic.own

    def name(self, slug: str) -> str:
        """What people call a topic."""
        topic = self.catalogue.topics.get(slug)
        return topic.name if topic is not None else slug

    @cached_property
    def topics(self) -> list[Topic]:
        """What is offered, by name."""
        return sorted(self.catalogue.shown, key=lambda one: one.name.casefold())


class Site:
    """The pages of one installation."""

    def __init__(self, app: App, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self.app = app
        self.clock = clock
        self.pages = app.settings.pages.url or ""
        self.base = urlsplit(self.pages).path.rstrip("/")
        self.title = app.settings.title
        self.css = self._static("pages/pages.css")
        self.icon = self._static("pages/icon.svg")
        self.js = (folder("templates") / "pages" / "pages.js").read_text(encoding="utf-8")
        self._current: Current | None = None
        self._outdated = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.post: Callable[[], None] = lambda: None  # says that a letter waits
        self.ending = False  # nobody should be sent here any more

    def _static(self, name: str) -> str:
        return self.app.templates.render(name, {})

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """What changes the addresses of style and script when they do."""
        return {
            name: hashlib.sha256(text.encode()).hexdigest()[:12]
            for name, text in (("css", self.css), ("js", self.js), ("svg", self.icon))
        }

    @property
    def current(self) -> Current:
        """What is there now; looked up where it was not yet."""
        if self._current is None:
            with self._lock:
                if self._current is None:
                    self._current = self.look()
        return self._current

    def look(self) -> Current:
        """Looks everything up anew."""
        now = self.clock()
        self.app.renew()
        catalogue, terms = self.app.catalogue, self.app.terms
        offered = Catalogue(catalogue.shown)
        with self.app.database.read() as connection:
            shown = pipeline.today(connection, offered, terms, now)
            return Current(
                made_at=now,
                newest=issues.newest_id(connection, published=True),
                catalogue=catalogue,
                offered=offered,
                shown=shown,
                trials=pipeline.trials(connection, shown, terms, now),
                weekly=pipeline.volumes(connection, offered, now, self.app.embedder),
                course=courses.weekly(connection, now.date(), WEEKS),
            )

    def start(self) -> None:
        """Looks now, and keeps looking."""
        _ = self.current
        self._thread = threading.Thread(target=self._keep_looking, name="pages", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Looks no more."""
        self.ending = True
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _keep_looking(self) -> None:
        while not self._stop.wait(LOOK.total_seconds()):
            try:
                if self._is_old():
                    self._current = self.look()
            except Exception as error:  # what was there is shown until it can be looked at again
                tell(Event.PAGES_STALE, trouble=error)
                self._outdated = True

    def _is_old(self) -> bool:
        now, current = self.clock(), self.current
        if self._outdated:
            self._outdated = False
            return True
        if now - current.made_at >= ANEW or self.today(now) != current.shown.day:
            return True
        with self.app.database.read() as connection:
            return issues.newest_id(connection, published=True) != current.newest

    def today(self, now: datetime) -> date:
        """The day of the issue that is today's."""
        return now.astimezone(self.app.terms.zone).date()

    def outdated(self) -> None:
        """Says that topics were made since the last look, so that they are found."""
        self.app.renew()
        self._outdated = True

    def topics(self, wanted: Iterable[str]) -> Catalogue:
        """All topics; those `wanted` among them, though they were made since the last look."""
        if any(slug not in self.app.catalogue.topics for slug in wanted):
            self.app.renew()
        return self.app.catalogue

    def told(self, letter: bool) -> None:
        """Says that a letter waits, if one does."""
        if letter:
            self.post()

    def language(self, request: Request) -> Language:
        """The language a page is wanted in: as its address says, or the browser, or ours."""
        known = self.app.templates.known_languages()
        asked = [request.query_params.get("lang", "")]
        for part in request.headers.get("accept-language", "")[:200].split(","):
            tag = part.partition(";")[0].strip()
            asked += [tag, tag.partition("-")[0]]
        code = next((one for one in asked if one in known), self.app.settings.language)
        return self.app.templates.language(code)

    def language_of(self, request: Request, reader: Subscriber | None) -> Language:
        """The language a page of a reader is wanted in."""
        if reader is not None and "lang" not in request.query_params:
            wanted = reader.preferences.language
            if wanted in self.app.templates.known_languages():
                return self.app.templates.language(wanted)
        return self.language(request)

    def render(self, language: Language, name: str, values: Mapping[str, Any]) -> str:
        """A page in a language."""
        common = {
            "title": self.title,
            "base": self.base,
            "pages": self.pages,
            "versions": self.versions,
            "address": self.app.settings.sender.reply_to or self.app.settings.sender.address,
            "imprint": self.app.settings.sender.postal_address,
            "origins": self.app.terms.origins,
            "private": False,
            "feeds": True,
        }
        return self.app.templates.render(f"pages/{name}", {**common, **values}, language.code)

    def page(
        self, request: Request, name: str, values: Mapping[str, Any], status: int = 200
    ) -> HTMLResponse:
        """A page as an answer: nobody keeps it, and no search engine lists it.

        A page of a reader is in the reader's own language, unless its address says otherwise.
        """
        language = self.language_of(request, values.get("reader"))
        html = self.render(language, name, {"private": True, **values})
        return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})

    def public(self, request: Request, name: str, values: Mapping[str, Any]) -> HTMLResponse:
        """A page that is the same for everybody, and may be kept for a minute."""
        html = self.render(self.language(request), name, values)
        return HTMLResponse(html, headers=PUBLIC)
