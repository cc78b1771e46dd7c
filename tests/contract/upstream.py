"""A real HTTP server that plays an upstream: it answers as told, and misbehaves as told."""

from __future__ import annotations

import gzip
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

Query = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Play:
    """How one request is answered."""

    body: bytes = b""
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0  # seconds before the first byte
    drip: float = 0  # seconds between the body's bytes
    cut: int | None = None  # bytes of the body after which the connection is closed
    length: int | None = None  # the Content-Length that is claimed; None: the true one


Answering = Callable[[str, Query], Play]


def packed(body: bytes) -> Play:
    """A body in gzip."""
    return Play(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})


class Upstream:
    """Plays by path: what was scripted for the next requests of it, then what always holds."""

    def __init__(self) -> None:
        self.asked: list[str] = []  # path and query of every request, in order
        self.headers: list[Mapping[str, str]] = []  # their headers, names in lower case
        self.at: list[float] = []  # when each came, of time.monotonic
        self.most_at_once = 0
        self._always: dict[str, Answering] = {}
        self._next: dict[str, list[Play]] = defaultdict(list)
        self._open = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def always(self, path: str, answering: Answering | Play) -> None:
        """What a path answers once its script is over."""
        self._always[path] = answering if callable(answering) else lambda _path, _query: answering

    def next(self, path: str, *plays: Play) -> None:
        """What the next requests of a path are answered."""
        self._next[path] += plays

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _play(self, path: str, query: Query) -> Play:
        with self._lock:
            if self._next[path]:
                return self._next[path].pop(0)
        answering = self._always.get(path)
        return answering(path, query) if answering else Play(status=404, body=b'{"error": "no"}')

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                with upstream._lock:
                    upstream.asked.append(self.path)
                    upstream.headers.append({k.lower(): v for k, v in self.headers.items()})
                    upstream.at.append(time.monotonic())
                    upstream._open += 1
                    upstream.most_at_once = max(upstream.most_at_once, upstream._open)
                try:
                    with suppress(OSError):  # a client that went away
                        self._answer(upstream._play(parts.path, query))
                finally:
                    with upstream._lock:
                        upstream._open -= 1

            def _answer(self, play: Play) -> None:
                time.sleep(play.wait)
                self.send_response(play.status)
                self.send_header("Content-Type", play.kind)
                length = len(play.body) if play.length is None else play.length
                self.send_header("Content-Length", str(length))
                for name, value in play.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                body = play.body if play.cut is None else play.body[: play.cut]
                if play.drip:
                    for at in range(len(body)):
                        self.wfile.write(body[at : at + 1])
                        time.sleep(play.drip)
                else:
                    self.wfile.write(body)
                if play.cut is not None or play.length is not None:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Silent."""

        return Handler
