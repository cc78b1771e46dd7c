"""Whether these pages can be used now, for whoever sends visitors to them: /readyz.

/healthz asks whether the process should be started anew; this, whether it should be asked at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from newsletter.errors import StoreError, TemplateError
from newsletter.store.database import HEAD
from newsletter.web.site import Site

OK = "ok"
TEMPLATES = (
    "pages/failed.html",
    "pages/home.html",
    "digest/shell.mjml",
    "digest/shell.txt",
    "letters/frame.mjml",
    "letters/frame.txt",
)
UNKEPT = {"Cache-Control": "no-store"}


def look(site: Site) -> Mapping[str, str]:
    """Each part and how it is: ok, or what is wrong, in words that anybody may read."""
    database, schema = _database(site)
    return {
        "process": "it is shutting down" if site.ending else OK,
        "database": database,
        "schema": schema,
        "templates": _templates(site),
    }


def _database(site: Site) -> tuple[str, str]:
    try:
        found = site.app.bare_database.revision()
    except StoreError:
        return "it does not answer", "not known: the database does not answer"
    if found == HEAD:
        return OK, OK
    return OK, f"it is {found or 'none'}, this version needs {HEAD}"


def _templates(site: Site) -> str:
    try:
        for name in TEMPLATES:
            site.app.templates.parse(name)
    except TemplateError:
        return "one of them cannot be read; `newsletter templates check` tells which"
    return OK


def router(site: Site) -> APIRouter:
    """The route of it."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/readyz")
    def ready(request: Request) -> Response:
        """200 where all is well, 503 where not; in JSON for who accepts that, else in lines."""
        parts = look(site)
        status = 200 if all(one == OK for one in parts.values()) else 503
        if "application/json" in request.headers.get("accept", ""):
            told = {"ready": status == 200, "parts": parts}
            return JSONResponse(told, status, headers=UNKEPT)
        lines = [f"{name}: {words}\n" for name, words in parts.items()]
        return PlainTextResponse("".join(lines), status, headers=UNKEPT)

    return routes
