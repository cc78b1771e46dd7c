"""What a reader can do without a login, by the signed link in every mail: change everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.concurrency import run_in_threadpool

from newsletter import pipeline, rules
from newsletter.errors import RequestError
from newsletter.rendering.tex import to_unicode
from newsletter.store import papers, reading, votes
from newsletter.store.database import Connection
from newsletter.web import choices, forms, home, limits
from newsletter.web.choices import Choices
from newsletter.web.forms import Form
from newsletter.web.site import Ended, Expired, Site
from subscribers import change_store, event_store
from subscribers import store as subscribers
from subscribers.addresses import normalise
from subscribers.errors import SubscriberError
from subscribers.model import State, Subscriber
from subscribers.tokens import Purpose, Signer

BY = "preferences page"
LONGEST_PAUSE = timedelta(days=366)
DIGESTS = 400  # that are told of a reader

Act = Callable[[Connection, Subscriber, Form], Mapping[str, Any]]


class Desk:
    """Answers readers who show a token of their own."""

    def __init__(self, site: Site) -> None:
        self.site = site

    @property
    def signer(self) -> Signer:
        """What reads tokens: by the key of today, for it may be rotated."""
        return self.site.app.signer

    def reader(self, connection: Connection, token: str, *, lock: bool = False) -> Subscriber:
        """Whose preferences a token opens; raises TokenError or UnknownSubscriber."""
        number = self.signer.read(Purpose.PREFERENCES, token)
        return subscribers.by_id(connection, number, lock=lock)

    def show(
        self, request: Request, token: str, told: Mapping[str, Any], status: int = 200
    ) -> HTMLResponse:
        """The page with everything that can be changed."""
        with self.site.app.database.read() as connection:
            reader = self.reader(connection, token)
            voted = len(votes.of_readers(connection, [reader.id]).get(reader.id, ()))
        if subscribers.is_erased(reader):
            return self.site.page(request, "erase.html", {"done": True})
        current, language = self.site.current, self.site.language_of(request, reader)
        templates = self.site.app.templates
        spoken = [templates.language(code) for code in templates.known_languages()]
        wants = reader.preferences
        known = self.site.topics(wants.follows).topics
        mine = [known[slug] for slug in sorted(wants.follows) if slug in known and known[slug].own]
        values = {
            "reader": reader,
            "token": token,
            "chosen": choices.of(wants),
            "topics": current.topics,
            "mine": mine,
            "weekly": current.weekly,
            "zones": home.ZONES,
            "days": [language.day_name(day) for day in range(7)],
            "voted": voted,
            "languages": [(one.code, one.name) for one in spoken],
            "leave": self.signer.sign(Purpose.UNSUBSCRIBE, reader.id),
            "today": self.site.today(self.site.clock()),
            "until": language.long(wants.paused_until)
            if wants.paused_until and wants.paused_until > self.site.today(self.site.clock())
            else "",
            "own_language": wants.language or self.site.app.settings.language,
            "problems": {},
            "saved": "",
            "at_pause": "until" in told.get("problems", {}),
        }
        return self.site.page(request, "preferences.html", {**values, **told}, status)

    def act(self, request: Request, token: str, form: Form, act: Act) -> HTMLResponse:
        """Does something for a reader, and shows the page with what came of it."""
        try:
            with self.site.app.database.write() as connection:
                told = act(connection, self.reader(connection, token, lock=True), form)
        except _Problem as problem:
            return self.show(request, token, problem.told, 400)
        self.site.told("letter" in told)
        return self.show(request, token, told)


class _Problem(Exception):
    """What cannot be meant, by field; nothing is kept."""

    def __init__(self, problems: Mapping[str, str], chosen: Choices | None = None) -> None:
        self.told: dict[str, Any] = {"problems": problems}
        if chosen is not None:
            self.told["chosen"] = chosen


def router(site: Site) -> APIRouter:
    """The routes of what a reader can change."""
    routes = APIRouter(include_in_schema=False)
    desk = Desk(site)

    async def done(request: Request, token: str, act: Act) -> HTMLResponse:
        form = await forms.read(request)
        return await run_in_threadpool(desk.act, request, token, form, act)

    @routes.get("/preferences/{token}")
    def show(request: Request, token: str) -> HTMLResponse:
        """Everything that can be changed."""
        return desk.show(request, token, {})

    @routes.get("/pause/{token}")
    def show_pause(request: Request, token: str) -> HTMLResponse:
        """The same, at the pause."""
        return desk.show(request, token, {"at_pause": True})

    @routes.post("/preferences/{token}")
    async def change(request: Request, token: str) -> HTMLResponse:
        """Keeps what was chosen."""
        return await done(request, token, lambda *args: _change(site, request, *args))

    @routes.post("/pause/{token}")
    async def pause(request: Request, token: str) -> HTMLResponse:
        """Pauses until a day, or ends a pause."""
        return await done(request, token, lambda *args: _pause(site, request, *args))

    @routes.post("/preferences/{token}/address")
    async def address(request: Request, token: str) -> HTMLResponse:
        """Asks a new address whether it is to get the mail."""
        return await done(request, token, lambda *args: _address(site, request, *args))

    @routes.post("/preferences/{token}/votes")
    async def reset(request: Request, token: str) -> HTMLResponse:
        """Forgets all votes."""
        return await done(request, token, lambda *args: _reset(site, request, *args))

    @routes.get("/preferences/{token}/data.json")
    def data(token: str) -> JSONResponse:
        """All that is kept of a reader (GDPR Art. 15 and 20)."""
        with site.app.database.read() as connection:
            reader = desk.reader(connection, token)
            known = site.topics(reader.preferences.follows)
            told = _data(connection, reader) | {
                "rules": {
                    slug: known.called(slug)
                    for slug in sorted(reader.preferences.follows)
                    if slug.startswith(rules.OWN)
                }
            }
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": 'attachment; filename="my-data.json"',
        }
        return JSONResponse(told, headers=headers)

    @routes.get("/preferences/{token}/erase")
    def ask_erase(request: Request, token: str) -> HTMLResponse:
        """Asks whether a reader really wants to be forgotten."""
        with site.app.database.read() as connection:
            reader = desk.reader(connection, token)
        values = {"reader": reader, "token": token, "done": subscribers.is_erased(reader)}
        return site.page(request, "erase.html", values)

    @routes.post("/preferences/{token}/erase")
    def erase(request: Request, token: str) -> HTMLResponse:
        """Forgets a reader (GDPR Art. 17)."""
        with site.app.database.write() as connection:
            reader = desk.reader(connection, token)
            if not subscribers.is_erased(reader):
                pipeline.erase(connection, desk.signer, reader, site.clock())
        return site.page(request, "erase.html", {"reader": reader, "token": token, "done": True})

    @routes.get("/change/{token}")
    def ask_new(request: Request, token: str) -> HTMLResponse:
        """Asks whether an address is really to get a reader's mail."""
        with site.app.database.read() as connection:
            change = _wanted(site, connection, token)
        return site.page(request, "change.html", {"change": change, "token": token, "done": False})

    @routes.post("/change/{token}")
    def take_new(request: Request, token: str) -> HTMLResponse:
        """Gives a reader the new address; twice is once."""
        with site.app.database.write() as connection:
            change = _wanted(site, connection, token)
            change_store.finish(connection, change, site.clock(), BY)
        return site.page(request, "change.html", {"change": change, "token": token, "done": True})

    @routes.get("/lost")
    def lost(request: Request) -> HTMLResponse:
        """Asks for the address whose link was lost."""
        return _lost_page(site, request, {})

    @routes.post("/lost")
    async def send_link(request: Request) -> HTMLResponse:
        """Mails the link; the same answer whether the address is known here or not."""
        form = await forms.read(request)
        return await run_in_threadpool(_send_link, site, request, form)

    return routes


