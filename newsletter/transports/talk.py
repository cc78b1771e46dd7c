"""A talk with a server, as a generator that tells what it waits for.

It never blocks: each Pause is a socket that has to be ready first. Who has one connection waits in
`waited_out`; who has many in one thread resumes whichever is ready (`pipeline/talks.py`).
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Generator
from time import monotonic
from typing import NamedTuple, TypeVar

T = TypeVar("T")

_NOT_YET = (BlockingIOError, ssl.SSLWantReadError)


class Pause(NamedTuple):
    """What a talk waits for. Past its end, TimeoutError is to be thrown into the talk."""

    writes: bool  # room to write; else something to read
    until: float  # time.monotonic()


Talk = Generator[Pause, None, T]


def waited_out(sock: socket.socket, talk: Talk[T]) -> T:
    """What a talk over a socket returns or raises, waited for here."""
    try:
        pause = next(talk)
        while True:
            left = pause.until - monotonic()
            wanted = select.POLLOUT if pause.writes else select.POLLIN
            pause = next(talk) if left > 0 and _ready(sock, wanted, left) else late(talk)
    except StopIteration as end:
        result: T = end.value
        return result


def late(talk: Talk[T]) -> Pause:
    """Tells a talk that its pause is over in vain; raises what it makes of that."""
    return talk.throw(TimeoutError("timed out"))


def _ready(sock: socket.socket, wanted: int, seconds: float) -> bool:
    waiting = select.poll()
    waiting.register(sock, wanted)
    return bool(waiting.poll(seconds * 1000))


def read_some(sock: socket.socket, most: int, until: float) -> Talk[bytes]:
    """At least one byte of at most `most`; nothing where the other side hung up. Raises OSError."""
    while True:
        try:
            return sock.recv(most)
        except _NOT_YET:
            yield Pause(writes=False, until=until)
        except ssl.SSLWantWriteError:
            yield Pause(writes=True, until=until)


def write_all(sock: socket.socket, content: bytes, until: float) -> Talk[None]:
    """Writes it all; raises OSError."""
    rest = memoryview(content)
    while rest:
        try:
            rest = rest[sock.send(rest) :]
        except (BlockingIOError, ssl.SSLWantWriteError):
            yield Pause(writes=True, until=until)
        except ssl.SSLWantReadError:
            yield Pause(writes=False, until=until)
