"""How fast mail may leave: rates, warming up, and going easy on a domain that asks for it.

Pure. What has been used of a rate is kept by `store/pacing.py`, so that several senders share it;
`pipeline/traffic.py` asks here and acts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

BURST = 50  # a burst is a fiftieth of a rate: groups stay whole, and the rate loses two per cent

GMAIL_RATE = "4.7.28"  # "an unusual rate of mail", https://support.google.com/mail/answer/81126
GMAIL_PAUSE = timedelta(minutes=10)  # "stop for at least ten minutes, then one connection"
FIRST_PAUSE = timedelta(minutes=1)  # of any other domain that asks to go slower; doubled each time
LONGEST_PAUSE = timedelta(hours=1)
EASE = 20  # messages taken in a row that buy one more connection
FREE = 8  # connections from which on a domain is no longer treated apart
FORGET = timedelta(days=1)  # without another such answer


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most `number` in any stretch of `seconds`, however it is laid over the clock.

    Kept by one instant, the generic cell rate algorithm (ITU-T I.371, Annex A): each message moves
    it on by an interval, and may leave while it is no further ahead than the burst.
    """

    number: int
    seconds: float

    @property
    def burst(self) -> int:
        """How many may leave at one instant."""
        return max(1, self.number // BURST)

    @property
    def interval(self) -> timedelta:
        """Between two messages in the long run: burst + seconds / interval is `number` at most."""
        exact = timedelta(seconds=self.seconds / (self.number - self.burst + 1))
        return max(exact, timedelta.resolution)

    def room(self, kept: datetime | None, now: datetime) -> int:
        """How many may leave now; `kept` is what `used` gave last, None before the first."""
        ahead = max(kept or now, now) - now
        return max(0, math.floor((self._slack - ahead) / self.interval) + 1)

    def used(self, kept: datetime | None, number: int, now: datetime) -> datetime:
        """What is to be kept after `number` left now."""
        return max(kept or now, now) + number * self.interval

    def next_at(self, kept: datetime | None, now: datetime) -> datetime:
        """When the next one may leave."""
        return max(now, (kept or now) - self._slack)

    @property
    def _slack(self) -> timedelta:
        return (self.burst - 1) * self.interval


def per_second(number: float) -> Rate:
    """The rate of that many messages a second, which may be less than one."""
    if number >= 1:
        return Rate(number=math.floor(number), seconds=math.floor(number) / number)
    return Rate(number=1, seconds=1 / number)


def per_hour(number: int) -> Rate:
    """The rate of that many messages an hour."""
    return Rate(number=number, seconds=3600)


@dataclass(frozen=True, kw_only=True)
class WarmUp:
    """How many messages a new sender sends a day, from its first day on; then as many as it likes.

    A new address or machine that sends much at once is taken for a thief's.
    """

    since: date
    days: tuple[int, ...]

    def most(self, today: date) -> int | None:
        """How many may leave on a day (UTC), None where any number may."""
        at = max(0, (today - self.since).days)
        return self.days[at] if at < len(self.days) else None


@dataclass(frozen=True, kw_only=True)
class RoadLimits:
    """What one transport may carry."""

    rates: tuple[Rate, ...] = ()
    warm_up: WarmUp | None = None


@dataclass(frozen=True, kw_only=True)
class DomainLimits:
    """What one recipient domain is sent."""

    rates: tuple[Rate, ...] = ()
    connections: int | None = None


@dataclass(frozen=True, kw_only=True)
class Slowdown:
    """How a domain is gone easy on, since it asked for that."""

    domain: str
    until: datetime  # nothing to it before
    connections: int  # at once, from then on
    strikes: int  # such answers, not counting those that came in the same pause
    taken: int  # in a row since the last step
    words: str  # of its last such answer
    at: datetime


def asks_to_slow(code: int | None, enhanced: str, words: str) -> bool:
    """Whether an answer about a recipient asks to go slower, not just to come again.

    421 (RFC 5321 3.8) and 4.7.x (RFC 3463 3.8) do. Greylisting says 4.7.1 too, and means only
    that one message.
    """
    if code is None or code // 100 != 4:
        return False
    greylisted = "greylist" in words.casefold() or "graylist" in words.casefold()
    return (code == 421 or enhanced.startswith("4.7.")) and not greylisted


def slowed(
    before: Slowdown | None, domain: str, enhanced: str, words: str, open_: int, now: datetime
) -> Slowdown:
    """After an answer that asks to slow; `open_` connections were there at most."""
    if before is not None and now < before.until:  # the same moment's: it is being kept to
        return replace(before, words=words, at=now, taken=0)
    strikes = before.strikes + 1 if before is not None and now - before.at < FORGET else 1
    had = min(open_, before.connections) if before is not None else open_
    if enhanced == GMAIL_RATE:
        pause, connections = GMAIL_PAUSE, 1
    else:
        pause = min(FIRST_PAUSE * 2 ** min(strikes - 1, 10), LONGEST_PAUSE)
        connections = max(1, had // 2)
    return Slowdown(
        domain=domain,
        until=now + pause,
        connections=connections,
        strikes=strikes,
        taken=0,
        words=words,
        at=now,
    )


def eased(before: Slowdown, taken: int, now: datetime) -> Slowdown | None:
    """After it took some more without such an answer; None where it is forgotten."""
    if now - before.at >= FORGET:
        return None
    steps, rest = divmod(before.taken + taken, EASE)
    connections = before.connections + steps
    return None if connections >= FREE else replace(before, connections=connections, taken=rest)


def slot(rates: Sequence[Rate], connections: int | None) -> timedelta:
    """How far apart messages that have to wait are put, so that few of them come in vain.

    A connection is reckoned to carry one message a second.
    """
    apart = [rate.interval for rate in rates]
    if connections is not None:
        apart.append(timedelta(seconds=1 / connections))
    return max(apart, default=timedelta())