def _must_hold(reader: Subscriber) -> None:
    if reader.state is not State.CONFIRMED:
        raise Ended


def _change(
    site: Site, request: Request, connection: Connection, reader: Subscriber, form: Form
) -> Mapping[str, Any]:
    _must_hold(reader)
    known = site.topics(reader.preferences.follows)
    chosen = choices.read(form, known, reader.preferences.zone)
    if chosen.problems:
        raise _Problem(chosen.problems, chosen)
    code = form.text("language")
    wants = replace(
        chosen.preferences(reader.preferences),
        learn=bool(form.text("learn")),
        clicks=bool(form.text("clicks")),
        language=code if code in site.app.templates.known_languages() else "",
    )
    now = site.clock()
    pipeline.keep_rules(connection, chosen.own, now)
    subscribers.change(connection, reader.id, wants, now, BY)
    if chosen.own:
        site.outdated()
    return {
        "saved": site.language_of(request, reader).gettext(
            "Saved. It counts from the next issue on."
        )
    }


def _pause(
    site: Site, request: Request, connection: Connection, reader: Subscriber, form: Form
) -> Mapping[str, Any]:
    _must_hold(reader)
    language, now = site.language_of(request, reader), site.clock()
    if form.text("end"):
        wants = replace(reader.preferences, paused_until=None)
        subscribers.change(connection, reader.id, wants, now, BY)
        return {"saved": language.gettext("The pause is over: the next issue comes again.")}
    today = site.today(now)
    try:
        until = date.fromisoformat(form.text("until"))
    except ValueError:
        raise _Problem({"until": language.gettext("Choose a day.")}) from None
    if not today < until <= today + LONGEST_PAUSE:
        told = language.gettext("Choose a day after today, within a year.")
        raise _Problem({"until": told})
    wants = replace(reader.preferences, paused_until=until)
    subscribers.change(connection, reader.id, wants, now, BY)
    told = language.gettext("Nothing comes until {day}; then a digest of what you missed.")
    return {"saved": told.format(day=language.long(until))}


