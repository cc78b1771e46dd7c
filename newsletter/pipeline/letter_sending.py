"""Sends the letters that are due, by the roads and limits of digests, one at a time.

What they say is `letters.py`'s. Unlike a digest a letter may come twice after a crash: one that
never comes loses a reader. So it is marked as sent after its answer, and tried again where that was
not heard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from newsletter.errors import RequestError, TemplateError
from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.message import Message
from newsletter.pipeline import silencing, telling
from newsletter.pipeline.connections import Road
from newsletter.pipeline.dispatch import A_MOMENT, LOOK_UP, PATIENCE, Post
from newsletter.pipeline.letters import Desk, compose_letter
from newsletter.pipeline.traffic import Heard, Traffic
from newsletter.store import letters as kept
from newsletter.store.database import Connection, Database
from newsletter.store.letters import LetterKind, LetterState, Waiting
from newsletter.transports import Envelope, Refused, Reply, TransportUnavailable
from subscribers import store as subscribers

LEASE = timedelta(minutes=10)
AGAIN = timedelta(minutes=10)  # doubled with each try
TRIES = 6
BATCH = 20
HELD = "limits hold it back"
NOT_WANTED = "the reader's state changed before it was sent"
SETTLED = "what it is about was settled before it was sent"


def send_letters(database: Database, desk: Desk, post: Post) -> Counter[LetterState]:
    """Sends what is due; raises TransportUnavailable where no road is open, and loses nothing.

    By the limits that digests keep to, and out of the same room. Where no road has any it waits as
    dispatch does, for digests could not leave either; what the limits of its domain hold back for
    longer than a moment waits for the next run, so that nobody else has to.
    """
    sending = _Sending(database, desk, post)
    try:
        while not post.stopped() and not sending.shut:
            with database.write() as connection:
                claimed = kept.claim(connection, post.owner, post.clock(), LEASE, BATCH)
            if claimed:
                sending.send(claimed)
            elif not sending.waited():
                break
    finally:
        sending.close()
    return sending.done


class _Sending:
    """A run: which roads are left, and what became of the letters."""

    def __init__(self, database: Database, desk: Desk, post: Post) -> None:
        self.done: Counter[LetterState] = Counter()
        self.shut = False  # no road has room for longer than a run waits
        self._database = database
        self._desk = desk
        self._post = post
        self._roads = _Roads(post.roads)
        self._traffic = Traffic(post.roads, post.domains)
        self._put_off: list[datetime] = []  # when limits let go what this run put off

    def close(self) -> None:
        """Closes what is open, and makes due what was put off to domains that take mail again."""
        self._roads.close()
        self._traffic.call_back(self._database, self._post.clock())

    def send(self, claimed: Sequence[Waiting]) -> None:
        """Sends what was claimed, and gives back what was not come to."""
        left = {one.id for one in claimed}
        try:
            for one in claimed:
                if self._post.stopped() or self.shut:
                    break
                self._one(one)
                if not self.shut:
                    left.remove(one.id)
        finally:
            if left:
                self._give_back(sorted(left), self._post.clock())

    def waited(self) -> bool:
        """Waits until a limit lets a letter go, for a moment at most; False where none will."""
        now = self._post.clock()
        wake = min((at for at in self._put_off if at > now), default=None)
        if wake is None or not self._slept(wake, A_MOMENT):
            return False
        self._put_off = [at for at in self._put_off if at > wake]
        return True

    def _one(self, one: Waiting) -> None:
        message, reason = _built(self._database, self._desk, one, self._post.clock())
        if message is None:
            self._ended(one, LetterState.FAILED, reason)
            return
        while (road := self._admitted(one)) is not None:
            try:
                answer = self._roads.send(road, message)
            except TransportUnavailable as lost:
                if not lost.in_doubt:
                    if not self._roads.idle:
                        raise
                    continue
                self._again(one, str(lost))
                return
            self._answered(one, road, answer)
            return

    def _admitted(self, one: Waiting) -> str | None:
        """The road that a letter may take now; None where it has to wait, or is not ours."""
        post = self._post
        while True:
            now = post.clock()
            with self._database.write() as connection:
                if not kept.renew(connection, post.owner, one.id, now + LEASE):
                    return None  # it took long to come to this one, and another sender has it
                admitted = self._traffic.admit(connection, [one], [], self._roads.idle, now)
                for _, until in admitted.put_off:
                    self._put_off.append(until)
                    kept.put_off(connection, post.owner, [one.id], until, HELD, charged=False)
            if admitted.go:
                return admitted.go[0][1]
            if admitted.put_off:
                return None
            patience = PATIENCE if post.wait else A_MOMENT
            if admitted.next_at is None or not self._slept(admitted.next_at, patience):
                self.shut = True
                return None

    def _slept(self, wake: datetime, most: timedelta) -> bool:
        """Waits until an instant; False where that is too far away, or a stop was asked for."""
        if wake - self._post.clock() > most:
            return False
        while (left := (wake - self._post.clock()).total_seconds()) > 0:
            if self._post.stopped():
                return False
            self._post.sleep(min(left, LOOK_UP))
        return True

    def _answered(self, one: Waiting, road: str, answer: Reply | Refused) -> None:
        if isinstance(answer, Reply):
            self._ended(one, LetterState.SENT, "", road)
            return
        said = answer.reply
        if said.permanent or one.tries >= TRIES:
            self._ended(one, LetterState.FAILED, str(said), road, answer)
            return
        self._again(one, str(said), answer)

    def _again(self, one: Waiting, reason: str, refused: Refused | None = None) -> None:
        """Puts a letter off, for longer with each try, or gives it up."""
        if one.tries >= TRIES:
            self._ended(one, LetterState.FAILED, reason)
            return
        now = self._post.clock()
        until = now + AGAIN * 2 ** (one.tries - 1)
        with self._database.write() as connection:
            kept.put_off(connection, self._post.owner, [one.id], until, reason, charged=True)
            self._heard(connection, one, refused)
        telling.letter(one, LetterState.QUEUED, None, reason)

    def _ended(
        self,
        one: Waiting,
        state: LetterState,
        reason: str,
        road: str | None = None,
        refused: Refused | None = None,
    ) -> None:
        """Records how a letter ended, and what follows from that for its address."""
        now = self._post.clock()
        owner = self._post.owner
        with self._database.write() as connection:
            ours = kept.ended(
                connection, owner, one.id, state, reason=reason, now=now, transport=road
            )
            if ours and refused is not None and one.subscriber_id is not None:
                reader = subscribers.by_id(connection, one.subscriber_id)
                silencing.weigh_up(connection, reader, now, silencing.REPLY)
            if road is not None:  # after it, as in dispatch: nobody waits in a circle
                self._heard(connection, one, refused)
        self.done[state] += ours
        if ours:
            telling.letter(one, state, road, reason)

    def _heard(self, connection: Connection, one: Waiting, refused: Refused | None) -> None:
        said = None if refused is None else (refused.reply.code, refused.reply.text)
        heard = Heard(address=one.address, taken=refused is None, refusal=said)
        self._traffic.heard(connection, [heard], self._post.clock())

    def _give_back(self, ids: Sequence[int], until: datetime) -> None:
        with self._database.write() as connection:
            kept.put_off(connection, self._post.owner, ids, until, "", charged=False)


def _built(
    database: Database, desk: Desk, one: Waiting, now: datetime
) -> tuple[Message | None, str]:
    """The mail of a letter, or None and why it will never be sent."""
    try:
        with database.read() as connection:
            if one.subscriber_id is not None and one.kind is not LetterKind.GOODBYE:
                reader = subscribers.by_id(connection, one.subscriber_id)
                silent = silencing.silenced(connection, [reader], now)
                if silent:
                    return None, silencing.skipped(silent[reader.id])
            why = SETTLED if one.subscriber_id is None else NOT_WANTED
            return compose_letter(connection, desk, one, now), why
    except (TemplateError, RequestError, LookupError, ValueError) as error:
        return None, f"it could not be written: {error}"  # and must not hold up the others


class _Roads:
    """One connection of each road, opened when it is first used."""

    def __init__(self, roads: Sequence[Road]) -> None:
        self._left = {road.name: road for road in roads}  # that have not closed
        self._open = set[str]()

    @property
    def idle(self) -> dict[str, int]:
        """Room for one letter on each road that is left; on spares where no other is."""
        weighted = {name: 1 for name, road in self._left.items() if road.weight}
        return weighted or dict.fromkeys(self._left, 1)

    def send(self, name: str, message: Message) -> Reply | Refused:
        """Hands a message over; a road that closes is left out from then on."""
        envelope = Envelope(
            sender=message.sender, recipient=message.recipient, message_id=message.message_id
        )
        transport = self._left[name].transports[0]
        try:
            if name not in self._open:
                transport.open()
                self._open.add(name)
            return transport.send(envelope, message.content)
        except Refused as refused:
            return refused
        except TransportUnavailable as closed:
            self._close(name)
            tell(Event.TRANSPORT_UNAVAILABLE, transport=name, words=str(closed))
            if not closed.in_doubt:
                del self._left[name]
            raise

    def close(self) -> None:
        """Closes what is open."""
        for name in [*self._open]:
            self._close(name)

    def _close(self, name: str) -> None:
        if name in self._open:
            self._open.discard(name)
            self._left[name].transports[0].close()
