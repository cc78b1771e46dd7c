"""Whether a request that failed is worth another try, and after how long.

Pure: every branch gives its reason. All requests here are GETs, safe to repeat (RFC 9110 9.2.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_WAIT = 1.0  # seconds; doubled each time
LONGEST_WAIT = 60.0  # seconds; an upstream that asks for more is told to the operator instead
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # statuses that may pass


@dataclass(frozen=True, kw_only=True)
class Again:
    """The decision on a failed try."""

    wait: float | None  # seconds; None: do not try again
    reason: str


def decide(
    *,
    tried: int,
    tries: int,
    status: int | None,
    retry_after: str | None,
    now: datetime,
    chance: float,
) -> Again:
    """What to do after try number `tried` (from 1) of `tries`.

    `status` is the answer's, None where the connection failed. `chance` in [0, 1) spreads the
    waits of many clients: the wait is `2 ** (tried - 1) * FIRST_WAIT`, of which the upper half is
    up to chance. What Retry-After asks for (RFC 9110 10.2.3) is waited for, and never less.
    """
    if status is not None and status not in AGAIN:
        return Again(wait=None, reason="another try would get the same answer")
    if tried >= tries:
        return Again(wait=None, reason="tried often enough")
    asked = seconds_of(retry_after, now) if retry_after else 0.0
    if asked > LONGEST_WAIT:
        return Again(wait=None, reason=f"asked to come back in {asked / 60:.0f} minutes")
    own = min(FIRST_WAIT * 2 ** (tried - 1), LONGEST_WAIT)
    return Again(wait=max(asked, own / 2 + own / 2 * chance), reason="may pass")


def seconds_of(retry_after: str, now: datetime) -> float:
    """The seconds that a Retry-After means, given as seconds or as a date; 0 for nonsense."""
    text = retry_after.strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        then = parsedate_to_datetime(text)
        return max(0.0, ((then if then.tzinfo else then.replace(tzinfo=UTC)) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0
