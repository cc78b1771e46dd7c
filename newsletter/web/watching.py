"""Tells the log of every request: by the pattern of its page, for addresses of pages hold tokens.

It stands before everything else, so that what the guard refuses is told too.
"""

from __future__ import annotations

import secrets
from time import monotonic

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.log_events import Event
from newsletter.logs import about, tell

SEEN = "newsletter.seen"  # where the route is told in, of a request that goes through copies
NOWHERE = "(none)"  # the route of what is not there
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
PROBES = frozenset({"/healthz", "/readyz", "/metrics", "/static/{name}"})


class Watch:
    """Gives each request a number, and tells how it went."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number, began, status = secrets.token_hex(8), monotonic(), 0
        seen: dict[str, str] = {}

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = number
            await send(message)

        with about(request=number):
            try:
                await self._app({**scope, SEEN: seen}, receive, answer)
            except Exception as error:
                tell(Event.PAGE_BROKE, trouble=error, route=seen.get("route", NOWHERE))
                if not status:
                    raise
            finally:
                _told(number, scope["method"], seen.get("route", NOWHERE), status, began)


def _told(number: str, method: str, route: str, status: int, began: float) -> None:
    event = Event.PROBE_DONE if route in PROBES else Event.REQUEST_DONE
    if status >= 500 and route not in PROBES:
        event = Event.REQUEST_FAILED
    tell(
        event,
        request=number,
        method=method if method in METHODS else "other",
        route=route,
        status=status,
        ms=(monotonic() - began) * 1000,
    )


class Route:
    """Notes which page a request led to, where the routes are known."""

    def __init__(self, app: ASGIApp, base: str) -> None:
        self._app = app
        self._base = base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        try:
            await self._app(scope, receive, send)
        finally:
            found = getattr(scope.get("route"), "path", None)
            if SEEN in scope and found is not None:
                mounted = scope.get("root_path", "").removeprefix(self._base)
                scope[SEEN]["route"] = f"{mounted}{found}"
