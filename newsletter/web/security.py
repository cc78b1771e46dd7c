"""What every request and every answer has to keep to: sizes, times, names, headers.

No cookie is ever set, so no page can be made to act by another site; tokens in addresses are kept
from other sites by Referrer-Policy, from search engines and caches by the pages themselves.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Collection
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST = 64 * 1024  # bytes of a request's body
PATIENCE = 15.0  # seconds for a body to come
NETWORK_4, NETWORK_6 = 24, 56  # bits that one network shares

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


class Guard:
    """Refuses requests that are too large, too slow or for another host; adds headers."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], hsts_seconds: int = 0) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts}
        self._headers = dict(HEADERS)
        if hsts_seconds:
            self._headers["Strict-Transport-Security"] = f"max-age={hsts_seconds}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        no_body = scope["method"] == "HEAD"  # RFC 9110 9.3.2: as GET, but for the content
        if no_body:
            scope = {**scope, "method": "GET"}

        async def answer(message: Message) -> None:
            if no_body and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(Headers(scope=scope))
        if refusal is not None:
            await refusal(scope, receive, answer)
            return
        try:
            body = await asyncio.wait_for(_whole(receive), PATIENCE)
        except TimeoutError:
            late = PlainTextResponse("The request took too long to come.\n", 408)
            await late(scope, receive, answer)
            return
        except ClientDisconnect:
            return  # what came of it is not what was meant
        if body is None:
            await _too_large()(scope, receive, answer)
            return
        await self._app(scope, _again(body, receive), answer)

    def _refusal(self, headers: Headers) -> PlainTextResponse | None:
        host = _name(headers.get("host", ""))
        if host not in self._hosts:
            return PlainTextResponse("There are no pages by this name here.\n", 421)
        length = headers.get("content-length", "")
        if length and (not length.isdecimal() or int(length[:12]) > LARGEST):
            return _too_large()
        return None


def _too_large() -> PlainTextResponse:
    return PlainTextResponse(f"A request has {LARGEST:,} bytes at most.\n", 413)


def _name(host: str) -> str:
    """A Host field without its port, RFC 9110 7.2."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


async def _whole(receive: Receive) -> bytes | None:
    """The request's body; None where it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read once more."""
    given = False

    async def once() -> dict[str, Any]:
        nonlocal given
        if given:
            return dict(await receive())
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


def network(address: str) -> str:
    """What a whole network is counted by: /24 of IPv4, /56 of IPv6 (RFC 6177)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    found = getattr(found, "ipv4_mapped", None) or found
    bits = NETWORK_4 if found.version == 4 else NETWORK_6
    return str(ipaddress.ip_network((found, bits), strict=False))
