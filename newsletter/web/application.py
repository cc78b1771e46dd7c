"""Puts the pages together: routes, the guard in front of them, and what is said when one fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from newsletter import logs
from newsletter.errors import NewsletterError, RequestError, StoreError
from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.web import (
    api,
    archive,
    feeds,
    home,
    joining,
    leaving,
    preferences,
    ready,
    status,
    voting,
)
from newsletter.web.limits import TooOften
from newsletter.web.metrics import Metrics
from newsletter.web.metrics import router as metrics_router
from newsletter.web.security import Guard
from newsletter.web.site import Ended, Expired, Site
from newsletter.web.watching import NOWHERE, Route, Watch
from subscribers.errors import SubscriberError, TokenError, UnknownSubscriber

HERE = ("127.0.0.1", "localhost", "::1")
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
PACKED = 1000  # bytes from which an answer is packed


def create(site: Site) -> Watch:
    """The pages of a site as an ASGI application, behind its guard, and watched."""
    metrics = Metrics(site)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        logs.hear(metrics.hear)
        site.start()
        yield
        site.stop()
        logs.ignore(metrics.hear)

    app = FastAPI(
        title=site.title,
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        root_path=site.base,
    )
    for room in (home, joining, preferences, leaving, voting, feeds, archive, ready, status):
        app.include_router(room.router(site))
    app.include_router(metrics_router(site, metrics))
    app.mount("/api/v1", api.create(site))
    _static(app, site)
    _failures(app, site)
    app.add_middleware(GZipMiddleware, minimum_size=PACKED, compresslevel=4)
    own = site.app.settings.pages
    named = own.hosts.split(", ") if own.hosts else [urlsplit(site.pages).hostname or "localhost"]
    guard = Guard(Route(app, site.base), [*named, *HERE], own.hsts_seconds)
    return Watch(guard)


def _static(app: FastAPI, site: Site) -> None:
    @app.get("/static/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        """Style, script and icon, by names that change with them."""
        for ending, text, kind in (
            ("css", site.css, "text/css"),
            ("js", site.js, "text/javascript"),
            ("svg", site.icon, "image/svg+xml"),
        ):
            if name == f"{site.versions[ending]}.{ending}":
                return Response(text, media_type=kind, headers=FOR_EVER)
        raise HTTPException(404)

    @app.get("/healthz", include_in_schema=False)
    def health() -> PlainTextResponse:
        """Whether the pages can answer: the database does."""
        with site.app.database.read() as connection:
            connection.exec_driver_sql("SELECT 1")
        return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


def _failures(app: FastAPI, site: Site) -> None:
    def failed(request: Request, status: int, heading: str, words: str = "") -> HTMLResponse:
        return site.page(request, "failed.html", {"heading": heading, "words": words}, status)

    @app.exception_handler(TokenError)
    @app.exception_handler(UnknownSubscriber)
    def wrong_link(request: Request, _error: Exception) -> HTMLResponse:
        _ = site.language(request).gettext
        told = _(
            "This link is not valid: it was altered or cut, or is meant for something else. "
            "Open it from the mail itself, or ask for a new one."
        )
        return failed(request, 400, _("That did not work"), told)

    @app.exception_handler(SubscriberError)
    def wrong_wish(request: Request, error: Exception) -> HTMLResponse:
        _ = site.language(request).gettext
        return failed(request, 400, _("That did not work"), str(error))

    @app.exception_handler(RequestError)
    def wrong_request(request: Request, error: Exception) -> HTMLResponse:
        _ = site.language(request).gettext
        words = "" if "`" in str(error) else str(error)  # of commands, which are not readers'
        return failed(request, 404, _("There is nothing here"), words)

    @app.exception_handler(Expired)
    def expired(request: Request, _error: Exception) -> HTMLResponse:
        _ = site.language(request).gettext
        told = _("Its time is over. Ask for a new one.")
        return failed(request, 410, _("This link has expired"), told)

    @app.exception_handler(Ended)
    def ended(request: Request, _error: Exception) -> HTMLResponse:
        _ = site.language(request).gettext
        told = _("You can subscribe again on the front page.")
        return failed(request, 410, _("This subscription has ended."), told)

    @app.exception_handler(TooOften)
    def too_often(request: Request, _error: Exception) -> HTMLResponse:
        _ = site.language(request).gettext
        told = _("That was asked too often; try again in an hour.")
        return failed(request, 429, _("That did not work"), told)

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        _ = site.language(request).gettext
        told = _("There is nothing here") if error.status_code == 404 else _("That did not work")
        answer = failed(request, error.status_code, told)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(StoreError)
    @app.exception_handler(NewsletterError)
    def known_trouble(request: Request, error: Exception) -> HTMLResponse:
        route = getattr(request.scope.get("route"), "path", NOWHERE)
        tell(Event.PAGE_BROKE, trouble=error, route=route)  # its address may hold a token
        return broken(request, error)

    @app.exception_handler(Exception)  # what it is, is told by who watches
    def broken(request: Request, error: Exception) -> HTMLResponse:
        _ = site.language(request).gettext
        told = _("It is our fault. Please try again in a while.")
        code = 503 if isinstance(error, StoreError) else 500
        return failed(request, code, _("That did not work"), told)
