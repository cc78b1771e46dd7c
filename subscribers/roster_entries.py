"""Decides whether a row of a file can be a subscriber, and says why where it cannot.

Whether the address is here already, has left or is suppressed is the database's to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from subscribers import addresses
from subscribers.errors import AddressError, PreferenceError
from subscribers.model import (
    Consent,
    Preferences,
    State,
    Subscriber,
    days_in_words,
    parse_days,
    parse_time,
    parse_zone,
)
from subscribers.roster import Record, masked
from subscribers.roster_columns import NO, Layout

LONGEST_FORM = 64  # characters of `consent_form`, as the table has it
LONGEST_REASON = 300  # characters; some errors quote what they are about
AHEAD = timedelta(days=1)  # a consent may be of a clock further east, but not of next week
WISHES = ("topics", "mutes", "at", "zone", "days", "length", "language", "paused_until")
_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")  # a part of RFC 5322's dot-atom
_LONGEST_LOCAL = 64  # RFC 5321 4.5.3.1.1
_LONGEST = 254  # RFC 5321 4.5.3.1.3, less its two brackets
_BETWEEN = re.compile(r"[,;|]")


class Wishes(NamedTuple):
    """Preferences as a row names them, and as a new subscriber has them."""

    named: Mapping[str, Any]
    preferences: Preferences
    passed_over: tuple[str, ...]  # another service's tags that are no topics here


class Entry(NamedTuple):
    """A row that can be a subscriber."""

    line: int
    address: str  # normalised
    key: str  # addresses.key()
    state: State  # as it would be here
    wishes: Wishes
    consent: Consent


class Refusal(NamedTuple):
    """A row that is not subscribed."""

    line: int
    address: str  # masked
    reason: str  # in words, without a full stop
    key: str = ""  # of an address that left; other rows with it are refused too


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What holds for all rows of a file."""

    consent: str  # where they agreed
    now: datetime
    ask: bool = False  # whether their owners are asked by mail first
    wishes: Mapping[str, str] = field(default_factory=dict)  # ours: as a row would say it
    topic: Callable[[str], str | None] = lambda name: name  # its slug; None: there is none
    language: Callable[[str], str] = lambda tag: tag  # its tag; raises PreferenceError


