"""dispatch: claims due deliveries, builds their bytes, hands them over, records the reply.

Repeatable, and safe beside itself: `sending` is committed before the first byte of a message
leaves, the results that came meanwhile together with the intents of the next messages. So after a
crash at any instant no more deliveries are in doubt than connections were open, each of them is
listed as unknown, and nobody gets two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
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
from newsletter.message import Message
from newsletter.pipeline import silencing
from newsletter.pipeline.connections import Answer, Connections
from newsletter.pipeline.digests import Edition
from newsletter.pipeline.receipts import NO_RECEIPTS, Receipts
from newsletter.store import deliveries, issues, ledger
from newsletter.store.database import Connection, Database
from newsletter.store.deliveries import Claimed, Finished
from newsletter.transports import Refused, Transport, TransportUnavailable
from subscribers.tokens import Signer

BATCH = 50  # deliveries a claim: few enough to hand back fast, many enough to spare claims


@dataclass(frozen=True, kw_only=True)
class Post:
    """What a run of dispatch works with."""

    transports: Sequence[Transport]  # one a connection, all of the same road
    transport_name: str
    owner: str  # of this run, unlike any other's
    policy: Policy
    lease: timedelta
    clock: Callable[[], datetime]
    mail_signer: MailSigner | None = None  # where the settings ask for DKIM
    stopped: Callable[[], bool] = lambda: False  # asked between messages
    progress: Callable[[int], None] = lambda _: None
    receipts: Receipts = NO_RECEIPTS


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
    A connection that closes on the way is retired; when the last one is, the run ends and tells the
    closed road in its result. Raises StoreError where
    results cannot be recorded; sending has stopped then.
    """
    post.receipts.replay(database)
    with database.write() as connection:
        lost = deliveries.settle_lost(connection, post.clock())
    post.transports[0].open()
    run = _Run(database, signer, post)
    try:
        run.send(limit, subscriber_id)
    finally:
        run.settle()
    return Dispatched(states=run.states, lost=lost, closed=run.closed)


