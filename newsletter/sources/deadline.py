"""Ends a request whose time is over, wherever it stands.

A time-out counts from byte to byte; a server that drips bytes of a header is never late. Here a
clock beside the request shuts the connection. httpx does not tell its sockets, but httpcore's trace
does (https://www.encode.io/httpcore/extensions/#trace).
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

_OPENED = ("connection.connect_tcp.complete", "connection.start_tls.complete")


class Deadline:
    """Knows the sockets of some clients, and shuts them when a request takes too long."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._sockets: list[socket.socket] = []

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """To be given to each request as its extension "trace"."""
        if event in _OPENED:
            self._sockets = [one for one in self._sockets if one.fileno() >= 0]
            self._sockets.append(info["return_value"].get_extra_info("socket"))

    @contextmanager
    def running(self) -> Iterator[threading.Event]:
        """While the clock runs; the event tells whether it has rung."""
        over = threading.Event()

        def ring() -> None:
            over.set()
            for one in self._sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

        clock = threading.Timer(self._seconds, ring)
        clock.daemon = True
        clock.start()
        try:
            yield over
        finally:
            clock.cancel()
