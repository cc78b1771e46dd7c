"""Asks upstreams over HTTP: the one place that opens sockets for sources.

Bounded in time, size and redirects; polite by `Turns`; tries again what may pass. A redirect leads
only to http(s), and to a private address only where the operator says so: the address is looked up
here, checked, and connected to as checked, so that a name cannot change its mind in between.
"""

from __future__ import annotations

import io
import ipaddress
import random
import re
import socket
import time
import urllib.request
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Protocol

import httpx

from newsletter.errors import SourceError
from newsletter.sources.port import Answer, Manners, Request
from newsletter.sources.retry import decide

MOST_REDIRECTS = 5
ARXIV = re.compile(r"(?:.+\.)?arxiv\.org")  # whoever asks these keeps arXiv's manners
ARXIV_PAUSE = 3.0  # seconds, https://info.arxiv.org/help/api/tou.html
CHUNK = 16 * 1024  # bytes read at a time; at zlib's best ratio of 1,032 that is 16 MB
WORDS_OF_AN_ERROR = 200  # characters of an upstream's own words that are shown


class Turns(Protocol):
    """Keeps one request at a time to a group of hosts; `store.turns` does so across processes."""

    def turn(self, group: str, pause: float) -> AbstractContextManager[None]:
        """Waits for the turn and holds it."""


