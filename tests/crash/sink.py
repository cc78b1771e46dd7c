"""A mail server that keeps its own record, and strikes at a chosen instant of the dialogue."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

PHASES = ("greeting", "MAIL", "content", "dot", "answered")
"""After a claim; before the envelope is answered; in the middle of the content; when it is whole
and taken but not answered; when it is answered but cannot be recorded yet."""

_MESSAGE_ID = re.compile(rb"^Message-ID: <([^>]+)>", re.MULTILINE | re.IGNORECASE)


class Cut(Exception):
    """The strike wants this connection reset."""


class Sink:
    """Takes every message and writes down its Message-ID the moment it is whole."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.taken: Counter[bytes] = Counter()
        self.open = 0
        self.most_open = 0
        self._strike: Callable[[str], None] | None = None
        self._phase = ""
        self._left = 0  # how many times the phase is passed before the strike
        self._lock = threading.Lock()
        self._listener = socket.create_server((address, 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    def at(self, phase: str, number: int, strike: Callable[[str], None]) -> None:
        """Strikes once, when `phase` is passed for the `number`-th time (from 0).

        `strike` is told the name the client said in EHLO; empty where it has said none yet.
        """
        with self._lock:
            self._phase, self._left, self._strike = phase, number, strike

    def __enter__(self) -> Self:
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                line = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _pass(self, phase: str, client: str) -> None:
        with self._lock:
            if phase != self._phase or self._strike is None:
                return
            if self._left:
                self._left -= 1
                return
            strike, self._strike = self._strike, None
        strike(client)

    def _serve(self, line: socket.socket) -> None:
        line.settimeout(20)
        with self._lock:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        try:
            with line, line.makefile("rb") as lines, suppress(OSError):
                try:
                    self._talk(line, lines)
                except Cut:
                    linger = struct.pack("ii", 1, 0)  # RST, not FIN
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        finally:
            with self._lock:
                self.open -= 1

    def _talk(self, line: socket.socket, lines: Any) -> None:
        client = ""
        self._pass("greeting", client)
        line.sendall(b"220 sink\r\n")
        while command := lines.readline():
            verb = command[:4].upper().strip()
            if verb == b"EHLO":
                client = command[4:].decode().strip()
                line.sendall(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            elif verb == b"MAIL":
                self._pass("MAIL", client)
                line.sendall(b"250 ok\r\n")
            elif verb == b"DATA":
                line.sendall(b"354 go on\r\n")
                if not self._content(lines, client):
                    return
                self._pass("dot", client)
                line.sendall(b"250 taken\r\n")
                self._pass("answered", client)
            elif verb == b"QUIT":
                line.sendall(b"221 bye\r\n")
                return
            else:
                line.sendall(b"250 ok\r\n")

    def _content(self, lines: Any, client: str) -> bool:
        parts: list[bytes] = []
        while (part := lines.readline()) != b".\r\n":
            if not part:
                return False
            parts.append(part)
            if len(parts) == 12:
                self._pass("content", client)
        found = _MESSAGE_ID.search(b"".join(parts[:40]))
        with self._lock:
            self.taken[found[1] if found else b"no Message-ID"] += 1
        return True
