"""Several connections of one road, each with a thread of its own, handed one message at a time.

Here is only who is idle and what came back; what may be sent, and what an answer means, is
`dispatch.py`'s. A connection whose road closed is retired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread

from newsletter.message import Message
from newsletter.store.deliveries import Claimed
from newsletter.transports import Envelope, Refused, Reply, Transport, TransportUnavailable

Answer = Reply | Refused | TransportUnavailable


@dataclass(frozen=True, kw_only=True)
class Returned:
    """What became of a message that a connection was handed."""

    claim: Claimed
    answer: Answer | BaseException  # another exception is a mistake in the transport


@dataclass(frozen=True, kw_only=True)
class _Handed:
    claim: Claimed
    envelope: Envelope
    content: bytes


class Connections:
    """Opened connections; the first is open when this is made, the others when first used."""

    def __init__(self, transports: Sequence[Transport]) -> None:
        self._back: SimpleQueue[tuple[_Connection, Claimed, Answer | BaseException]] = SimpleQueue()
        self._idle = [_Connection(transport, self._back) for transport in transports]
        self._busy: set[_Connection] = set()
        self._retired: list[_Connection] = []

    @property
    def idle(self) -> int:
        """How many messages could be handed over now."""
        return len(self._idle)

    @property
    def busy(self) -> int:
        """How many messages are under way."""
        return len(self._busy)

    @property
    def alive(self) -> int:
        """How many connections are not retired."""
        return len(self._idle) + len(self._busy)

    def hand(self, claim: Claimed, message: Message, expires: float | None) -> None:
        """Hands a message to an idle connection; `expires` is the monotonic end of its lease."""
        envelope = Envelope(
            sender=message.sender,
            recipient=message.recipient,
            message_id=message.message_id,
            expires=expires,
        )
        connection = self._idle.pop(0)
        self._busy.add(connection)
        connection.work.put(_Handed(claim=claim, envelope=envelope, content=message.content))

    def returned(self) -> list[Returned]:
        """Waits for one message under way to end, and returns all that have ended by then."""
        found = list[Returned]()
        wait = bool(self._busy)
        while wait or self._busy:
            try:
                connection, claim, answer = self._back.get(block=wait)
            except Empty:
                break
            wait = False
            self._busy.discard(connection)
            good = isinstance(answer, Reply | Refused)
            (self._idle if good else self._retired).append(connection)
            found.append(Returned(claim=claim, answer=answer))
        return found

    def close(self) -> None:
        """Ends the threads and closes every connection; waits for what is under way."""
        every = [*self._idle, *self._busy, *self._retired]
        for connection in every:
            connection.work.put(None)
        for connection in every:
            connection.thread.join()
            connection.transport.close()


class _Connection:
    def __init__(
        self,
        transport: Transport,
        back: SimpleQueue[tuple[_Connection, Claimed, Answer | BaseException]],
    ) -> None:
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