class Judge:
    """Reads the rows of one file."""

    def __init__(self, layout: Layout, terms: Terms) -> None:
        self._layout = layout
        self._terms = terms
        self._named = tuple(name for name in WISHES if name in layout.at)
        # Rows share their preferences and domains; reading each once is enough.
        self._wishes = lru_cache(maxsize=4096)(self._read_wishes)
        self._domain = lru_cache(maxsize=65536)(_domain)

    def __call__(self, row: Record) -> Entry | Refusal:
        """The subscriber that a row tells of, or why it tells of none."""
        layout = self._layout
        if len(row.fields) != layout.width:
            reason = f"{len(row.fields)} fields where the header has {layout.width}"
            return Refusal(row.line, "", reason)
        typed = layout.value(row.fields, "address")
        try:
            address = self._address(typed)
            key = addresses.key(address)
            if reason := self._left(row.fields):
                return Refusal(row.line, masked(typed), reason, key)
            state = self._state(row.fields)
            wishes = self._wishes(tuple(layout.value(row.fields, name) for name in self._named))
            consent = self._consent(row.fields)
        except (AddressError, PreferenceError) as error:
            reason = addresses.shown(str(error).rstrip("."), LONGEST_REASON)
            return Refusal(row.line, masked(typed), reason)
        return Entry(row.line, address, key, state, wishes, consent)

    def _address(self, typed: str) -> str:
        """`addresses.normalise`, quick for plain addresses of domains seen before."""
        local, at, host = typed.rpartition("@")
        if at and len(local) <= _LONGEST_LOCAL and _LOCAL.fullmatch(local):
            domain = self._domain(host)
            if domain is not None and len(local) + 1 + len(domain) <= _LONGEST:
                return f"{local}@{domain}"
        if not typed:
            raise AddressError("no address")
        try:
            return addresses.normalise(typed)
        except AddressError as error:  # which quotes the address
            words = str(error).partition(" is not an e-mail address: ")[2]
            raise AddressError(f"no e-mail address: {words}") from None

    def _left(self, fields: list[str]) -> str:
        preset = self._layout.preset
        for place, word in self._layout.left.items():
            if fields[place].strip().casefold() not in NO:
                return f"{word} there"
        state = _state(self._layout.value(fields, "state"))
        if "state" not in self._layout.at or state in preset.good or state in preset.asks:
            return ""
        return f"{addresses.shown(state)} there" if state else "it is not told whether it has left"

    def _state(self, fields: list[str]) -> State:
        pending = _state(self._layout.value(fields, "state")) in self._layout.preset.asks
        if pending and "state" in self._layout.at and not self._terms.ask:
            raise PreferenceError("not confirmed there; --confirm asks")
        return State.PENDING if self._terms.ask else State.CONFIRMED

    def _consent(self, fields: list[str]) -> Consent:
        form = self._layout.value(fields, "consent_form") or self._terms.consent
        if len(form) > LONGEST_FORM or not form.isprintable():
            raise PreferenceError(
                f"consent_form is not one line of {LONGEST_FORM} characters at most"
            )
        at = now = self._terms.now
        if text := self._layout.value(fields, "consent_at"):
            at = instant(text)
            if at > now + AHEAD:
                raise PreferenceError(f"a consent of {at:%Y-%m-%d}, which is still to come")
        # Who is asked has not agreed to us yet: it counts from now until they answer.
        return Consent(at=now if self._terms.ask else at, form=form)

    def _read_wishes(self, values: tuple[str, ...]) -> Wishes:
        said = dict(self._terms.wishes)
        said |= {name: value for name, value in zip(self._named, values, strict=True) if value}
        follows, passed_over = self._topics(said.pop("topics", ""), self._layout.strict_topics)
        mutes, _ = self._topics(said.pop("mutes", ""), strict=True)
        named: dict[str, Any] = {name: self._read(name, value) for name, value in said.items()}
        named |= {"follows": follows} if follows else {}
        named |= {"mutes": mutes} if mutes else {}
        return Wishes(named, Preferences(**named), passed_over)

    def _read(self, name: str, value: str) -> Any:
        match name:
            case "at":
                return parse_time(value)
            case "zone":
                return parse_zone(value).key
            case "days":
                return parse_days(value)
            case "length":
                return _whole(value)
            case "language":
                return self._terms.language(value)
        return _day(value)

    def _topics(self, text: str, strict: bool) -> tuple[frozenset[str], tuple[str, ...]]:
        names = [name.strip(" \t\"'") for name in _BETWEEN.split(text)]
        found = {name: self._terms.topic(name) for name in names if name}
        unknown = tuple(name for name, slug in found.items() if slug is None)
        if strict and unknown:
            raise PreferenceError(f"there is no topic {addresses.shown(unknown[0])!r}")
        return frozenset(slug for slug in found.values() if slug is not None), unknown


def row_of(one: Subscriber) -> list[object]:
    """A subscriber as a row of the columns `roster_columns.OURS`."""
    wants = one.preferences
    return [
        one.address,
        one.state.value,
        ",".join(sorted(wants.follows)),
        ",".join(sorted(wants.mutes)),
        f"{wants.at:%H:%M}",
        wants.zone,
        days_in_words(wants.days),
        wants.length,
        wants.language,
        one.consent.at.isoformat(),
        one.consent.form,
        one.unsubscribed_at.isoformat() if one.unsubscribed_at else "",
        wants.paused_until.isoformat() if wants.paused_until else "",
    ]


def instant(text: str) -> datetime:
    """Reads an instant as services write it (ISO 8601, UTC unless told); PreferenceError."""
    try:
        found = datetime.fromisoformat(text.removesuffix(" UTC"))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise PreferenceError(
            f"{addresses.shown(text)!r} is no instant; write it such as 2026-03-05 12:30"
        ) from None


def _state(text: str) -> str:
    return text.casefold().replace("_", " ")


def _domain(host: str) -> str | None:
    """A domain as addresses have it; None where it is to be judged with its address."""
    try:
        return addresses.domain(addresses.normalise(f"a@{host}"))
    except AddressError:
        return None


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 4):
        raise PreferenceError(f"{addresses.shown(text)!r} is no number of papers")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PreferenceError(
            f"{addresses.shown(text)!r} is no day; write it such as 2026-03-05"
        ) from None
