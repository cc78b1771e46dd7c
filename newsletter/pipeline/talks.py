"""Waits for many servers at once: talks in this thread, and whatever blocks in threads beside it.

Which message goes where, and what an answer means, is not known here.
"""

from __future__ import annotations

import selectors
import socket
from collections import deque
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Generic, TypeVar

from newsletter.transports import Refused, Reply, TransportUnavailable
from newsletter.transports.talk import Pause, Talk, late

Answer = Reply | Refused | TransportUnavailable
Ended = Answer | BaseException  # another exception is a mistake in the transport
K = TypeVar("K")


@dataclass(slots=True)
class _Line(Generic[K]):
    """A socket that is listened to."""

    sock: socket.socket
    events: int = 0
    key: K | None = None
    talk: Talk[Reply] | None = None  # None between two messages
    until: float = 0.0  # when its pause is over


class Talks(Generic[K]):
    """The talks under way, each by a key of whoever began it."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._lines: dict[int, _Line[K]] = {}  # by file descriptor
        self._soonest = inf  # before any pause is over
        self._ended: deque[tuple[K, Ended]] = deque()
        self._bell, self._ring = socket.socketpair()
        self._bell.setblocking(False)
        self._ring.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)

    def begin(self, key: K, sock: socket.socket, talk: Talk[Reply]) -> None:
        """Begins a talk over a socket that has none, as far as it goes without waiting."""
        line = self._lines.get(sock.fileno())
        if line is None or line.sock is not sock:
            self._forget(sock.fileno())  # another had its number
            line = self._lines[sock.fileno()] = _Line(sock)
        line.key, line.talk = key, talk
        self._resume(sock.fileno(), line)

    def tell(self, key: K, answer: Ended) -> None:
        """Tells, from another thread, how something else ended."""
        self._ended.append((key, answer))
        try:
            self._ring.send(b"\0")
        except BlockingIOError:  # it rings already
            return

    def ended(
        self, most: float | None, enough: int = 1, gather: float = 0.0
    ) -> list[tuple[K, Ended]]:
        """Waits until one has ended, for `most` seconds; None: for as long as that takes.

        Then for `gather` seconds more at most, until `enough` have; and returns all that have.
        """
        ends = None if most is None else monotonic() + most
        while not self._ended:
            self._look(ends)
            if ends is not None and monotonic() >= ends:
                break
        ends = monotonic() + gather
        while 0 < len(self._ended) < enough and monotonic() < ends:
            self._look(ends)
        found = []
        while self._ended:
            found.append(self._ended.popleft())
        return found

    def close(self) -> None:
        """Lets go of what it listens to; talks under way are broken off."""
        for line in self._lines.values():
            if line.talk is not None:
                line.talk.close()
        self._selector.close()
        self._bell.close()
        self._ring.close()

    def _look(self, ends: float | None) -> None:
        """Resumes whatever is ready, after the first of that and `ends`."""
        first = self._soonest if ends is None else min(self._soonest, ends)
        ready = self._selector.select(None if first == inf else max(0.0, first - monotonic()))
        for chosen, _ in ready:
            line = self._lines.get(chosen.fd)
            if line is None:
                self._quiet()
            elif line.talk is None:  # it says something out of turn: the next talk will hear it
                self._forget(chosen.fd)
            else:
                self._resume(chosen.fd, line)
        if self._soonest <= (now := monotonic()):
            self._time(now)

    def _time(self, now: float) -> None:
        """Resumes those whose pause is over, and finds out when the next one's is.

        Who was resumed before has another pause now: it may be that none is over.
        """
        self._soonest = inf
        for number, line in [*self._lines.items()]:
            if line.talk is not None and line.until <= now:
                self._resume(number, line, too_late=True)
            elif line.talk is not None:
                self._soonest = min(self._soonest, line.until)

    def _resume(self, number: int, line: _Line[K], *, too_late: bool = False) -> None:
        talk, key = line.talk, line.key
        assert talk is not None and key is not None  # noqa: S101, PT018  for the type checker
        answer: Ended
        try:
            self._listen(number, line, late(talk) if too_late else next(talk))
        except StopIteration as end:
            answer = end.value
        except BaseException as error:  # told where the answer is waited for
            talk.close()  # where it is the listening that failed: nobody would go on with it
            answer = error
        else:
            return
        line.talk = line.key = None
        if line.sock.fileno() != number:  # closed: its number may be another's soon
            self._forget(number)
        self._ended.append((key, answer))

    def _listen(self, number: int, line: _Line[K], pause: Pause) -> None:
        line.until = pause.until
        self._soonest = min(self._soonest, pause.until)
        events = selectors.EVENT_WRITE if pause.writes else selectors.EVENT_READ
        if line.events == events:
            return
        if line.events:
            self._selector.modify(number, events)
        else:
            self._selector.register(number, events)
        line.events = events

    def _forget(self, number: int) -> None:
        line = self._lines.pop(number, None)
        if line is not None and line.events:
            self._selector.unregister(number)

    def _quiet(self) -> None:
        try:
            self._bell.recv(4096)
        except BlockingIOError:
            return
