"""A real HTTP server that is told by webhooks: it notes what came, and answers as told."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Reply:
    """How one POST is answered."""

    status: int = 204
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0  # seconds before the first byte
    drip: float = 0  # seconds between the bytes of the status line and all after it
    then: Callable[[], None] | None = None  # what happens before it is answered


@dataclass(frozen=True, kw_only=True)
class Post:
    """A POST that came."""

    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def told(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Receiver:
    """Answers 204 to everything, but for what was scripted for the next POSTs."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.posts: list[Post] = []
        self.script: list[Reply] = []
        self.otherwise = Reply()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/in"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def handle(self) -> None:
                with suppress(ConnectionError, ssl.SSLError):
                    super().handle()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                named = {name.lower(): value for name, value in self.headers.items()}
                receiver.posts.append(Post(path=self.path, headers=named, body=body))
                reply = receiver.script.pop(0) if receiver.script else receiver.otherwise
                if reply.then is not None:
                    reply.then()
                time.sleep(reply.wait)
                said = {"Content-Length": len(reply.body), **reply.headers}
                lines = [f"HTTP/1.1 {reply.status} Told"]
                lines += [f"{name}: {value}" for name, value in said.items()]
                whole = "\r\n".join([*lines, "", ""]).encode() + reply.body
                if not reply.drip:
                    self.wfile.write(whole)
                    return
                for at in range(len(whole)):
                    self.wfile.write(whole[at : at + 1])
                    time.sleep(reply.drip)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
