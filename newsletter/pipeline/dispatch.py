"""dispatch: claims due deliveries, builds their bytes, hands them over, records the reply.

Repeatable, and safe beside itself: `sending` is committed before the first byte of a message
leaves, the result of one message together with the intent of the next. So after a crash at any
instant one delivery at most is in doubt, it is listed as unknown, and nobody gets two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsletter.delivery import (
    Decision,
    DeliveryState,
    Outcome,
    OutcomeKind,
    Policy,
    decide,
    is_news,
)
from newsletter.message import Message
from newsletter.pipeline import silencing
from newsletter.pipeline.digests import Edition
from newsletter.store import deliveries, issues
from newsletter.store.database import Connection, Database
from newsletter.store.deliveries import Claimed, Finished
from newsletter.transports import Envelope, Refused, Transport, TransportUnavailable
from subscribers.tokens import Signer

BATCH = 50  # deliveries a claim: few enough to hand back fast, many enough to spare claims


@dataclass(frozen=True, kw_only=True)
class Post:
    """What a run of dispatch works with."""

    transport: Transport
    transport_name: str
    owner: str  # of this run, unlike any other's
    policy: Policy
    lease: timedelta
    clock: Callable[[], datetime]
    stopped: Callable[[], bool] = lambda: False  # asked between messages
    progress: Callable[[int], None] = lambda _: None


@dataclass(frozen=True, kw_only=True)
class Dispatched:
    """What a run of dispatch did."""

    states: Counter[DeliveryState] = field(default_factory=Counter)  # of what it finished
    lost: int = 0  # found in doubt, left by an earlier run
    closed: TransportUnavailable | None = None  # the road that closed on the way


def dispatch(
    database: Database,
    signer: Signer,
    post: Post,
    *,
    limit: int | None = None,
    subscriber_id: int | None = None,
) -> Dispatched:
    """Sends what is due, at most `limit` messages, to one subscriber only if named.

    Raises TransportUnavailable where the road is closed from the start: then nothing was touched.
    A road that closes on the way ends the run and is told in the result. Raises StoreError where
    results cannot be recorded; sending has stopped then.
    """
    with database.write() as connection:
        lost = deliveries.settle_lost(connection, post.clock())
    run = _Run(database, signer, post)
    done = Dispatched(states=run.states, lost=lost)
    post.transport.open()
    try:
        run.send(limit, subscriber_id)
    except TransportUnavailable as error:
        return Dispatched(states=run.states, lost=lost, closed=error)
    finally:
        try:
            run.settle()
        finally:
            post.transport.close()
    return done


class _Run:
    """One run: the claims it holds, and the result that is not recorded yet."""

    def __init__(self, database: Database, signer: Signer, post: Post) -> None:
        self.states: Counter[DeliveryState] = Counter()
        self._database = database
        self._signer = signer
        self._post = post
        self._editions: dict[int, Edition] = {}
        self._held: list[Claimed] = []
        self._results: list[Finished] = []

    def send(self, limit: int | None, subscriber_id: int | None) -> None:
        """Claims and sends until nothing is due, the limit is reached or a stop is asked for."""
        left = limit
        while left is None or left > 0:
            self._claim(BATCH if left is None else min(BATCH, left), subscriber_id)
            if not self._held:
                return
            while self._held:
                if self._post.stopped():
                    return
                one = self._held.pop(0)
                self._one(one)
                self._post.progress(1)
                left = None if left is None else left - 1

    def settle(self) -> None:
        """Records what is not recorded, and gives back what was claimed and not begun."""
        with self._database.write() as connection:
            self._record(connection)
            deliveries.release(connection, self._post.owner, self._held)
        self._held = []

    def _claim(self, most: int, subscriber_id: int | None) -> None:
        now = self._post.clock()
        with self._database.write() as connection:
            self._record(connection)
            self._held = deliveries.claim(
                connection,
                owner=self._post.owner,
                now=now,
                lease=self._post.lease,
                limit=most,
                subscriber_id=subscriber_id,
            )

    def _one(self, one: Claimed) -> None:
        now = self._post.clock()
        if not one.confirmed:
            self._finished(one, _never(DeliveryState.SKIPPED, "unsubscribed before it was sent"))
            return
        if one.suppressed:
            self._finished(one, _never(DeliveryState.SKIPPED, silencing.skipped(one.suppressed)))
            return
        if not is_news(one.due_at, self._post.policy, now):
            self._finished(
                one, _never(DeliveryState.FAILED, "no longer news when it could be sent")
            )
            return
        message = self._edition(one.issue_id).message(one)
        with self._database.write() as connection:
            self._record(connection)
            ours = deliveries.begin(connection, self._post.owner, [one], now)
        if one.id not in ours:
            return  # another sender has it now
        try:
            outcome = self._carry(message)
        except TransportUnavailable as error:
            kind = OutcomeKind.IN_DOUBT if error.in_doubt else OutcomeKind.ROAD_CLOSED
            self._decided(one, Outcome(kind=kind, text=str(error)))
            raise
        self._decided(one, outcome)

    def _carry(self, message: Message) -> Outcome:
        envelope = Envelope(
            sender=message.sender, recipient=message.recipient, message_id=message.message_id
        )
        try:
            reply = self._post.transport.send(envelope, message.content)
        except Refused as error:
            refusal = error.reply
            return Outcome(kind=OutcomeKind.REFUSED, code=refusal.code, text=refusal.text)
        return Outcome(kind=OutcomeKind.ACCEPTED, code=reply.code, text=reply.text)

    def _decided(self, one: Claimed, outcome: Outcome) -> None:
        decision = decide(
            key=str(one.id),
            tries=one.tries,
            due_at=one.due_at,
            outcome=outcome,
            policy=self._post.policy,
            now=self._post.clock(),
        )
        refused = outcome if outcome.kind is OutcomeKind.REFUSED else None
        self._finished(one, decision, refused)

    def _finished(self, one: Claimed, decision: Decision, refusal: Outcome | None = None) -> None:
        transport = self._post.transport_name
        self._results.append(
            Finished(claim=one, decision=decision, transport=transport, refusal=refusal)
        )

    def _record(self, connection: Connection) -> None:
        now = self._post.clock()
        written = deliveries.finish(connection, self._post.owner, self._results, now)
        silencing.refused(connection, written, now)
        self.states.update(one.decision.state for one in written)
        self._results = []

    def _edition(self, issue_id: int) -> Edition:
        if issue_id not in self._editions:
            with self._database.read() as connection:
                issue = issues.by_id(connection, issue_id)
            self._editions[issue_id] = Edition(issue, self._signer)
        return self._editions[issue_id]


def _never(state: DeliveryState, reason: str) -> Decision:
    return Decision(state=state, reason=reason, charged=False)


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """A message that would be sent now."""

    address: str
    message: Message


def rehearse(
    database: Database,
    signer: Signer,
    now: datetime,
    *,
    limit: int | None = None,
    subscriber_id: int | None = None,
    early: bool = False,
) -> Iterator[Rehearsed]:
    """Builds what `dispatch` would send now (or `early`: once every hour came); changes nothing."""
    editions: dict[int, Edition] = {}
    with database.read() as connection:
        for entry in deliveries.due(
            connection, now, limit=limit, subscriber_id=subscriber_id, early=early
        ):
            if entry.issue_id not in editions:
                editions[entry.issue_id] = Edition(issues.by_id(connection, entry.issue_id), signer)
            yield Rehearsed(address=entry.address, message=editions[entry.issue_id].message(entry))
