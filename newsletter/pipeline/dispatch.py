"""dispatch: claims due deliveries, builds their bytes, hands them over, records the reply.

Repeatable, and safe beside itself: `sending` is committed before the first byte of a message
leaves, the results that came meanwhile together with the intents of the next messages. So after a
crash at any instant no more deliveries are in doubt than connections were open, each of them is
listed as unknown, and nobody gets two.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from newsletter.delivery import (
    Decision,
    DeliveryState,
    Outcome,
    OutcomeKind,
    Policy,
    decide,
    is_news,
)
from newsletter.dkim import MailSigner
from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.message import Message
from newsletter.pacing import DomainLimits, Slowdown
from newsletter.pipeline import silencing, telling
from newsletter.pipeline.connections import Connections, Road
from newsletter.pipeline.digests import Edition
from newsletter.pipeline.receipts import NO_RECEIPTS, Receipts
from newsletter.pipeline.talks import Answer
from newsletter.pipeline.traffic import Admitted, Heard, Traffic
from newsletter.store import claiming, issues, pacing
from newsletter.store.claiming import Claimed, Finished
from newsletter.store.database import Connection, Database
from newsletter.store.ledger import Cleared
from newsletter.transports import Refused, Reply, TransportUnavailable
from subscribers.tokens import Signer

A_MOMENT = timedelta(seconds=2)  # that limits of some messages a second are waited for anyway
BATCH = 200  # deliveries a claim: few enough to hand back fast, many enough to spare claims
PATIENCE = timedelta(hours=1)  # a run waits for limits, but not until tomorrow
CLAIM_AGAIN = 30.0  # seconds a slow answer is waited for before idle connections look for work
LOOK_UP = 0.5  # seconds between looks whether to stop, while waiting


@dataclass(frozen=True, kw_only=True)
class Post:
    """What a run of dispatch works with."""

    roads: Sequence[Road]
    owner: str  # of this run, unlike any other's
    policy: Policy
    lease: timedelta
    clock: Callable[[], datetime]
    domains: Mapping[str, DomainLimits] = field(default_factory=dict)  # what recipients' are sent
    mail_signer: MailSigner | None = None  # where the settings ask for DKIM
    stopped: Callable[[], bool] = lambda: False  # asked between messages
    progress: Callable[[int], None] = lambda _: None
    receipts: Receipts = NO_RECEIPTS
    cleared: Cleared | None = None  # the issues that may go; None: all
    wait: bool = True  # for limits; else the run ends where they hold everything back
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, kw_only=True)
class Dispatched:
    """What a run of dispatch did."""

    states: Counter[DeliveryState] = field(default_factory=Counter)  # of what it finished
    lost: int = 0  # found in doubt, left by an earlier run
    stranded: TransportUnavailable | None = None  # the last road that closed, so that it ended
    closed: Mapping[str, TransportUnavailable] = field(default_factory=dict)  # while others went on
    slowed: Sequence[Slowdown] = ()  # domains that asked to go slower
    held_back: datetime | None = None  # limits allow the next message then; the run did not wait


def dispatch(
    database: Database,
    signer: Signer,
    post: Post,
    *,
    limit: int | None = None,
    subscriber_id: int | None = None,
) -> Dispatched:
    """Sends what is due, at most `limit` messages, to one subscriber only if named.

    Raises TransportUnavailable where every road is closed from the start: then nothing was touched.
    A connection that closes on the way rests; when the last one does, the run ends and tells the
    closed road in its result. Where limits hold back what is due it waits, but not for longer than
    PATIENCE. Raises StoreError where results cannot be recorded; sending has stopped then.
    """
    began = monotonic()
    post.receipts.replay(database)
    with database.write() as connection:
        lost = claiming.settle_lost(connection, post.clock())
    connections = Connections(post.roads)
    try:
        connections.open()
    except BaseException:
        connections.close()
        raise
    finally:
        telling.unavailable(connections.closed)
    run = _Run(database, signer, post, connections)
    try:
        run.send(limit, subscriber_id)
    finally:
        run.settle()
    if run.stranded is not None:
        telling.unavailable(connections.closed)
    done = Dispatched(
        states=run.states,
        lost=lost,
        stranded=run.stranded,
        closed={} if run.stranded else connections.closed,
        slowed=tuple(run.traffic.slowed.values()),
        held_back=run.held_back,
    )
    telling.dispatched(done, monotonic() - began)
    return done


def open_roads(roads: Sequence[Road]) -> None:
    """Opens a connection of each road; raises TransportUnavailable where none can be opened."""
    connections = Connections(roads)
    try:
        connections.open()
    except TransportUnavailable:
        telling.unavailable(connections.closed)
        raise
    finally:
        connections.close()


class _Run:
    """One run: what it holds, what is under way, and what is not recorded yet."""

    def __init__(
        self, database: Database, signer: Signer, post: Post, connections: Connections
    ) -> None:
        self.states: Counter[DeliveryState] = Counter()
        self.stranded: TransportUnavailable | None = None
        self.held_back: datetime | None = None
        self.traffic = Traffic(post.roads, post.domains)
        self._database = database
        self._signer = signer
        self._post = post
        self._connections = connections
        self._editions: dict[int, Edition] = {}
        self._held: list[Claimed] = []
        self._built: dict[int, Message] = {}  # of those held
        self._results: list[Finished] = []
        self._put_off: list[datetime] = []  # a heap: when limits let go what this run put off
        self._room_at: datetime | None = None  # when a road has room for what is held
        self._done = False  # nothing more may be begun

    def send(self, limit: int | None, subscriber_id: int | None) -> None:
        """Claims and sends until nothing is due, the limit is reached or a stop is asked for.

        The intents of all idle connections and the results that came meanwhile are committed
        together, so that what a crash leaves in doubt is never more than the open connections.
        """
        left = limit
        while True:
            self._connections.revive()
            self.traffic.call_back(self._database, self._post.clock())
            self._keep_fresh()
            moved = 0
            if not self._done and any(self._connections.idle.values()) and left != 0:
                moved, begun = self._hand_over(left, subscriber_id)
                left = None if left is None else left - begun
            if self._connections.busy:
                if self._results:  # what is known must not wait for the slowest answer
                    self._commit(_nothing)
                self._build_ahead()
                self._receive(self._until(moved, left))
            elif (
                self._done
                or left == 0
                or not self._connections.alive
                or (not moved and not self._waited())
            ):
                return

    def _until(self, moved: int, left: int | None) -> float | None:
        """For how many seconds only an answer is waited for; None: for as long as one takes.

        A slow answer must not hold up idle connections that limits let go on meanwhile.
        """
        if self._done or left == 0 or not any(self._connections.idle.values()):
            return None
        if self._room_at is None and moved:
            return 0  # and there may be more that can leave at once
        wake = self._wake()
        if wake is None:  # others may have become due meanwhile
            return CLAIM_AGAIN
        return max(0, (wake - self._post.clock()).total_seconds())

    def _keep_fresh(self) -> None:
        """Gives back what limits have held for so long that its lease might end before it goes.

        Where it has ended already we were away, and leave it to others.
        """
        if self._held:
            left = self._held[0].lease_until - self._post.clock()  # the first claimed
            if timedelta() < left < self._post.lease / 4:
                self._give_back()

    def _wake(self) -> datetime | None:
        """When limits let something go; None where they hold back nothing."""
        if self._held or self._room_at is not None:
            return self._room_at
        return self._put_off[0] if self._put_off else None

    def settle(self) -> None:
        """Waits for what is under way, records it, and gives back what was not begun."""
        trouble: BaseException | None = None
        try:
            try:
                self._give_back()
            except Exception as error:
                trouble = error
            while self._connections.busy:
                try:
                    self._receive()
                    self._commit(_nothing)
                except Exception as error:
                    trouble = trouble or error
            if trouble is None:
                self.traffic.call_back(self._database, self._post.clock())
        finally:
            if not self._connections.alive:
                self.stranded = next(iter(self._connections.closed.values()), None)
            self._connections.close()
        if trouble is not None:
            raise trouble

    def _give_back(self) -> None:
        held, self._held = self._held, []
        self._built = {}
        self._commit(lambda connection: claiming.release(connection, self._post.owner, held))

    def _hand_over(self, left: int | None, subscriber_id: int | None) -> tuple[int, int]:
        """Gives idle connections a message each where limits allow it.

        Returns how many claims moved on (handed over, ended or put off), and how many of them
        count against the limit of the run.
        """
        self._room_at = None
        if self._post.stopped():
            self._done = True
            return 0, 0
        idle = self._connections.idle
        room = sum(idle.values()) if left is None else min(sum(idle.values()), left)
        if len(self._held) < room:
            self._claim(BATCH if left is None else min(BATCH, left), subscriber_id)
        chosen, others = self._held[:room], self._held[room:]
        if not chosen:
            return 0, 0
        ready = [one for one in chosen if self._is_ready(one)]
        now = self._post.clock()
        expires = monotonic() + self._post.lease.total_seconds()  # begun anew with the message
        admitted = Admitted[Claimed]()
        ours: set[int] = set()

        def begin(connection: Connection) -> None:
            nonlocal admitted
            owner, lease = self._post.owner, self._post.lease
            admitted = self.traffic.admit(connection, ready, others, idle, now)
            until = {(one.id, one.attempt): instant for one, instant in admitted.put_off}
            pacing.put_off(connection, owner, until)
            going = [one for one, _ in admitted.go]
            ours.update(claiming.begin(connection, owner, going, now, lease))
            # Of an issue that was paused as they were claimed: nobody took those from us.
            lost = [one for one in going if one.id not in ours]
            claiming.release(connection, owner, lost)

        self._commit(begin)
        moved = {one.id for one in chosen} - {one.id for one in ready}
        for one, road in admitted.go:
            moved.add(one.id)
            message = self._built.pop(one.id)
            if one.id in ours:
                self._connections.hand(road, one, message, expires)
                continue
            self._post.progress(1)
            if self._post.clock() >= one.lease_until:
                self._done = True  # so long away that others do our work: leave it to them
        begun = len(moved)
        for one, until in admitted.put_off:
            moved.add(one.id)
            self._built.pop(one.id, None)
            heapq.heappush(self._put_off, until)
        self._held = [one for one in self._held if one.id not in moved]
        self._room_at = admitted.next_at
        return len(moved), begun

    def _build_ahead(self) -> None:
        """Builds what leaves next while servers are busy with what left before."""
        ahead = [] if self._done else self._held[: self._connections.busy]
        for one in ahead:
            if one.id not in self._built and self._why_not(one) is None:
                self._built[one.id] = self._edition(one.issue_id).message(one)

    def _is_ready(self, one: Claimed) -> bool:
        """Builds the message of a claim; False where it ends unsent."""
        ended = self._why_not(one)
        if ended is not None:
            self._built.pop(one.id, None)
            self._results.append(Finished(claim=one, decision=ended, transport=""))
            self._post.progress(1)
            return False
        if one.id not in self._built:
            self._built[one.id] = self._edition(one.issue_id).message(one)
        return True

    def _waited(self) -> bool:
        """Waits until limits let something go; False where there is nothing to wait for."""
        wake = self._wake()
        if wake is None:
            return False
        now = self._post.clock()
        if wake - now > (PATIENCE if self._post.wait else A_MOMENT):
            self.held_back = wake
            return False
        if wake - now > self._post.lease / 4:  # others, or a later run, need not wait for us
            self._give_back()
        while (left := (wake - self._post.clock()).total_seconds()) > 0:
            if self._post.stopped():
                return False
            self._post.sleep(min(left, LOOK_UP))
        return True

    def _why_not(self, one: Claimed) -> Decision | None:
        """How a claim ends unsent; None where it is to be sent."""
        if not one.confirmed:
            return _never(DeliveryState.SKIPPED, "unsubscribed before it was sent")
        if one.suppressed:
            return _never(DeliveryState.SKIPPED, silencing.skipped(one.suppressed))
        if not is_news(one.news_from, self._post.policy, self._post.clock()):
            return _never(DeliveryState.FAILED, "no longer news when it could be sent")
        return None

    def _claim(self, most: int, subscriber_id: int | None) -> None:
        now = self._post.clock()
        post = self._post

        def claim(connection: Connection) -> None:
            claimed = claiming.claim(
                connection,
                owner=post.owner,
                now=now,
                lease=post.lease,
                limit=most - len(self._held),
                subscriber_id=subscriber_id,
                cleared=post.cleared,
            )
            again = {one.id for one in claimed}  # what was held past its lease, and is ours anew
            self._held = [one for one in self._held if one.id not in again] + claimed
            for number in again:  # who it goes to may have moved since it was built
                self._built.pop(number, None)
            self.traffic.look(connection, now)

        self._commit(claim)
        while self._put_off and self._put_off[0] <= now:  # claimed, or by others, or come again
            heapq.heappop(self._put_off)

    def _receive(self, most: float | None = None) -> None:
        trouble: BaseException | None = None
        for one in self._connections.returned(most):
            if not isinstance(one.answer, Answer):  # a mistake in a transport: it is in doubt
                trouble = trouble or one.answer
                continue
            if isinstance(one.answer, TransportUnavailable):
                tell(Event.TRANSPORT_RESTS, transport=one.road, words=str(one.answer))
            self._decided(one.claim, _outcome(one.answer), one.road)
            self._post.progress(1)
        if trouble is not None:
            raise trouble

    def _decided(self, one: Claimed, outcome: Outcome, road: str) -> None:
        decision = decide(
            key=str(one.id),
            tries=one.tries,
            due_at=one.news_from,
            outcome=outcome,
            policy=self._post.policy,
            now=self._post.clock(),
        )
        refused = outcome if outcome.kind is OutcomeKind.REFUSED else None
        self._results.append(
            Finished(
                claim=one,
                decision=decision,
                transport=road,
                refusal=refused,
                reply=outcome.reply,
            )
        )

    def _commit(self, act: Callable[[Connection], None]) -> None:
        """One transaction: the results that are there, and an act beside them.

        What cannot be recorded is written to the receipts, so that a later run knows what a server
        has said; nothing more is sent then.
        """
        now = self._post.clock()
        try:
            with self._database.write() as connection:
                written = claiming.finish(connection, self._post.owner, self._results, now)
                silencing.refused(connection, written, now)
                self.traffic.heard(connection, [_heard(one) for one in written], now)
                act(connection)
        except BaseException:  # whatever it was, an answer must not be lost with it
            self._done = True
            results, self._results = self._results, []
            self._post.receipts.keep(results, now)
            raise
        self.states.update(one.decision.state for one in written)
        telling.delivered(written, now, self._issue_name)
        self._results = []

    def _issue_name(self, issue_id: int) -> str | None:
        """The day of an issue, where a message of it was built."""
        edition = self._editions.get(issue_id)
        return None if edition is None else edition.issue.name

    def _edition(self, issue_id: int) -> Edition:
        if issue_id not in self._editions:
            with self._database.read() as connection:
                issue = issues.by_id(connection, issue_id)
            self._editions[issue_id] = Edition(issue, self._signer, self._post.mail_signer)
        return self._editions[issue_id]


def _outcome(answer: Answer) -> Outcome:
    """What the next server's answer says of a delivery."""
    if isinstance(answer, Reply):
        return Outcome(kind=OutcomeKind.ACCEPTED, code=answer.code, text=answer.text)
    match answer:
        case Refused():
            return Outcome(kind=OutcomeKind.REFUSED, code=answer.reply.code, text=answer.reply.text)
        case TransportUnavailable():
            kind = OutcomeKind.IN_DOUBT if answer.in_doubt else OutcomeKind.ROAD_CLOSED
            return Outcome(kind=kind, text=str(answer))


def _heard(one: Finished) -> Heard:
    said = one.refusal
    return Heard(
        address=one.claim.address,
        taken=one.decision.state is DeliveryState.SENT,
        refusal=None if said is None else (said.code, said.text),
    )


def _nothing(_: Connection) -> None:
    """Only the results are to be recorded."""


def _never(state: DeliveryState, reason: str) -> Decision:
    return Decision(state=state, reason=reason, charged=False)
