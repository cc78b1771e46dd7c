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
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Protocol

import httpx

from newsletter.errors import SourceError
from newsletter.masking import masked
from newsletter.sources.deadline import Deadline
from newsletter.sources.port import Answer, Manners, Request
from newsletter.sources.retry import decide

MOST_REDIRECTS = 5
LONGEST_SHOWN = 120  # characters of an address in an error
LONGEST_MARK = 1000  # characters of an ETag; it is kept and sent each time
ARXIV = re.compile(r"(?:.+\.)?arxiv\.org\.?")  # whoever asks these keeps arXiv's manners
ARXIV_PAUSE = 3.0  # seconds, https://info.arxiv.org/help/api/tou.html
WORDS_OF_AN_ERROR = 200  # characters of an upstream's own words that are shown
UNICAST = ipaddress.ip_network("2000::/3")  # the IPv6 addresses that are given out, RFC 4291 2.4
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv4 addresses in the last 32 bits, RFC 6052 2.1


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
    """Clients whose connections are kept between requests: a direct one, and one each proxy."""

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
        self._clients: dict[str | None, httpx.Client] = {}  # by their proxy
        self._deadline = Deadline(limits.total)

    def close(self) -> None:
        """Closes the connections."""
        for client in self._clients.values():
            client.close()

    def get(self, request: Request, etag: str | None, last_modified: str | None) -> Answer:
        """The answer to a GET, tried again where that may help; raises SourceError."""
        headers = {}
        if etag and etag.isascii() and len(etag) <= LONGEST_MARK:  # others are not sent back
            headers["If-None-Match"] = etag
        if last_modified and last_modified.isascii():
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
                problem = told(error)
            except (httpx.InvalidURL, UnicodeError) as error:  # httpx reads a redirect by itself
                raise SourceError(
                    f"redirects to no address that can be asked: {error}.",
                    where=_shown(request.location),
                ) from error
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
        for _ in range(MOST_REDIRECTS + 1):
            with (
                self._turn(request.manners, url),
                self._in_time(),
                self._open(url, first, headers) as response,
            ):
                if not response.has_redirect_location:
                    body = self._body(response, request.location)
                    return _answer(response, body, request), response.headers.get("retry-after")
                target = response.headers["location"]
            url = _url(target, request.location, url)
        raise SourceError("redirects in a circle.", where=_shown(request.location))

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Ends what takes longer than all of an answer may; the turn was waited for before."""
        with self._deadline.running() as over:
            try:
                yield
            except httpx.TransportError as error:
                if not over.is_set():
                    raise
                late = f"no whole answer in {self._limits.total:g} seconds"
                raise httpx.ReadTimeout(late) from error

    def _turn(self, manners: Manners | None, url: httpx.URL) -> AbstractContextManager[None]:
        if ARXIV.fullmatch(url.host):
            pause = max(manners.pause if manners else 0, ARXIV_PAUSE)
            return self._turns.turn("arxiv", pause)
        return self._turns.turn(manners.group, manners.pause) if manners else nullcontext()

    def _open(
        self, url: httpx.URL, first: httpx.URL, headers: dict[str, str]
    ) -> AbstractContextManager[httpx.Response]:
        """The open response; its body is not read yet."""
        client = self._client(url)
        traced = {"trace": self._deadline.trace}
        same = (url.scheme, url.host, url.port) == (first.scheme, first.host, first.port)
        if same or self._limits.allow_private:  # where the operator sent us
            return client.stream("GET", url, headers=headers, extensions=traced)
        address = _public(url)
        if address is None:  # a proxy looks the name up and connects
            return client.stream("GET", url, headers=headers, extensions=traced)
        # Kept connections are told apart by address alone: one that was checked against another
        # name's certificate must not be used for this one, so it is not kept.
        return client.stream(
            "GET",
            url.copy_with(host=address),
            headers={**headers, "Host": url.netloc.decode("ascii"), "Connection": "close"},
            # The name whose certificate it has to show.
            extensions=traced | {"sni_hostname": url.raw_host.decode("ascii")},
        )

    def _client(self, url: httpx.URL) -> httpx.Client:
        """The client for a host, by the proxy that the environment names for it or directly."""
        proxy = _proxy(url)
        if proxy not in self._clients:
            try:
                self._clients[proxy] = httpx.Client(
                    timeout=httpx.Timeout(
                        min(self._limits.read, self._limits.total), connect=self._limits.connect
                    ),
                    limits=httpx.Limits(max_connections=4, max_keepalive_connections=4),
                    headers={"User-Agent": self._limits.agent, "Accept-Encoding": "gzip"},
                    verify=httpx.create_ssl_context(),  # SSL_CERT_FILE and SSL_CERT_DIR count
                    proxy=proxy,
                    trust_env=False,  # its own choice of a proxy could differ from ours
                )
            except (httpx.InvalidURL, ValueError, ImportError) as error:
                problem = str(error).rstrip(".")
                raise SourceError(
                    f"the proxy that the environment names cannot be used: {problem}.",
                    where=f"{url.scheme}://{url.host}",
                ) from error
        return self._clients[proxy]

    def _body(self, response: httpx.Response, location: str) -> bytes:
        """The body, unpacked as it comes so that no more than the limit is ever held."""
        packed = response.headers.get("content-encoding", "").strip().casefold()
        if packed not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise SourceError(f"packed as {packed[:20]!r}, unasked.", where=_shown(location))
        unpacker = _Unpacker() if packed not in ("", "identity") else None
        body = io.BytesIO()
        for raw in response.iter_raw():  # whatever has come: a full chunk could be long in coming
            room = self._limits.largest - body.tell() + 1
            body.write(unpacker.unpack(raw, room) if unpacker else raw)
            if body.tell() > self._limits.largest:
                most = self._limits.largest / 2**20
                raise SourceError(f"larger than {most:g} MiB.", where=_shown(location))
        if unpacker and response.status_code == 200 and not unpacker.whole:
            raise httpx.RemoteProtocolError("the packed answer is cut")
        return body.getvalue()


class _Unpacker:
    """Undoes gzip and zlib, one member after the other (RFC 1952 2.2)."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=47)

    @property
    def whole(self) -> bool:
        """Whether the last member has ended."""
        return self._member.eof

    def unpack(self, raw: bytes, room: int) -> bytes:
        """What the next bytes hold, of which no more than `room` bytes are made."""
        made = b""
        try:
            while raw and len(made) < room:
                if self._member.eof:  # it would keep all that follows it
                    self._member = zlib.decompressobj(wbits=47)
                made += self._member.decompress(raw, room - len(made))
                raw = self._member.unused_data
        except zlib.error as error:
            raise httpx.RemoteProtocolError("the packed answer is broken") from error
        return made


