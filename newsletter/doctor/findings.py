"""What an examination found: how it is, what, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARNING = "warning"  # somebody should look at it, or it could not be asked
    ERROR = "error"  # mail will be refused, or come into the wrong folder
    SKIPPED = "skipped"  # not looked at, and why


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at, in whole sentences."""

    check: str  # its name, for programs
    state: State
    what: str
    do: str = ""  # empty where there is nothing to do


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
