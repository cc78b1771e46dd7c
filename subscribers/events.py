"""What can happen to a subscription; `event_store.py` keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """What happened."""

    SUBSCRIBED = "subscribed"  # asked for mail; confirmed or not yet
    CONFIRMED = "confirmed"
    CHANGED = "changed"  # preferences or address
    BOUNCED = "bounced"  # mail came back for good, or so often that it is not sent any more
    COMPLAINED = "complained"  # reported as spam
    UNSUBSCRIBED = "unsubscribed"
    ERASED = "erased"


@dataclass(frozen=True, kw_only=True)
class SubscriberEvent:
    """Something that happened to a subscription."""

    id: int  # grows; gaps are possible
    subscriber_id: int
    kind: EventKind
    at: datetime
    by: str  # "command line", "subscribe page", "bounce", ...
