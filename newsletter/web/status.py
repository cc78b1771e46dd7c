"""How it is, for operators and their monitors: behind a key, read only."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from newsletter.scopes import Scope
from newsletter.store import issues, ledger, papers, source_states
from newsletter.web import showing_keys
from newsletter.web.api_models import Health
from newsletter.web.site import Site
from subscribers import store as subscribers


def look(site: Site) -> Health:
    """What there is, what was last done, and what is left to do."""
    with site.app.database.read() as connection:
        found = issues.latest_row(connection)
        people = subscribers.count(connection)
        counts = ledger.count(connection, found.id) if found else {}
        states = source_states.listed(connection)
        return Health(
            papers=papers.count(connection),
            newest_issue=found.day if found else None,
            composed_at=found.composed_at if found else None,
            deliveries={state.value: many for state, many in counts.items()},
            subscribers={state.value: many for state, many in people.items()},
            sources={name: one.succeeded_at for name, one in states.items()},
            open_deliveries=ledger.still_open(connection),
        )


def router(site: Site) -> APIRouter:
    """The route of the status page."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/status")
    def show(request: Request) -> HTMLResponse:
        """A page of it; the key stands in the Authorization field, as for the API."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        key = showing_keys.holder(site, text.strip())
        if scheme.lower() != "bearer" or key is None or Scope.STATUS not in key.scopes:
            _ = site.language(request).gettext
            values = {"heading": _("Show a key"), "words": _("This page is for operators.")}
            answer = site.page(request, "failed.html", values, 401)
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        return site.page(request, "status.html", {"health": look(site)})

    return routes
