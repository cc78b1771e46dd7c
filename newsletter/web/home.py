"""The front page: today's papers, the form, and what its choices would get, before any address."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from newsletter import pipeline
from newsletter.language import Language
from newsletter.rendering.faces import Face
from newsletter.selection import Pick
from newsletter.web import choices, disposable, forms, limits
from newsletter.web.choices import Choices
from newsletter.web.forms import Form, client
from newsletter.web.site import PUBLIC, Current, Site
from subscribers import addresses
from subscribers.errors import AddressError
from subscribers.model import Consent

KEPT = 512  # previews
FORM = "subscribe page"
ZONES = sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")


class Previews:
    """What choices would get today, worked out once for all who choose the same."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._of: Current | None = None
        self._kept: dict[Any, dict[str, Any]] = {}
        self._fronts: dict[Any, str] = {}
        self._lock = threading.Lock()

    def _fresh(self) -> Current:
        current = self._site.current
        if current is not self._of:
            self._of, self._kept, self._fronts = current, {}, {}
        return current

    @staticmethod
    def _key(chosen: Choices, language: Language) -> Any:
        wishes = chosen.wishes
        told = (wishes.follows, wishes.mutes, wishes.length, wishes.discover)
        return (*told, chosen.own, language.code)

    def knows(self, chosen: Choices, language: Language) -> bool:
        """Whether this was worked out before."""
        self._fresh()
        return self._key(chosen, language) in self._kept

    def of(self, chosen: Choices, language: Language) -> Mapping[str, Any]:
        """What a template tells of a preview."""
        current = self._fresh()
        key = self._key(chosen, language)
        if (found := self._kept.get(key)) is None:
            found = self._made(current, chosen, language)
            with self._lock:
                if len(self._kept) >= KEPT:
                    self._kept = {}
                self._kept[key] = found
        return found

    def _made(self, current: Current, chosen: Choices, language: Language) -> dict[str, Any]:
        selection = current.trials.picks(chosen.wishes, chosen.own)
        names = {slug: one.name for slug, one in current.catalogue.topics.items()}
        names |= {one.slug: one.name for one in chosen.own}
        return {
            "picks": told(current, selection.picks, names, language),
            "beyond": selection.beyond,
            "day": language.weekday(current.shown.day),
            "volumes": {one.name: current.trials.volume(one) for one in chosen.own},
        }

    def front(self, chosen: Choices, language: Language, shown_at: int) -> str:
        """The whole front page; kept for a minute, for most people have chosen nothing yet."""
        if chosen.problems:
            return self._site.render(language, "home.html", self.values(chosen, language, shown_at))
        self._fresh()
        key = (chosen, language.code, shown_at // 60)
        if (found := self._fronts.get(key)) is None:
            if len(self._fronts) >= KEPT:
                self._fronts = {}
            values = self.values(chosen, language, shown_at)
            found = self._fronts[key] = self._site.render(language, "home.html", values)
        return found

    def values(self, chosen: Choices, language: Language, shown_at: int) -> dict[str, Any]:
        """What the front page is drawn from."""
        current = self._site.current
        return {
            "chosen": chosen,
            "topics": current.topics,
            "weekly": current.weekly,
            "zones": ZONES,
            "days": [language.day_name(day) for day in range(7)],
            "preview": self.of(chosen, language),
            "form_token": forms.token(self._site.app.signer, shown_at),
            "problems": chosen.problems,
            "typed": "",
            "work": self._site.app.settings.pages.work_bits,
            "consent": forms.consent(language, self._site.title),
            "wanted": bool(chosen.wishes.follows),
        }


def told(
    current: Current, picks: tuple[Pick, ...], names: Mapping[str, str], language: Language
) -> list[tuple[str, Face, list[tuple[str, str]]]]:
    """Picks as a template tells them: id, words, and the topics they are there for."""
    return [
        (
            pick.paper_id,
            current.face(pick.paper_id, language),
            [(slug, names.get(slug, slug)) for slug in pick.reasons[:2]],
        )
        for pick in picks
        if pick.paper_id in current.shown.entries
    ]


def router(site: Site) -> APIRouter:
    """The routes of the front page."""
    routes = APIRouter(include_in_schema=False)
    previews = Previews(site)
    zone = site.app.settings.issue.zone

    def chosen_in(request: Request) -> Choices:
        return choices.read(Form(request.query_params), site.current.offered, zone)

    async def worked_out(chosen: Choices, language: Language) -> None:
        if not previews.knows(chosen, language):  # others are answered meanwhile
            await run_in_threadpool(previews.of, chosen, language)

    @routes.get("/")
    async def home(request: Request) -> HTMLResponse:
        """What it is, the form, today's papers; with choices in the query, what they would get."""
        shown_at = int(site.clock().timestamp())
        language, chosen = site.language(request), chosen_in(request)
        await worked_out(chosen, language)
        html = previews.front(chosen, language, shown_at)
        return HTMLResponse(html, headers=PUBLIC)

    @routes.post("/look")
    async def look(request: Request) -> HTMLResponse:
        """The page with what the choices would get, for who has no script; nothing is kept."""
        form = await forms.read(request)
        chosen = choices.read(form, site.current.offered, zone)
        shown_at, language = int(site.clock().timestamp()), site.language(request)
        values = await run_in_threadpool(previews.values, chosen, language, shown_at)
        told = {**values, "typed": form.text("address", 320), "wanted": True}
        return site.page(request, "home.html", told)

    @routes.get("/preview")
    async def preview(request: Request) -> HTMLResponse:
        """What the choices in the query would get today, as a part of a page."""
        language, chosen = site.language(request), chosen_in(request)
        await worked_out(chosen, language)
        values = {"preview": previews.of(chosen, language), "problems": chosen.problems}
        html = site.render(language, "preview.html", {**values, "wanted": True, "part": True})
        return HTMLResponse(html, headers=PUBLIC)

    @routes.post("/subscribe")
    async def subscribe(request: Request) -> HTMLResponse:
        """Asks the owner of an address; the same answer whether it is known here or not."""
        form = await forms.read(request)
        return await run_in_threadpool(_subscribe, site, previews, request, form)

    return routes


def _subscribe(site: Site, previews: Previews, request: Request, form: Form) -> HTMLResponse:
    now = site.clock()
    language = site.language(request)
    chosen = choices.read(form, site.current.offered, site.app.settings.issue.zone)
    typed = form.text("address", 320)
    problems = dict(chosen.problems)
    if form.text("website"):  # nobody sees this field; who fills it is no person
        return _thanks(site, request, typed)
    try:
        address = addresses.normalise(typed)
        problems |= disposable.problem(site.app, address, language)
    except AddressError as error:
        address = ""
        problems["address"] = str(error)
    least = site.app.settings.pages.least_seconds
    if not problems and not forms.is_from_here(site.app.signer, form.text("t"), now, least):
        problems["t"] = language.gettext("Please look over your choices, and send them once more.")
    bits = site.app.settings.pages.work_bits
    if not problems and not forms.has_worked(form, bits):
        problems["t"] = language.gettext("This form needs JavaScript, to keep machines out.")
    if problems:
        values = previews.values(replace(chosen, problems=problems), language, int(now.timestamp()))
        return site.page(
            request, "home.html", {**values, "problems": problems, "typed": typed}, 400
        )
    network = client(request)
    wording = forms.consent(language, site.title)
    consent = Consent(
        at=now,
        form=FORM,
        wording=forms.version(wording),
        network=network if site.app.settings.pages.keep_network else "",
    )
    wants = replace(chosen.preferences(), language=_own_language(site, language))
    with site.app.database.write() as connection:
        if limits.count(site.app, connection, network, address, now):
            pipeline.ask(connection, site.app.signer, address, wants, chosen.own, consent)
    if chosen.own:
        site.outdated()
    site.told(True)  # once it is kept: who looks sooner finds nothing, and looks again much later
    return _thanks(site, request, address)


def _own_language(site: Site, language: Language) -> str:
    """What is kept of the language of the page: nothing where it is the publication's own."""
    return "" if language.code == site.app.settings.language else language.code


def _thanks(site: Site, request: Request, address: str) -> HTMLResponse:
    return site.page(request, "asked.html", {"asked_address": address, "lost": False})
