"""The link of a confirmation: it shows what is asked, and acts only when somebody says yes."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from newsletter import pipeline
from newsletter.web.site import Expired, Site
from subscribers import store as subscribers
from subscribers.model import State
from subscribers.tokens import Purpose


def router(site: Site) -> APIRouter:
    """The routes of confirmations."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/confirm/{token}")
    def ask(request: Request, token: str) -> HTMLResponse:
        """Shows what is to be confirmed: scanners of mail open links too, so nothing is done."""
        number, ends = site.app.signer.read_all(Purpose.CONFIRM, token, 2)
        with site.app.database.read() as connection:
            reader = subscribers.by_id(connection, number)
        if reader.state is State.UNSUBSCRIBED or site.clock().timestamp() > ends:
            raise Expired
        values = {"reader": reader, "token": token, "done": False, "first": False}
        return site.page(request, "confirm.html", values | _names(site, reader.preferences.follows))

    @routes.post("/confirm/{token}")
    def confirm(request: Request, token: str) -> HTMLResponse:
        """Confirms, and welcomes; twice is once."""
        zone = site.app.terms.zone
        number, ends = site.app.signer.read_all(Purpose.CONFIRM, token, 2)
        if site.clock().timestamp() > ends:
            raise Expired
        with site.app.database.read() as connection:
            wanted = subscribers.by_id(connection, number).preferences.follows
        site.app.admit(wanted, site.clock())
        with site.app.database.write() as connection:
            if subscribers.by_id(connection, number, lock=True).state is State.UNSUBSCRIBED:
                raise Expired
            done = pipeline.confirm(connection, site.app.signer, token, site.clock(), zone)
        site.told(done.new)
        reader = done.reader
        values = {
            "reader": reader,
            "token": site.app.signer.sign(Purpose.PREFERENCES, reader.id),
            "done": True,
            "first": done.first,
        }
        return site.page(request, "confirm.html", values | _names(site, reader.preferences.follows))

    return routes


def _names(site: Site, follows: frozenset[str]) -> dict[str, list[str]]:
    known = site.topics(follows).topics
    return {"names": sorted(known[slug].name if slug in known else slug for slug in follows)}
