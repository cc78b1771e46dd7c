"""The roads mail takes, each with several connections.

Open ones are talked to side by side in one thread; what blocks, opening one among it, is done by a
thread of its own. Here is only who is idle and what came back; what may be sent, and by which road,
is `traffic.py`'s, and what an answer means `dispatch.py`'s. A connection whose road closed rests
for a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import NamedTuple

from newsletter.message import Message
from newsletter.pacing import RoadLimits
from newsletter.pipeline.talks import Ended, Talks
from newsletter.store.claiming import Claimed
from newsletter.transports import (
    Envelope,
    HungUp,
    Refused,
    Reply,
    Talker,
    Transport,
    TransportUnavailable,
)

GATHER = 0.01  # seconds that an answer waits for others, so that they are recorded together
ENOUGH = 2  # it waits for one in so many under way: servers are busy with the rest meanwhile
REST = 60.0  # seconds after which a closed road is tried again, where others carry on meanwhile
NO_LIMITS = RoadLimits()


@dataclass(frozen=True, kw_only=True)
class Road:
    """A transport of the settings: its connections, and what it may carry."""

    name: str
    transports: Sequence[Transport]  # one a connection, closed until used
    weight: int = 1  # its share beside others; 0: only while no other is open
    limits: RoadLimits = NO_LIMITS


class Returned(NamedTuple):
    """What became of a message that a connection was handed."""

    claim: Claimed
    road: str
    answer: Ended


class _Handed(NamedTuple):
    claim: Claimed
    envelope: Envelope
    content: bytes


class Connections:
    """All connections of a run; one that was not opened before is when it is first used."""

    def __init__(self, roads: Sequence[Road]) -> None:
        self.roads = tuple(roads)
        self.closed: dict[str, TransportUnavailable] = {}  # roads without an open connection
        self._talks = Talks[_Connection]()
        self._idle = {
            road.name: [_Connection(road.name, one, self._talks) for one in road.transports]
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
            vouched=message.vouched,
        )
        connection = self._idle[road].pop(0)
        self._busy.add(connection)
        connection.carry(_Handed(claim=claim, envelope=envelope, content=message.content))

    def returned(self, most: float | None = None) -> list[Returned]:
        """Waits for one message under way to end, and returns all that have ended by then.

        For `most` seconds; None: until one does. A moment longer, until half of them have.
        """
        found = list[Returned]()
        while self._busy and not found:
            ended = self._talks.ended(most, -(-len(self._busy) // ENOUGH), GATHER)
            for connection, answer in ended:
                if not connection.again(answer):
                    found.append(self._ended(connection, answer))
            if most is not None:
                break
        return found

    def _ended(self, connection: _Connection, answer: Ended) -> Returned:
        self._busy.discard(connection)
        if isinstance(answer, Reply | Refused):
            self._idle[connection.road].append(connection)
            self.closed.pop(connection.road, None)
        else:
            self._resting.append((monotonic(), connection))
            if isinstance(answer, TransportUnavailable) and not self._alive(connection.road):
                self.closed[connection.road] = answer
        return Returned(claim=connection.claim, road=connection.road, answer=answer)

    def revive(self) -> None:
        """Lets connections that have rested be tried again."""
        for since, connection in [*self._resting]:
            if monotonic() - since >= REST:
                self._resting.remove((since, connection))
                self._idle[connection.road].append(connection)

    def close(self) -> None:
        """Ends the threads and closes every connection; waits for what is under way."""
        while self._busy:
            self.returned()
        every = [one for idle in self._idle.values() for one in idle]
        every += [one for _, one in self._resting]
        # Beside each other: one that says no farewell is waited for, but not once a connection.
        closing = [Thread(target=connection.close) for connection in every]
        for one in closing:
            one.start()
        for one in closing:
            one.join()
        self._talks.close()

    def _alive(self, road: str) -> bool:
        return bool(self._idle[road]) or any(one.road == road for one in self._busy)

    def _close(self, road: str, closed: TransportUnavailable) -> None:
        self.closed[road] = closed
        idle, self._idle[road] = self._idle[road], []
        self._resting += [(monotonic(), one) for one in idle]


class _Connection:
    """One connection, and the message that it carries while it is busy."""

    def __init__(self, road: str, transport: Transport, talks: Talks[_Connection]) -> None:
        self.road = road
        self._transport = transport
        self._talker = transport if isinstance(transport, Talker) else None
        self._talks = talks
        self._handed: _Handed | None = None
        self._talking = False  # beside others; else a thread waits
        self._work: SimpleQueue[_Handed | None] = SimpleQueue()
        self._thread: Thread | None = None  # made when it is first needed

    @property
    def claim(self) -> Claimed:
        """Whose message it was handed last."""
        assert self._handed is not None  # noqa: S101  for the type checker
        return self._handed.claim

    def carry(self, handed: _Handed) -> None:
        """Takes a message; how that ended, the talks tell."""
        self._handed = handed
        sock = None if self._talker is None else self._talker.awake()
        self._talking = sock is not None
        if self._talker is None or sock is None:
            self._block()
        else:
            talk = self._talker.talk(handed.envelope, handed.content)
            self._talks.begin(self, sock, talk)

    def again(self, answer: Ended) -> bool:
        """Carries it over a new connection where the old one ended before it had begun."""
        if not isinstance(answer, HungUp) or not self._talking:
            return False
        self._talking = False
        self._block()
        return True

    def close(self) -> None:
        """Ends its thread, and closes the transport."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join()
        self._transport.close()

    def _block(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._run, daemon=True)
            self._thread.start()
        self._work.put(self._handed)

    def _run(self) -> None:
        while (handed := self._work.get()) is not None:
            self._talks.tell(self, self._sent(handed))

    def _sent(self, handed: _Handed) -> Ended:
        try:
            self._transport.open()
            return self._transport.send(handed.envelope, handed.content)
        except (Refused, TransportUnavailable) as answer:
            return answer
        except BaseException as error:  # told where the run is waiting, not in this thread
            return error
