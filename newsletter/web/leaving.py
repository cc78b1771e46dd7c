"""Unsubscribing: by one click of a mail client (RFC 8058), or by a page for people, with undo."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from newsletter.bounces import EventKind
from newsletter.store import events
from newsletter.web import forms
from newsletter.web.forms import Form
from newsletter.web.site import Site
from subscribers import store as subscribers
from subscribers.model import State, Subscriber
from subscribers.tokens import Purpose

BY = "unsubscribe page"
ONE_CLICK = "one click"


def router(site: Site) -> APIRouter:
    """The routes of unsubscribing."""
    routes = APIRouter(include_in_schema=False)

    def reader(token: str) -> Subscriber:
        number = site.app.signer.read(Purpose.UNSUBSCRIBE, token)
        with site.app.database.read() as connection:
            return subscribers.by_id(connection, number)

    def show(request: Request, one: Subscriber, token: str, done: str = "") -> HTMLResponse:
        if subscribers.is_erased(one):
            return site.page(request, "erase.html", {"done": True})
        values = {
            "reader": one,
            "token": token,
            "preferences": site.app.signer.sign(Purpose.PREFERENCES, one.id),
            "left": one.state is State.UNSUBSCRIBED,
            "done": done,
        }
        return site.page(request, "unsubscribe.html", values)

    @routes.get("/u/{token}")
    def ask(request: Request, token: str) -> HTMLResponse:
        """Asks a person: scanners of mail open links too, so nothing is done."""
        return show(request, reader(token), token)

    @routes.post("/u/{token}")
    async def leave(request: Request, token: str) -> Response:
        """Ends a subscription; twice is once. Machines get a word, people a page."""
        try:
            by_page = bool((await forms.read(request)).text("page"))
        except HTTPException:  # RFC 8058 3.2: what is posted to it is meant, however it is written
            by_page = False
        await run_in_threadpool(_leave, site, token, BY if by_page else ONE_CLICK)
        if not by_page:
            return PlainTextResponse("Unsubscribed.\n", headers={"Cache-Control": "no-store"})
        one = await run_in_threadpool(reader, token)
        return await run_in_threadpool(show, request, one, token, "left")

    @routes.post("/u/{token}/undo")
    def undo(request: Request, token: str) -> HTMLResponse:
        """Takes an unsubscription back."""
        number = site.app.signer.read(Purpose.UNSUBSCRIBE, token)
        with site.app.database.write() as connection:
            one = subscribers.by_id(connection, number)
            if not subscribers.is_erased(one):
                subscribers.resume(connection, number, site.clock(), BY)
            one = subscribers.by_id(connection, number)
        return show(request, one, token, "undone")

    @routes.post("/u/{token}/less")
    async def less(request: Request, token: str) -> HTMLResponse:
        """Once a week in place of every day; who left stays with that."""
        form = await forms.read(request)
        await run_in_threadpool(_less, site, token, form)
        one = await run_in_threadpool(reader, token)
        return await run_in_threadpool(show, request, one, token, "less")

    return routes


def _leave(site: Site, token: str, by: str) -> None:
    number, now = site.app.signer.read(Purpose.UNSUBSCRIBE, token), site.clock()
    with site.app.database.write() as connection:
        if subscribers.unsubscribe(connection, number, now, by):
            last = events.last_sent(connection, number, now)
            if last is not None:
                kind = EventKind.UNSUBSCRIBED
                events.add(connection, events.Event(delivery_id=last.id, kind=kind, at=now))


def _less(site: Site, token: str, form: Form) -> None:
    number, now = site.app.signer.read(Purpose.UNSUBSCRIBE, token), site.clock()
    with site.app.database.write() as connection:
        one = subscribers.by_id(connection, number)
        if subscribers.is_erased(one):
            return
        day = min(one.preferences.days)
        if form.text("how") == "weekly":
            wants = replace(one.preferences, days=frozenset({day}))
        else:
            wants = replace(one.preferences, length=max(1, one.preferences.length // 2))
        subscribers.change(connection, number, wants, now, BY)
        subscribers.resume(connection, number, now, BY)
