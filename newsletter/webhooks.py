"""What a webhook is told, how that is signed, and what follows from its answer.

As the Standard Webhooks specification 1.0 has it (standardwebhooks.com): receivers can verify with
any of its libraries. Pure; who posts is `calls.py`, who keeps how far each one is the store.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from subscribers.events import EventKind, SubscriberEvent

FIRST_WAIT = timedelta(minutes=1)  # doubled each time
LONGEST_WAIT = timedelta(hours=6)
TRIES = 12  # with the waits between them about 20 hours: a night, and the morning to mend it
LONGEST_ANSWER = 200  # characters of it that are kept
GONE = 410  # says that nothing more is wanted, RFC 9110 15.5.11
TEST = "test"  # the type of what `webhooks test` posts


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """Who is told, and how far they have been told."""

    id: int
    url: str
    kinds: frozenset[EventKind]  # empty: all
    created_at: datetime
    cursor: int  # the last event that is done
    tries: int  # of the next one
    next_at: datetime  # no earlier is it tried; a run that is at it holds it by this
    lost: int  # events given up
    answer: str  # the last one, a line
    removed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What came of a POST."""

    status: int | None  # None: there was no answer
    words: str  # a line, for people

    @property
    def is_taken(self) -> bool:
        """Whether it was taken: 2xx, and nothing else."""
        return self.status is not None and 200 <= self.status < 300


class Fate(StrEnum):
    """What becomes of an event after a try."""

    DONE = "done"  # taken
    AGAIN = "again"  # later; those after it wait
    LOST = "lost"  # tried often enough; the next one follows
    GONE = "gone"  # the webhook wants no more


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do now."""

    fate: Fate
    wait: timedelta  # until the next try


def decide(answered: Answered, tries: int) -> Decision:
    """What follows from the answer to try number `tries`, from 1."""
    if answered.is_taken:
        return Decision(fate=Fate.DONE, wait=timedelta())
    if answered.status == GONE:
        return Decision(fate=Fate.GONE, wait=timedelta())
    if tries >= TRIES:
        return Decision(fate=Fate.LOST, wait=timedelta())
    return Decision(fate=Fate.AGAIN, wait=min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT))


def message_id(event_id: int) -> str:
    """The name of an event, the same at every try: receivers know by it what they had."""
    return f"evt_{event_id}"


def payload(event: SubscriberEvent, address: str) -> bytes:
    """The body that tells an event; the address is the one the subscriber has now."""
    return _body(event.id, event.kind.value, event.at, event.subscriber_id, address, event.by)


def test_payload(now: datetime) -> bytes:
    """A body of the same shape about nobody: number 0 is no event's and no subscriber's."""
    return _body(0, TEST, now, 0, "test@example.org", "command line")


def headers(name: str, at: datetime, body: bytes, secrets: Sequence[bytes]) -> Mapping[str, str]:
    """The headers of a POST made at `at`; one signature by each secret, for after a rotation."""
    seconds = int(at.timestamp())
    signed = b".".join((name.encode(), str(seconds).encode(), body))
    return {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{_signature(one, signed)}" for one in secrets),
    }


def shown_secret(secret: bytes) -> str:
    """A secret as receivers are given it."""
    return f"whsec_{base64.b64encode(secret).decode()}"


def _signature(secret: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def _body(number: int, kind: str, at: datetime, reader: int, address: str, by: str) -> bytes:
    told = {
        "id": number,
        "type": kind,
        "at": at.isoformat(),
        "subscriber": {"id": reader, "address": address},
        "by": by,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
