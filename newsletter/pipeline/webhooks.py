"""Tells webhooks what happened, each one event after the other, in order.

At least once: no transaction is open while something is posted, so a run that is killed between
the answer and its record leaves an event to be sent again, by the same name. One run at a time is
at a webhook; a run that was killed holds it for `LEASE` at most. Several are told at once, so that
a slow one holds up nobody but itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from newsletter import webhooks
from newsletter.log_events import Event
from newsletter.logs import tell as log
from newsletter.store import webhooks as kept
from newsletter.store.database import Database
from newsletter.webhooks import Answered, Fate, Webhook
from subscribers import event_store
from subscribers import store as subscribers
from subscribers.events import SubscriberEvent
from subscribers.tokens import Signer

AT_ONCE = 8  # webhooks
LEASE = timedelta(minutes=2)  # many times what one POST and the look-up of a name may take


class Posts(Protocol):
    """Posts; `calls.Caller` does so."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """What came of it, whatever that was."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run did for one webhook, and how that is now."""

    webhook: Webhook
    sent: int = 0
    lost: int = 0


def tell(
    database: Database,
    signer: Signer,
    posts: Posts,
    clock: Callable[[], datetime],
    stopped: Callable[[], bool] = lambda: False,
) -> list[Run]:
    """Sends all webhooks what is due by now; what happens meanwhile is left to the next run.

    Once it is `stopped` it ends after the posts under way.
    """
    with database.read() as connection:
        newest, now = event_store.newest(connection), clock()
        due = [x for x in kept.listed(connection) if x.next_at <= now and x.cursor < newest]
    if not due:
        return []
    with database.write() as connection:
        last = kept.settled(connection)
    one_run = _Telling(database, signer, posts, clock, last, stopped)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = pool.map(one_run.follow, due)
        return [run for run in runs if run is not None]


def test(signer: Signer, posts: Posts, webhook: Webhook, now: datetime) -> Answered:
    """Sends a webhook an event about nobody; nothing is recorded."""
    body = webhooks.test_payload(now)
    name = f"{webhooks.TEST}_{int(now.timestamp())}"
    return _post(signer, posts, webhook, name, body, now)


class _Telling:
    """One run, up to one event."""

    def __init__(
        self,
        database: Database,
        signer: Signer,
        posts: Posts,
        clock: Callable[[], datetime],
        last: int,
        stopped: Callable[[], bool],
    ) -> None:
        self._database = database
        self._signer = signer
        self._posts = posts
        self._clock = clock
        self._last = last
        self._stopped = stopped

    def follow(self, webhook: Webhook) -> Run | None:
        """Tells one webhook until all is told or it does not listen; None if another run is it."""
        now = self._clock()
        with self._database.write() as connection:
            if not kept.claim(connection, webhook, now, now + LEASE):
                return None
        run = Run(webhook=webhook)
        while run.webhook.removed_at is None and (found := self._next(run.webhook)):
            if self._stopped():
                return self._let_go(run, run.webhook.cursor)
            after = self._one(run, *found)
            if after is None:  # another run was quicker: it goes on
                return run
            run = after
            if run.webhook.tries:
                return run
        return self._let_go(run, max(run.webhook.cursor, self._last))

    def _next(self, webhook: Webhook) -> tuple[SubscriberEvent, str] | None:
        """The next event that it wants, and the address of whom it is about."""
        with self._database.read() as connection:
            for event in event_store.after(connection, webhook.cursor, 1, webhook.kinds):
                if event.id <= self._last:
                    return event, subscribers.by_id(connection, event.subscriber_id).address
        return None

    def _one(self, run: Run, event: SubscriberEvent, address: str) -> Run | None:
        """Tells one event and records what came of it; None where that was recorded already."""
        webhook = run.webhook
        body, name = webhooks.payload(event, address), webhooks.message_id(event.id)
        answered = _post(self._signer, self._posts, webhook, name, body, self._clock())
        decision = webhooks.decide(answered, webhook.tries + 1)
        now, words = self._clock(), answered.words
        lost = int(decision.fate is Fate.LOST)
        with self._database.write() as connection:
            if decision.fate is Fate.GONE:
                after = kept.remove(connection, webhook, now, words)
            elif decision.fate is Fate.AGAIN:
                after = kept.postpone(connection, webhook, now + decision.wait, words)
            else:
                after = kept.advance(
                    connection, webhook, event.id, now + LEASE, answer=words, lost=lost
                )
        if after is None:
            return None
        sent = int(decision.fate is Fate.DONE)
        if sent:
            log(Event.WEBHOOK_TOLD, webhook=webhook.id, about=event.id)
        else:
            log(
                Event.WEBHOOK_FAILED,
                webhook=webhook.id,
                about=event.id,
                tries=webhook.tries + 1,
                fate=decision.fate.name.lower(),
                words=words,
            )
        return Run(webhook=after, sent=run.sent + sent, lost=run.lost + lost)

    def _let_go(self, run: Run, cursor: int) -> Run:
        """Lets others have a webhook that has heard, or did not want, all up to `cursor`."""
        if run.webhook.removed_at is not None:
            return run
        with self._database.write() as connection:
            after = kept.advance(connection, run.webhook, cursor, self._clock())
        return Run(webhook=after or run.webhook, sent=run.sent, lost=run.lost)


def _post(
    signer: Signer, posts: Posts, webhook: Webhook, name: str, body: bytes, now: datetime
) -> Answered:
    secrets = signer.webhook_secrets(webhook.id)
    return posts.post(webhook.url, webhooks.headers(name, now, body, secrets), body)
