"""More or less like this: the links under a paper in a mail. They show, and act by a button."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from newsletter.errors import RequestError
from newsletter.papers import PaperId
from newsletter.rendering.tex import to_unicode
from newsletter.store import issues, papers, votes
from newsletter.store.database import Connection
from newsletter.web import forms
from newsletter.web.site import Ended, Site
from subscribers import store as subscribers
from subscribers.model import Subscriber
from subscribers.tokens import Purpose

VALUES = {"more": 1, "less": -1, "none": 0}


def router(site: Site) -> APIRouter:
    """The routes of votes."""
    routes = APIRouter(include_in_schema=False)

    def answer(request: Request, token: str, word: str, *, cast: bool) -> HTMLResponse:
        if word not in VALUES:
            raise RequestError("There is no such vote.")
        database = site.app.database
        with database.write() if cast else database.read() as connection:
            reader, name = _meant(site, connection, token)
            if cast:
                _put(connection, reader, name, VALUES[word], site)
            told = _told(site, connection, name)
        values = told | {"reader": reader, "token": token, "word": word, "cast": cast}
        values |= {"preferences": site.app.signer.sign(Purpose.PREFERENCES, reader.id)}
        return site.page(request, "vote.html", values)

    @routes.get("/v/{token}/{word}")
    def ask(request: Request, token: str, word: str) -> HTMLResponse:
        """Shows the paper: scanners of mail open links too, so nothing is done."""
        return answer(request, token, word, cast=False)

    @routes.post("/v/{token}/{word}")
    async def vote(request: Request, token: str, word: str) -> HTMLResponse:
        """Keeps the vote, or takes it back."""
        await forms.read(request)
        return await run_in_threadpool(answer, request, token, word, cast=True)

    return routes


def _meant(site: Site, connection: Connection, token: str) -> tuple[Subscriber, PaperId]:
    number, issue_id, place = site.app.signer.read_vote(token)
    name = issues.paper_at(connection, issue_id, place)
    reader = subscribers.by_id(connection, number)
    if subscribers.is_erased(reader):
        raise Ended
    return reader, papers.find(connection, name)


def _put(connection: Connection, reader: Subscriber, name: PaperId, value: int, site: Site) -> None:
    if not value:
        votes.take_back(connection, reader.id, name)
        return
    cast = votes.Cast(
        subscriber_id=reader.id, paper_id=name, value=value, clicked=False, at=site.clock()
    )
    votes.put(connection, cast)


def _told(site: Site, connection: Connection, name: PaperId) -> dict[str, Any]:
    current = site.current
    paper = papers.get(connection, name).paper
    candidates = {one.paper_id: one for one in current.shown.candidates}
    matches = candidates[name].matches if name in candidates else {}
    topics = sorted(matches, key=lambda slug: -matches[slug])
    shown = [current.name(slug) for slug in topics if not slug.startswith("own-")]
    return {"paper_title": to_unicode(paper.title), "paper_id": name, "about": shown[:3]}
