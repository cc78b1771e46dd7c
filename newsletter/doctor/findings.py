"""What an examination found: how it is, what, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Area(StrEnum):
    """What part of an installation a finding is about, in the order they are told."""

    CONFIGURATION = "configuration"
    DATABASE = "database"
    FOLDERS = "folders"
    TEMPLATES = "templates"
    CLOCK = "clock"
    SOURCES = "sources"
    TRANSPORTS = "transports"
    DNS = "dns"
    PAGES = "pages"


class State(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARNING = "warning"  # somebody should look at it, or it could not be asked
    ERROR = "error"  # something will not work: mail is refused, lost, or never made
    SKIPPED = "skipped"  # not looked at, and why


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at, in whole sentences."""

    check: str  # its name, for programs
    state: State
    what: str
    do: str = ""  # empty where there is nothing to do
    area: Area = Area.DNS


def ok(check: str, what: str) -> Finding:
    """All is well."""
    return Finding(check=check, state=State.OK, what=what)


def warning(check: str, what: str, do: str) -> Finding:
    """Somebody should look at it."""
    return Finding(check=check, state=State.WARNING, what=what, do=do)


def error(check: str, what: str, do: str) -> Finding:
    """It has to be mended."""
    return Finding(check=check, state=State.ERROR, what=what, do=do)


def skipped(check: str, what: str, do: str = "") -> Finding:
    """It was not looked at."""
    return Finding(check=check, state=State.SKIPPED, what=what, do=do)


def placed(area: Area, found: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, said to be of an area."""
    return tuple(replace(one, area=area) for one in found)
