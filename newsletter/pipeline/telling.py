"""Tells the log what the verbs did, in its events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from newsletter.delivery import DeliveryState
from newsletter.log_events import Event
from newsletter.logs import is_heard, tell
from newsletter.sources import STALE
from newsletter.store.claiming import Finished
from newsletter.store.letters import LetterState, Waiting
from newsletter.transports import TransportUnavailable

if TYPE_CHECKING:
    from newsletter.pipeline.bounces import TakenBack
    from newsletter.pipeline.collect import Collected
    from newsletter.pipeline.dispatch import Dispatched

S = DeliveryState
_DELIVERIES = {
    S.SENT: Event.DELIVERY_SENT,
    S.DEFERRED: Event.DELIVERY_DEFERRED,
    S.FAILED: Event.DELIVERY_FAILED,
    S.UNKNOWN: Event.DELIVERY_UNKNOWN,
    S.SKIPPED: Event.DELIVERY_SKIPPED,
}
_LETTERS = {
    LetterState.SENT: Event.LETTER_SENT,
    LetterState.QUEUED: Event.LETTER_DEFERRED,
    LetterState.FAILED: Event.LETTER_FAILED,
}


def delivered(
    written: Iterable[Finished], now: datetime, issue_name: Callable[[int], str | None]
) -> None:
    """What became of deliveries that are recorded."""
    heard = {state for state, event in _DELIVERIES.items() if is_heard(event)}
    for one in written:
        claim, state = one.claim, one.decision.state
        if state not in heard:
            continue
        late = (now - max(claim.due_at, claim.news_from)).total_seconds()
        tell(
            _DELIVERIES[state],
            delivery=claim.id,
            issue=issue_name(claim.issue_id),
            address=claim.address,
            transport=one.transport,
            attempt=claim.attempt,
            words=one.reply if state is S.SENT else one.decision.reason,
            late=max(late, 0.0),
        )


def dispatched(done: Dispatched, seconds: float) -> None:
    """What a run of sending did; a run that found nothing to do is not told."""
    if not done.states and not done.lost:
        return
    tell(
        Event.DISPATCH_DONE,
        sent=done.states[S.SENT],
        failed=done.states[S.FAILED],
        deferred=done.states[S.DEFERRED],
        unknown=done.states[S.UNKNOWN],
        skipped=done.states[S.SKIPPED],
        found=done.lost,
        seconds=seconds,
    )


def unavailable(closed: Mapping[str, TransportUnavailable]) -> None:
    """Which transports cannot be used."""
    for name, error in closed.items():
        tell(Event.TRANSPORT_UNAVAILABLE, transport=name, words=str(error))


def letter(one: Waiting, state: LetterState, transport: str | None, words: str) -> None:
    """What became of a letter."""
    tell(
        _LETTERS[state],
        letter=one.id,
        kind=one.kind,
        address=one.address,
        transport=transport,
        tries=one.tries,
        words=words,
    )


def source(done: Collected, failures: int = 0) -> None:
    """What one source brought, or why it did not."""
    if done.error is not None:
        tell(Event.SOURCE_FAILED, source=done.source, failures=failures, words=str(done.error))
        return
    tell(
        Event.SOURCE_DONE,
        source=done.source,
        papers=done.papers,
        new=done.new,
        changed=done.changed,
        observations=done.observations,
        refused=done.refused,
    )
    for note in done.notes:
        if note.startswith(STALE):
            tell(Event.SOURCE_STALE, source=done.source, words=note.removeprefix(STALE))


def collected(done: Iterable[Collected], seconds: float) -> None:
    """What all sources brought together."""
    every = list(done)
    tell(
        Event.COLLECT_DONE,
        sources=len(every),
        failed=sum(one.error is not None for one in every),
        papers=sum(one.papers for one in every),
        new=sum(one.new for one in every),
        seconds=seconds,
    )


def taken_back(done: TakenBack) -> None:
    """What came back; other people's letters in the same mailbox are nobody's concern."""
    for one in done.taken:
        if one.what.value != "other":
            tell(
                Event.BOUNCE_TAKEN,
                what=one.what,
                issue=one.issue,
                address=one.address,
                words=one.follows or one.words,
            )
    counts = {what.value: number for what, number in done.counts.items()}
    tell(
        Event.BOUNCES_DONE,
        number=sum(counts.values()),
        bounced=counts.get("bounced", 0),
        complained=counts.get("complained", 0),
    )
