"""The roads mail takes, each with several connections, each of those with a thread of its own.

Here is only who is idle and what came back; what may be sent, and by which road, is `traffic.py`'s,
and what an answer means `dispatch.py`'s. A connection whose road closed rests for a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic

from newsletter.message import Message
from newsletter.pacing import RoadLimits
from newsletter.store.deliveries import Claimed
from newsletter.transports import Envelope, Refused, Reply, Transport, TransportUnavailable

Answer = Reply | Refused | TransportUnavailable
REST = 60.0  # seconds after which a closed road is tried again, where others carry on meanwhile
NO_LIMITS = RoadLimits()


@dataclass(frozen=True, kw_only=True)
class Road:
    """A transport of the settings: its connections, and what it may carry."""

    name: str
    transports: Sequence[Transport]  # one a connection, closed until used
    weight: int = 1  # its share beside others; 0: only while no other is open
    limits: RoadLimits = NO_LIMITS


@dataclass(frozen=True, kw_only=True)
class Returned:
    """What became of a message that a connection was handed."""

    claim: Claimed
    road: str
    answer: Answer | BaseException  # another exception is a mistake in the transport


@dataclass(frozen=True, kw_only=True)
class _Handed:
    claim: Claimed
    envelope: Envelope
    content: bytes


class Connections:
    """All connections of a run; one that was not opened before is when it is first used."""

    def __init__(self, roads: Sequence[Road]) -> None:
        self.roads = tuple(roads)
        self.closed: dict[str, TransportUnavailable] = {}  # roads without an open connection
        self._back: SimpleQueue[tuple[_Connection, Claimed, Answer | BaseException]] = SimpleQueue()
        self._idle = {
            road.name: [_Connection(road.name, one, self._back) for one in road.transports]
            for road in roads
        }
        self._busy: set[_Connection] = set()
        self._resting: list[tuple[float, _Connection]] = []

    def open(self) -> None:
        """Opens one connection of every road; raises TransportUnavailable where none opens.

        A spare one is left alone while another is open.
        """
        weighted = [road for road in self.roads if road.weight]
        spare = [road for road in self.roads if not road.weight]
        for roads in (weighted, spare):
            for road in roads:
                self._try(road)
            if any(self._alive(road.name) for road in roads):
                return
        raise next(iter(self.closed.values()))

    def _try(self, road: Road) -> None:
        try:
            road.transports[0].open()
        except TransportUnavailable as closed:
            self._close(road.name, closed)

    @property
    def idle(self) -> dict[str, int]:
        """How many messages each open road could be handed now; spares if no other is open."""
        open_ = [road for road in self.roads if self._alive(road.name)]
        roads = [road for road in open_ if road.weight] or open_
        return {road.name: len(self._idle[road.name]) for road in roads}

    @property
    def busy(self) -> int:
        """How many messages are under way."""
        return len(self._busy)

    @property
    def alive(self) -> bool:
        """Whether any road is open, or may be."""
        return any(self._alive(road.name) for road in self.roads)

    def hand(self, road: str, claim: Claimed, message: Message, expires: float | None) -> None:
        """Hands a message to an idle connection; `expires` is the monotonic end of its lease."""
        envelope = Envelope(
            sender=message.sender,
            recipient=message.recipient,
            message_id=message.message_id,
            expires=expires,
        )
        connection = self._idle[road].pop(0)
        self._busy.add(connection)
        connection.work.put(_Handed(claim=claim, envelope=envelope, content=message.content))

    def returned(self, most: float | None = None) -> list[Returned]:
        """Waits for one message under way to end, and returns all that have ended by then.

        For `most` seconds; None: until one does.
        """
        found = list[Returned]()
        while self._busy:
            try:
                connection, claim, answer = self._back.get(timeout=0 if found else most)
            except Empty:
                break
            self._busy.discard(connection)
            if isinstance(answer, Reply | Refused):
                self._idle[connection.road].append(connection)
                self.closed.pop(connection.road, None)
            else:
                self._resting.append((monotonic(), connection))
                if isinstance(answer, TransportUnavailable) and not self._alive(connection.road):
                    self.closed[connection.road] = answer
            found.append(Returned(claim=claim, road=connection.road, answer=answer))
        return found

    def revive(self) -> None:
        """Lets connections that have rested be tried again."""
        for since, connection in [*self._resting]:
            if monotonic() - since >= REST:
                self._resting.remove((since, connection))
                self._idle[connection.road].append(connection)

    def close(self) -> None:
        """Ends the threads and closes every connection; waits for what is under way."""
        every = [one for idle in self._idle.values() for one in idle]
        every += [*self._busy, *(one for _, one in self._resting)]
        for connection in every:
            connection.work.put(None)
        for connection in every:
            connection.thread.join()
            connection.transport.close()

    def _alive(self, road: str) -> bool:
        return bool(self._idle[road]) or any(one.road == road for one in self._busy)

    def _close(self, road: str, closed: TransportUnavailable) -> None:
        self.closed[road] = closed
        idle, self._idle[road] = self._idle[road], []
        self._resting += [(monotonic(), one) for one in idle]


class _Connection:
    def __init__(
        self,
        road: str,
        transport: Transport,
        back: SimpleQueue[tuple[_Connection, Claimed, Answer | BaseException]],
    ) -> None:
        self.road = road
        self.transport = transport
        self.work: SimpleQueue[_Handed | None] = SimpleQueue()
        self.thread = Thread(target=self._run, args=(back,), daemon=True)
        self.thread.start()

    def _run(self, back: SimpleQueue[tuple[_Connection, Claimed, Answer | BaseException]]) -> None:
        while (handed := self.work.get()) is not None:
            back.put((self, handed.claim, self._carry(handed)))

    def _carry(self, handed: _Handed) -> Answer | BaseException:
        try:
            self.transport.open()
            return self.transport.send(handed.envelope, handed.content)
        except (Refused, TransportUnavailable) as answer:
            return answer
        except BaseException as error:  # told where the run is waiting, not in this thread
            return error
