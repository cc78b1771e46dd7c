"""What somebody chose in a form: read from its fields, told back in them, made preferences of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import time
from typing import Protocol

from newsletter.errors import RequestError
from newsletter.rules import Rules
from newsletter.selection import Wishes
from newsletter.topics import Catalogue, Topic
from subscribers.errors import PreferenceError
from subscribers.model import EVERY_DAY, LONGEST, Preferences, parse_time, parse_zone

MOST_TOPICS = 200
MOST_RULES = 10  # of a kind
LONGEST_RULE = 200  # characters
CADENCES: Mapping[str, frozenset[int]] = {
    "daily": EVERY_DAY,
    "weekdays": frozenset(range(5)),
    **{str(day): frozenset({day}) for day in range(7)},  # weekly
}


class Fields(Protocol):
    """The fields of a form or a query; a name may come several times."""

    def get(self, key: str, default: str = "") -> object:
        """The last value of a field."""

    def getlist(self, key: str) -> list[object]:
        """All values of a field."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What was chosen, and what cannot be meant as it stands."""

    follows: frozenset[str] = frozenset()
    mutes: frozenset[str] = frozenset()
    own: tuple[Topic, ...] = ()
    phrases: str = ""  # as typed, one a line
    authors: str = ""
    cadence: str = "daily"
    at: str = "08:00"
    zone: str = "UTC"
    length: int = 10
    discover: bool = False
    problems: Mapping[str, str] = field(default_factory=dict, compare=False)  # by field

    @property
    def wishes(self) -> Wishes:
        """What decides the digest that these choices would get."""
        return Wishes(
            follows=self.follows | {one.slug for one in self.own},
            mutes=self.mutes - self.follows,
            length=self.length,
            discover=self.discover,
        )

    def preferences(self, before: Preferences | None = None) -> Preferences:
        """As they are kept, in place of what was chosen before; raises PreferenceError."""
        wishes = self.wishes
        known = before or Preferences()
        return replace(
            known,
            follows=wishes.follows,
            mutes=frozenset(wishes.mutes),
            at=parse_time(self.at),
            zone=self.zone,
            days=CADENCES.get(self.cadence, known.days),
            length=self.length,
            discover=self.discover,
        )


def of(preferences: Preferences) -> Choices:
    """A reader's preferences as choices."""
    days = preferences.days
    cadence = next((name for name, kept in CADENCES.items() if kept == days), "own")
    return Choices(
        follows=preferences.follows,
        mutes=preferences.mutes,
        cadence=cadence,
        at=f"{preferences.at:%H:%M}",
        zone=preferences.zone,
        length=preferences.length,
        discover=preferences.discover,
    )


def read(fields: Fields, catalogue: Catalogue, zone: str) -> Choices:
    """What the fields say; what they leave out is as it is by default, `zone` among that."""
    problems: dict[str, str] = {}
    phrases, authors = _text(fields, "phrases"), _text(fields, "authors")
    own = list[Topic]()
    for name, typed in (("phrases", phrases), ("authors", authors)):
        try:
            own += _rules(name, typed)
        except RequestError as error:
            problems[name] = str(error)
    at, chosen_zone = _text(fields, "at") or "08:00", _text(fields, "zone") or zone
    for name, parse, typed in (("at", parse_time, at), ("zone", parse_zone, chosen_zone)):
        try:
            parse(typed)
        except PreferenceError as error:
            problems[name] = str(error)
    cadence = _text(fields, "cadence") or "daily"
    return Choices(
        follows=_topics(fields, "topic", catalogue),
        mutes=_topics(fields, "mute", catalogue),
        own=tuple(dict.fromkeys(own)),
        phrases=phrases,
        authors=authors,
        cadence=cadence if cadence in CADENCES or cadence == "own" else "daily",
        at=_hour(at) if "at" not in problems else "08:00",
        zone=chosen_zone if "zone" not in problems else zone,
        length=_number(_text(fields, "length"), problems),
        discover=bool(_text(fields, "discover")),
        problems=problems,
    )


def _text(fields: Fields, name: str, most: int = 4000) -> str:
    value = fields.get(name, "")
    return value.strip()[:most] if isinstance(value, str) else ""


def _topics(fields: Fields, name: str, catalogue: Catalogue) -> frozenset[str]:
    """Those chosen that there are; what is offered no more is left out in silence."""
    chosen = fields.getlist(name)[:MOST_TOPICS]
    return frozenset(one for one in chosen if isinstance(one, str) and one in catalogue.topics)


def _rules(kind: str, typed: str) -> Sequence[Topic]:
    lines = [" ".join(line.split()) for line in typed.splitlines() if line.strip()]
    if len(lines) > MOST_RULES:
        raise RequestError(f"Write {MOST_RULES} lines at most.")
    for line in lines:
        if len(line) > LONGEST_RULE:
            raise RequestError(f"A line has {LONGEST_RULE} characters at most.")
    typed_rules = Rules(phrases=lines) if kind == "phrases" else Rules(authors=lines)
    return typed_rules.own()


def _hour(at: str) -> str:
    moment: time = parse_time(at)
    return f"{moment:%H:%M}"


def _number(typed: str, problems: dict[str, str]) -> int:
    if not typed:
        return 10
    if not (typed.isdecimal() and len(typed) <= 4) or not 1 <= int(typed) <= LONGEST:
        problems["length"] = f"A digest has 1 to {LONGEST} papers."
        return 10
    return int(typed)
