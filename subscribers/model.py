"""The values of a subscription: who, in which state, with which preferences.

Frozen values only; `store.py` keeps them, `schedule.py` reads the clock part of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from subscribers.errors import PreferenceError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")  # enough of BCP 47
EVERY_DAY = frozenset(range(7))
LONGEST = 50  # papers; a digest of 50 cards is near the size at which mail clients clip


class State(StrEnum):
    """Where a subscription stands."""

    PENDING = "pending"  # asked, has not confirmed the address yet: gets nothing
    CONFIRMED = "confirmed"  # gets digests
    UNSUBSCRIBED = "unsubscribed"  # left: gets nothing, and is kept so that it stays so


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """What a reader wants, when, and how much of it."""

    follows: frozenset[str] = frozenset()  # topic slugs; empty: whatever is trending
    mutes: frozenset[str] = frozenset()  # topic slugs whose papers never come
    at: time = time(8, 0)  # wall-clock time in `zone`
    zone: str = "UTC"  # IANA name
    days: frozenset[int] = EVERY_DAY  # 0 is Monday, as in datetime.weekday()
    length: int = 10  # papers a digest, at most
    language: str = ""  # BCP 47 tag; empty: the publication's own
    discover: bool = False  # whether the last paper may be of topics not followed
    learn: bool = True  # whether votes change the digest
    clicks: bool = False  # opted in: links followed count a little as votes
    paused_until: date | None = None  # the first day with a digest again

    def __post_init__(self) -> None:
        both = self.follows & self.mutes
        if both:
            names = ", ".join(sorted(both))
            raise PreferenceError(f"A topic is either followed or muted, not both: {names}.")
        if not self.days:
            raise PreferenceError("Choose at least one weekday, or unsubscribe instead.")
        if not self.days <= EVERY_DAY:
            raise PreferenceError("Weekdays are numbered 0 (Monday) to 6 (Sunday).")
        if not 1 <= self.length <= LONGEST:
            raise PreferenceError(f"A digest has 1 to {LONGEST} papers, not {self.length}.")
        if self.language and not _TAG.fullmatch(self.language):
            raise PreferenceError(
                f"{self.language!r} is no language; write a tag such as en, de or pt-BR."
            )
        parse_zone(self.zone)


@dataclass(frozen=True, kw_only=True)
class Consent:
    """How and when a reader agreed; kept as proof (GDPR Art. 7(1))."""

    at: datetime
    form: str  # where it was given: "command line", "subscribe page", ...
    wording: str = ""  # the version of the words agreed to; empty: none were shown
    network: str = ""  # the IP address it came from, where the operator keeps that


@dataclass(frozen=True, kw_only=True)
class Subscriber:
    """One address that asked for mail."""

    id: int
    address: str  # normalised, as mail is sent to it
    state: State
    preferences: Preferences = field(default_factory=Preferences)
    consent: Consent
    unsubscribed_at: datetime | None = None


def parse_time(text: str) -> time:
    """Reads "08:00" or "8:00" as a time of day; raises PreferenceError."""
    hours, colon, minutes = text.strip().partition(":")
    try:
        if not colon or not (hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2):
            raise ValueError(text)
        return time(int(hours), int(minutes))
    except (ValueError, OverflowError):
        raise PreferenceError(
            f"{text!r} is not a time of day; write hours and minutes, such as 08:00 or 17:30."
        ) from None


def parse_zone(name: str) -> ZoneInfo:
    """Finds the IANA time zone of that name; raises PreferenceError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PreferenceError(
            f"{name!r} is not a time zone; write an IANA name such as Europe/Oslo or UTC."
        ) from None


def parse_days(text: str) -> frozenset[int]:
    """Reads "daily", "weekdays" or "mon,wed,fri"; raises PreferenceError."""
    words = [word.strip().casefold() for word in text.split(",") if word.strip()]
    if words == ["daily"]:
        return EVERY_DAY
    if words == ["weekdays"]:
        return frozenset(range(5))
    unknown = [word for word in words if word[:3] not in WEEKDAYS]
    if unknown or not words:
        raise PreferenceError(
            f"{text!r} names no days; write daily, weekdays, or days such as mon,wed,fri."
        )
    return frozenset(WEEKDAYS.index(word[:3]) for word in words)


def days_in_words(days: frozenset[int]) -> str:
    """Says a set of weekdays as a person would: "daily", "weekdays", "mon, wed"."""
    if days == EVERY_DAY:
        return "daily"
    if days == frozenset(range(5)):
        return "weekdays"
    return ", ".join(WEEKDAYS[day] for day in sorted(days))
