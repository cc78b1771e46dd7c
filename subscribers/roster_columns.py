"""Whose export a file is, which of its columns we read, and which of its rows are no subscribers.

Only what a service names as subscribed is taken for it: a state that is not known here is refused
like one that says no.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from subscribers.errors import RosterError

OURS = (
    "address",
    "state",
    "topics",
    "mutes",
    "at",
    "zone",
    "days",
    "length",
    "language",
    "consent_at",
    "consent_form",
    "unsubscribed_at",
    "paused_until",
)
NO = frozenset({"", "0", "f", "false", "n", "no", "none", "null"})  # in a column that says "left"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """How one service writes its export. Columns are compared without case, spaces, _ and -."""

    name: str
    known_by: tuple[str, ...]  # columns that only this service has together
    columns: Mapping[str, tuple[str, ...]]  # ours: theirs, the best first
    good: frozenset[str] = frozenset()  # states that may be subscribed
    asks: frozenset[str] = frozenset()  # states that may be asked, by --confirm
    left: Mapping[str, str] = field(default_factory=dict)  # columns that say no: what they say
    needs_state: bool = False  # else it cannot be told who has left
    strict_topics: bool = False  # whether a topic unknown here is a mistake, not another's tag


_PLAIN_ADDRESS = ("address", "email", "email address", "mail", "subscriber email")

PRESETS: Mapping[str, Preset] = {
    one.name: one
    for one in (
        Preset(
            name="mailchimp",
            known_by=("email address", "member rating", "optin time"),
            columns={
                "address": ("email address",),
                "state": ("status", "member status"),
                "topics": ("tags",),
                "consent_at": ("confirm time", "optin time"),
            },
            good=frozenset({"subscribed"}),
            asks=frozenset({"pending"}),
            left={"unsub time": "unsubscribed", "clean time": "cleaned"},
        ),
        Preset(
            name="buttondown",
            known_by=("email", "creation date", "tags"),
            columns={
                "address": ("email", "email address"),
                "state": ("subscriber type", "type"),
                "topics": ("tags",),
                "consent_at": ("creation date",),
            },
            # "churned" pays no more, and still reads.
            good=frozenset(
                {"regular", "premium", "gifted", "trialed", "churning", "churned", "past due"}
            ),
            asks=frozenset({"unactivated"}),
            needs_state=True,
            left={"unsubscription date": "unsubscribed", "undeliverability date": "undeliverable"},
        ),
        Preset(
            name="substack",
            known_by=("email", "active subscription"),  # which says who pays, not who reads
            columns={"address": ("email",), "consent_at": ("created at",)},
            left={"email disabled": "disabled"},
        ),
        Preset(
            name="listmonk",
            known_by=("uuid", "email", "attributes", "status"),
            columns={
                "address": ("email",),
                "state": ("status",),
                "consent_at": ("created at",),
            },
            good=frozenset({"enabled"}),
            needs_state=True,
        ),
        Preset(
            name="csv",
            known_by=(),
            columns={
                **{name: (name.replace("_", " "),) for name in OURS},
                "address": _PLAIN_ADDRESS,
                "state": ("state", "status"),
                "topics": ("topics", "follows"),
                "consent_at": ("consent at", "confirmed at", "subscribed at", "created at"),
            },
            good=frozenset({"", "confirmed", "subscribed", "active", "enabled"}),
            asks=frozenset({"pending", "unconfirmed"}),
            left={"unsubscribed at": "unsubscribed", "unsub time": "unsubscribed"}
            | {"clean time": "cleaned", "email disabled": "disabled"},
            strict_topics=True,
        ),
    )
}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where in a row each of our columns stands."""

    preset: Preset
    width: int
    at: Mapping[str, tuple[int, ...]]  # ours: places, the first that is filled counts
    left: Mapping[int, str]
    strict_topics: bool
    unused: tuple[str, ...]  # columns that are not read, as the file calls them

    def value(self, fields: Sequence[str], ours: str) -> str:
        """What a row says in one of our columns; empty where it says nothing."""
        for place in self.at.get(ours, ()):
            if text := fields[place].strip():
                return text
        return ""


def layout(header: Sequence[str], kind: str | None, mapped: Mapping[str, str]) -> Layout:
    """Finds the columns of a header; `mapped` names ours: theirs. Raises RosterError."""
    names = [plain(name) for name in header]
    preset = PRESETS[kind] if kind else guess(names)
    wanted = dict(preset.columns) | {ours: (plain(theirs),) for ours, theirs in mapped.items()}
    for ours, theirs in mapped.items():
        if plain(theirs) not in names:
            raise RosterError(f"no column {theirs!r} for {ours}. {_there(header)}", line=1)
    at = {ours: _places(names, theirs) for ours, theirs in wanted.items()}
    if not at["address"]:
        raise RosterError(_no_address(header, preset, kind), line=1)
    if preset.needs_state and not at["state"]:
        column = preset.columns["state"][0]
        raise RosterError(
            f"no column {column!r}, so it cannot be told who has left {preset.name}; "
            f"export it too, or choose --from csv. {_there(header)}",
            line=1,
        )
    left = {place: preset.left[name] for place, name in enumerate(names) if name in preset.left}
    if "unsubscribed_at" in mapped:
        left |= dict.fromkeys(at["unsubscribed_at"], "unsubscribed")
    used = {place for places in at.values() for place in places} | set(left)
    return Layout(
        preset=preset,
        width=len(header),
        at={ours: places for ours, places in at.items() if places},
        left=left,
        strict_topics=preset.strict_topics or "topics" in mapped,
        unused=tuple(name for place, name in enumerate(header) if place not in used),
    )


def guess(names: Iterable[str]) -> Preset:
    """The service whose columns these are; plain CSV where none is told by them."""
    there = frozenset(names)
    for preset in PRESETS.values():
        if there.issuperset(preset.known_by):
            return preset
    raise AssertionError("plain CSV is known by nothing")  # pragma: no cover


def plain(name: str) -> str:
    """A column's name as it is compared: "OPTIN_TIME" and "Optin time" are the same."""
    return re.sub(r"[\s_-]+", " ", name.strip().casefold().replace("e-mail", "email"))


def _places(names: Sequence[str], theirs: Sequence[str]) -> tuple[int, ...]:
    found = [name for name in theirs if name in names]
    for name in found:
        if names.count(name) > 1:
            raise RosterError(f"the column {name!r} stands there twice.", line=1)
    return tuple(names.index(name) for name in found)


def _no_address(header: Sequence[str], preset: Preset, kind: str | None) -> str:
    if any("@" in name for name in header):
        return "the first line holds an address; it must name the columns, such as: email."
    if kind and kind != "csv":
        return f"no export of {kind}: no column {preset.columns['address'][0]!r}. {_there(header)}"
    return f"no column of addresses; name it by --map address=COLUMN. {_there(header)}"


def _there(header: Sequence[str]) -> str:
    told = ", ".join("".join(c if c.isprintable() else "?" for c in name) for name in header)
    return f"There are: {told if len(told) <= 300 else told[:299] + '…'}."