def _address(
    site: Site, request: Request, connection: Connection, reader: Subscriber, form: Form
) -> Mapping[str, Any]:
    _must_hold(reader)
    language, now = site.language_of(request, reader), site.clock()
    typed = form.text("address", 320)
    try:
        address = normalise(typed)
        if address == reader.address:
            told = language.gettext("This is the address that your mail goes to already.")
            raise _Problem({"address": told})
        if limits.count(site.app, connection, forms.client(request), address, now):
            pipeline.ask_change(connection, reader, typed, now)
    except SubscriberError as error:
        raise _Problem({"address": str(error)}) from None
    told = language.gettext("We wrote to {address}. Your mail goes there once that is confirmed.")
    return {"saved": told.format(address=typed), "letter": True}


def _reset(
    site: Site, request: Request, connection: Connection, reader: Subscriber, _form: Form
) -> Mapping[str, Any]:
    _must_hold(reader)
    votes.reset(connection, reader.id)
    told = site.language_of(request, reader).gettext("Forgotten. Your topics alone decide again.")
    return {"saved": told}


def _data(connection: Connection, reader: Subscriber) -> dict[str, Any]:
    wants, consent = reader.preferences, reader.consent
    cast = votes.of_readers(connection, [reader.id]).get(reader.id, [])
    titles = {
        one.id: to_unicode(one.title)
        for one in papers.of(connection, {vote.paper_id for vote in cast})
    }
    return {
        "address": reader.address,
        "state": reader.state,
        "consent": {
            "at": consent.at.isoformat(),
            "form": consent.form,
            "wording": consent.wording,
            "network": consent.network,
        },
        "unsubscribed_at": reader.unsubscribed_at and reader.unsubscribed_at.isoformat(),
        "preferences": {
            "follows": sorted(wants.follows),
            "mutes": sorted(wants.mutes),
            "at": f"{wants.at:%H:%M}",
            "zone": wants.zone,
            "days": sorted(wants.days),
            "length": wants.length,
            "language": wants.language,
            "discover": wants.discover,
            "learn": wants.learn,
            "clicks": wants.clicks,
            "paused_until": wants.paused_until and wants.paused_until.isoformat(),
        },
        "votes": [
            {
                "paper": vote.paper_id,
                "title": titles.get(vote.paper_id, ""),
                "value": vote.value,
                "clicked": vote.clicked,
                "at": vote.at.isoformat(),
            }
            for vote in cast
        ],
        "happened": [
            {"what": one.kind, "at": one.at.isoformat(), "by": one.by}
            for one in event_store.of(connection, reader.id)
        ],
        "digests": [
            {"issue": one.issue.isoformat(), "state": one.state, "papers": one.papers}
            for one in reading.of_reader(connection, reader.id, DIGESTS)
        ],
    }


def _wanted(site: Site, connection: Connection, token: str) -> change_store.Change:
    number, change_id, ends = site.app.signer.read_all(Purpose.CHANGE, token, 3)
    if site.clock().timestamp() > ends:
        raise Expired
    change = change_store.find(connection, change_id)
    if change.subscriber_id != number:
        raise RequestError("This link is not valid.")
    return change


def _lost_page(site: Site, request: Request, told: Mapping[str, Any]) -> HTMLResponse:
    now = int(site.clock().timestamp())
    values = {"form_token": forms.token(site.app.signer, now), "problems": {}, "typed": ""}
    return site.page(request, "lost.html", {**values, **told}, 400 if told else 200)


def _send_link(site: Site, request: Request, form: Form) -> HTMLResponse:
    now, typed = site.clock(), form.text("address", 320)
    own = site.app.settings.pages
    if form.text("website"):
        return site.page(request, "asked.html", {"asked_address": typed, "lost": True})
    try:
        address = normalise(typed)
    except SubscriberError as error:
        return _lost_page(site, request, {"problems": {"address": str(error)}, "typed": typed})
    if not forms.is_from_here(site.app.signer, form.text("t"), now, own.least_seconds):
        told = site.language(request).gettext("Please send it once more.")
        return _lost_page(site, request, {"problems": {"t": told}, "typed": typed})
    with site.app.database.write() as connection:
        if limits.count(site.app, connection, forms.client(request), address, now):
            pipeline.ask_link(connection, address, now)
    site.told(True)
    return site.page(request, "asked.html", {"asked_address": address, "lost": True})