def _answer(response: httpx.Response, body: bytes, request: Request) -> Answer:
    return Answer(
        where=_shown(request.location),
        body=io.BytesIO(body),
        status=response.status_code,
        content_type=response.headers.get("content-type", ""),
        etag=response.headers.get("etag"),
        last_modified=response.headers.get("last-modified"),
        has_next="next" in response.links,
        date=None if "age" in response.headers else response.headers.get("date"),
    )


def _url(text: str, asked: str, base: httpx.URL | None = None) -> httpx.URL:
    """An address, or where a redirect of `base` leads; raises SourceError about `asked`."""
    try:
        url = base.join(text) if base else httpx.URL(text)
        host = url.host  # decodes it, which may fail, as may encoding it, which the socket does:
        url.raw_host.decode("ascii").encode("idna")
        if url.port is not None and not 0 < url.port < 2**16:
            raise ValueError(f"there is no port {url.port}")
    except (httpx.InvalidURL, ValueError) as error:
        if base is None and "@" in asked:  # a login may be anywhere in it, and in the error
            raise SourceError(
                "no address that can be asked; is its login percent-encoded?",
                where=re.sub(r"(?<=://).*@", "", asked),
            ) from error
        raise SourceError(f"no address that can be asked: {error}.", where=_shown(asked)) from error
    if url.scheme not in ("http", "https"):
        raise SourceError(f"leads to {url.scheme}:, not to http or https.", where=_shown(asked))
    if not host:
        raise SourceError("no address that can be asked: it names no host.", where=_shown(asked))
    return url


def _proxy(url: httpx.URL) -> str | None:
    """The proxy that the environment names for a host; None where it is asked directly."""
    named = urllib.request.getproxies()
    proxy = named.get(url.scheme) or named.get("all")
    port = url.port or (443 if url.scheme == "https" else 80)
    if not proxy or urllib.request.proxy_bypass(f"{url.host}:{port}"):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _public(url: httpx.URL) -> str | None:
    """A public address of the host, None where a proxy will look for it; or SourceError."""
    where = f"{url.scheme}://{url.netloc.decode('ascii')}"
    proxied = _proxy(url) is not None
    host = url.raw_host.rstrip(b".") if proxied else url.raw_host
    found: list[str] = []
    if host == b"localhost" or host.endswith(b".localhost"):  # for everybody, RFC 6761 6.3
        found = ["127.0.0.1"]
    else:
        flags = socket.AI_NUMERICHOST if proxied else 0  # of names, a proxy knows better
        try:
            told = socket.getaddrinfo(host, url.port or 443, type=socket.SOCK_STREAM, flags=flags)
            found = [str(one[4][0]) for one in told]
        except OSError as error:
            if not proxied:
                raise SourceError(f"cannot be found: {error.strerror}.", where=where) from error
    for address in found:
        if not is_public(address):
            raise SourceError(
                f"redirects to the private address {address}; "
                "http.allow_private = true would allow it.",
                where=where,
            )
    return None if proxied else found[0]


def is_public(text: str) -> bool:
    """Whether an address is one of the Internet, also where an IPv4 address is wrapped in it."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour  # RFC 4291 2.5.5.2, RFC 3056 2
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) % 2**32)
        if inner is None:
            return address.is_global and address in UNICAST
        address = inner
    return address.is_global and not address.is_multicast


def _shown(location: str) -> str:
    """The address without a login that it may hold, and not longer than a person reads."""
    text = re.sub(r"(?<=://)[^/?#]*@", "", masked(location))
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


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


def told(error: httpx.TransportError) -> str:
    """What went wrong on the way, in words."""
    match error:
        case httpx.ConnectTimeout():
            return "no connection in time"
        case httpx.TimeoutException():
            return str(error) if "whole" in str(error) else "no answer in time"
        case httpx.ConnectError():
            return f"no connection: {error}"
        case httpx.RemoteProtocolError():
            return f"the answer broke off: {error}"
    return f"the connection failed: {error}" if str(error) else "the connection failed"