class NoTurns:
    """For what asks nobody that has to be waited for."""

    def turn(self, group: str, pause: float) -> AbstractContextManager[None]:
        """At once."""
        return nullcontext()


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How upstreams are asked."""

    agent: str  # names the product and whom to write to
    connect: float = 10.0  # seconds
    read: float = 30.0  # seconds without a byte
    total: float = 120.0  # seconds of one answer
    largest: int = 64 * 1024 * 1024  # bytes, unpacked
    tries: int = 4
    allow_private: bool = False  # whether redirects may lead to private addresses


class Http:
    """One client, its connections kept between requests."""

    def __init__(
        self,
        limits: Limits,
        turns: Turns,
        *,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._limits = limits
        self._turns = turns
        self._sleep = sleep
        self._chance = chance
        self._client = httpx.Client(
            timeout=httpx.Timeout(limits.read, connect=limits.connect),
            limits=httpx.Limits(max_connections=4, max_keepalive_connections=4),
            headers={"User-Agent": limits.agent, "Accept-Encoding": "gzip"},
        )

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def get(self, request: Request, etag: str | None, last_modified: str | None) -> Answer:
        """The answer to a GET, tried again where that may help; raises SourceError."""
        headers = {}
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        tried = 0
        while True:
            tried += 1
            retry_after, status = None, None
            try:
                answer, retry_after = self._once(request, headers)
                status = answer.status
                if status in (200, 304, *request.statuses):
                    return replace(answer, unchanged=status == 304)
                problem = f"answered {_status(answer)}"
            except httpx.TransportError as error:
                problem = _told(error)
            again = decide(
                tried=tried,
                tries=self._limits.tries,
                status=status,
                retry_after=retry_after,
                now=datetime.now(UTC),
                chance=self._chance(),
            )
            if again.wait is None:
                times = f" ({tried} tries)" if tried > 1 else ""
                why = f" It {again.reason}." if retry_after and "asked" in again.reason else ""
                raise SourceError(f"{problem}{times}.{why}", where=_shown(request.location))
            self._sleep(again.wait)

    def _once(self, request: Request, headers: dict[str, str]) -> tuple[Answer, str | None]:
        """One try, redirects followed; with what Retry-After says."""
        url = _url(request.location, request.location)
        first = url
        deadline = time.monotonic() + self._limits.total
        for _ in range(MOST_REDIRECTS + 1):
            with self._turn(request.manners, url), self._open(url, first, headers) as response:
                if not response.is_redirect:
                    body = self._body(response, deadline, request.location)
                    return _answer(response, body, request), response.headers.get("retry-after")
                target = response.headers.get("location", "")
            url = _url(str(url.join(target)), request.location)
        raise SourceError("redirects in a circle.", where=_shown(request.location))

    def _turn(self, manners: Manners | None, url: httpx.URL) -> AbstractContextManager[None]:
        if ARXIV.fullmatch(url.host):
            pause = max(manners.pause if manners else 0, ARXIV_PAUSE)
            return self._turns.turn("arxiv", pause)
        return self._turns.turn(manners.group, manners.pause) if manners else nullcontext()

    def _open(
        self, url: httpx.URL, first: httpx.URL, headers: dict[str, str]
    ) -> AbstractContextManager[httpx.Response]:
        """The open response; its body is not read yet."""
        same = (url.scheme, url.host, url.port) == (first.scheme, first.host, first.port)
        if same or self._limits.allow_private:  # where the operator sent us
            return self._client.stream("GET", url, headers=headers)
        address = self._public(url)
        if address is None:  # a proxy looks the name up and connects
            return self._client.stream("GET", url, headers=headers)
        return self._client.stream(
            "GET",
            url.copy_with(host=address),
            headers={**headers, "Host": url.netloc.decode("ascii")},
            extensions={"sni_hostname": url.host},  # the certificate is checked against the name
        )

    def _public(self, url: httpx.URL) -> str | None:
        """A public address of the host, None where a proxy will look for it; or SourceError."""
        where = f"{url.scheme}://{url.host}"
        proxied = url.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(
            url.host
        )
        try:
            if proxied:
                addresses = [str(ipaddress.ip_address(url.host))]
            else:
                found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
                addresses = [str(one[4][0]) for one in found]
        except ValueError:  # behind a proxy, and a name
            return None
        except OSError as error:
            raise SourceError(f"cannot be found: {error.strerror}.", where=where) from error
        for address in addresses:
            bare = ipaddress.ip_address(address.partition("%")[0])
            mapped = getattr(bare, "ipv4_mapped", None) or bare
            if not mapped.is_global or mapped.is_multicast:
                raise SourceError(
                    f"redirects to the private address {address}; "
                    "http.allow_private = true would allow it.",
                    where=where,
                )
        return None if proxied else addresses[0]

    def _body(self, response: httpx.Response, deadline: float, location: str) -> bytes:
        """The body, unpacked as it comes so that no more than the limit is ever held."""
        packed = response.headers.get("content-encoding", "").strip().casefold()
        if packed not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise SourceError(f"packed as {packed[:20]!r}, unasked.", where=_shown(location))
        unpacker = zlib.decompressobj(wbits=47) if packed not in ("", "identity") else None
        body = io.BytesIO()
        for raw in response.iter_raw(CHUNK):
            room = self._limits.largest - body.tell() + 1
            try:
                body.write(unpacker.decompress(raw, room) if unpacker else raw)
            except zlib.error as error:
                raise httpx.DecodingError("the packed answer is broken") from error
            if body.tell() > self._limits.largest:
                most = self._limits.largest / 2**20
                raise SourceError(f"larger than {most:g} MiB.", where=_shown(location))
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout(f"no whole answer in {self._limits.total:g} seconds")
        if unpacker and response.status_code == 200 and not unpacker.eof:
            raise httpx.RemoteProtocolError("the packed answer is cut")
        return body.getvalue()


def _answer(response: httpx.Response, body: bytes, request: Request) -> Answer:
    return Answer(
        where=_shown(request.location),
        body=io.BytesIO(body),
        status=response.status_code,
        content_type=response.headers.get("content-type", ""),
        etag=response.headers.get("etag"),
        last_modified=response.headers.get("last-modified"),
    )


def _url(text: str, asked: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise SourceError(f"no address that can be asked: {error}.", where=_shown(asked)) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise SourceError(f"leads to {url.scheme}:, not to http or https.", where=_shown(asked))
    return url


def _shown(location: str) -> str:
    """The address without a login that it may hold."""
    return re.sub(r"(?<=://)[^/?#@]*@", "", location)


def _status(answer: Answer) -> str:
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = ""
    words = ""
    if "html" not in answer.content_type:
        told = answer.body.read(4 * WORDS_OF_AN_ERROR).decode("utf-8", errors="replace")
        words = "".join(c for c in " ".join(told.split()) if c.isprintable())
    said = f": {words[:WORDS_OF_AN_ERROR]}" if words else ""
    return f"{answer.status} {phrase}".strip() + said


def _told(error: httpx.TransportError) -> str:
    match error:
        case httpx.ConnectTimeout():
            return "no connection in time"
        case httpx.TimeoutException():
            return "no answer in time"
        case httpx.ConnectError():
            return f"no connection: {error}"
        case httpx.RemoteProtocolError():
            return f"the answer broke off: {error}"
    return f"the connection failed: {error}" if str(error) else "the connection failed"