class _Run:
    """One run: what it holds, what is under way, and what is not recorded yet."""

    def __init__(self, database: Database, signer: Signer, post: Post) -> None:
        self.states: Counter[DeliveryState] = Counter()
        self.closed: TransportUnavailable | None = None  # the last road that closed
        self._database = database
        self._signer = signer
        self._post = post
        self._connections = Connections(post.transports)
        self._editions: dict[int, Edition] = {}
        self._held: list[Claimed] = []
        self._results: list[Finished] = []
        self._done = False  # nothing more is due, or may be begun

    def send(self, limit: int | None, subscriber_id: int | None) -> None:
        """Claims and sends until nothing is due, the limit is reached or a stop is asked for.

        The intents of all idle connections and the results that came meanwhile are committed
        together, so that what a crash leaves in doubt is never more than the open connections.
        """
        left = limit
        while self._connections.idle or self._connections.busy:
            begun = 0
            if self._connections.idle and not self._done:
                begun = self._hand_over(left, subscriber_id)
                left = None if left is None else left - begun
            if not self._connections.busy:
                if self._done or not begun:
                    return
                continue
            if self._results:  # what is known must not wait for the slowest answer
                self._commit(_nothing)
            self._receive()

    def settle(self) -> None:
        """Waits for what is under way, records it, and gives back what was not begun."""
        trouble: BaseException | None = None
        held, self._held = self._held, []
        try:
            try:
                self._commit(
                    lambda connection: deliveries.release(connection, self._post.owner, held)
                )
            except Exception as error:
                trouble = error
            while self._connections.busy:
                try:
                    self._receive()
                    self._commit(_nothing)
                except Exception as error:
                    trouble = trouble or error
        finally:
            if self._connections.alive:
                self.closed = None  # others carried on: the road is open
            self._connections.close()
        if trouble is not None:
            raise trouble

    def _hand_over(self, left: int | None, subscriber_id: int | None) -> int:
        """Gives every idle connection a message; returns how many were ended or handed over."""
        if self._post.stopped():
            self._done = True
            return 0
        room = self._connections.idle if left is None else min(self._connections.idle, left)
        if room and len(self._held) < room:
            self._claim(BATCH if left is None else min(BATCH, left), subscriber_id)
        if not room or not self._held:
            self._done = True
            return 0
        chosen, self._held = self._held[:room], self._held[room:]
        ready = [(one, message) for one in chosen if (message := self._message(one)) is not None]
        now = self._post.clock()
        expires = monotonic() + self._post.lease.total_seconds()  # begun anew with the message
        ours: set[int] = set()

        def begin(connection: Connection) -> None:
            mine = [one for one, _ in ready]
            lease = self._post.lease
            ours.update(deliveries.begin(connection, self._post.owner, mine, now, lease))

        self._commit(begin)
        for one, message in ready:
            if one.id in ours:
                self._connections.hand(one, message, expires)
                continue
            self._post.progress(1)
            if self._post.clock() >= one.lease_until:
                self._done = True  # so long away that others do our work: leave it to them
        return len(chosen)

    def _message(self, one: Claimed) -> Message | None:
        """The mail of a claim, or None where it ends unsent."""
        if not one.confirmed:
            ended = _never(DeliveryState.SKIPPED, "unsubscribed before it was sent")
        elif one.suppressed:
            ended = _never(DeliveryState.SKIPPED, silencing.skipped(one.suppressed))
        elif not is_news(one.news_from, self._post.policy, self._post.clock()):
            ended = _never(DeliveryState.FAILED, "no longer news when it could be sent")
        else:
            return self._edition(one.issue_id).message(one)
        self._finished(one, ended)
        self._post.progress(1)
        return None

    def _claim(self, most: int, subscriber_id: int | None) -> None:
        now = self._post.clock()
        post = self._post

        def claim(connection: Connection) -> None:
            self._held += deliveries.claim(
                connection,
                owner=post.owner,
                now=now,
                lease=post.lease,
                limit=most - len(self._held),
                subscriber_id=subscriber_id,
            )

        self._commit(claim)

    def _receive(self) -> None:
        trouble: BaseException | None = None
        for one in self._connections.returned():
            if not isinstance(one.answer, Answer):  # a mistake in a transport: it is in doubt
                trouble = trouble or one.answer
                continue
            self._decided(one.claim, _outcome(one.answer))
            if isinstance(one.answer, TransportUnavailable):
                self.closed = one.answer
            self._post.progress(1)
        if trouble is not None:
            raise trouble

    def _decided(self, one: Claimed, outcome: Outcome) -> None:
        decision = decide(
            key=str(one.id),
            tries=one.tries,
            due_at=one.news_from,
            outcome=outcome,
            policy=self._post.policy,
            now=self._post.clock(),
        )
        refused = outcome if outcome.kind is OutcomeKind.REFUSED else None
        self._finished(one, decision, refused, outcome.reply)

    def _finished(
        self, one: Claimed, decision: Decision, refusal: Outcome | None = None, reply: str = ""
    ) -> None:
        transport = self._post.transport_name
        self._results.append(
            Finished(
                claim=one, decision=decision, transport=transport, refusal=refusal, reply=reply
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
                written = deliveries.finish(connection, self._post.owner, self._results, now)
                silencing.refused(connection, written, now)
                act(connection)
        except BaseException:  # whatever it was, an answer must not be lost with it
            self._done = True
            results, self._results = self._results, []
            self._post.receipts.keep(results, now)
            raise
        self.states.update(one.decision.state for one in written)
        self._results = []

    def _edition(self, issue_id: int) -> Edition:
        if issue_id not in self._editions:
            with self._database.read() as connection:
                issue = issues.by_id(connection, issue_id)
            self._editions[issue_id] = Edition(issue, self._signer, self._post.mail_signer)
        return self._editions[issue_id]


def _outcome(answer: Answer) -> Outcome:
    """What the next server's answer says of a delivery."""
    match answer:
        case Refused():
            return Outcome(kind=OutcomeKind.REFUSED, code=answer.reply.code, text=answer.reply.text)
        case TransportUnavailable():
            kind = OutcomeKind.IN_DOUBT if answer.in_doubt else OutcomeKind.ROAD_CLOSED
            return Outcome(kind=kind, text=str(answer))
    return Outcome(kind=OutcomeKind.ACCEPTED, code=answer.code, text=answer.text)


def _nothing(_: Connection) -> None:
    """Only the results are to be recorded."""


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
    mail_signer: MailSigner | None = None,
) -> Iterator[Rehearsed]:
    """Builds what `dispatch` would send now (or `early`: once every hour came); changes nothing."""
    editions: dict[int, Edition] = {}
    with database.read() as connection:
        for entry in ledger.due(
            connection, now, limit=limit, subscriber_id=subscriber_id, early=early
        ):
            if entry.issue_id not in editions:
                issue = issues.by_id(connection, entry.issue_id)
                editions[entry.issue_id] = Edition(issue, signer, mail_signer)
            yield Rehearsed(address=entry.address, message=editions[entry.issue_id].message(entry))
