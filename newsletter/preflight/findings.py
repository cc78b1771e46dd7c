"""What a check found: how bad it is, what, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is."""

    FATAL = "fatal"  # such a mail is never sent: it is broken, or a danger to who opens it
    ERROR = "error"  # it is not sent unless somebody says --force
    WARNING = "warning"  # somebody should look at it


ORDER = {level: at for at, level in enumerate(Level)}  # the worst first


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as it should be, in whole sentences but for `where`."""

    level: Level
    check: str  # its name, for programs
    says: str  # what is the matter; the same in every mail that has it
    do: str  # what to do about it
    where: str = ""  # the reader, and the paper or words; of several mails the first
    times: int = 1  # how many mails have it


def merged(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings that say the same put together, the worst first, then in order of appearance."""
    kept: dict[tuple[Level, str, str], Finding] = {}
    for one in found:
        key = (one.level, one.check, one.says)
        before = kept.get(key)
        kept[key] = one if before is None else replace(before, times=before.times + one.times)
    return tuple(sorted(kept.values(), key=lambda one: ORDER[one.level]))


def fatal(check: str, says: str, do: str, where: str = "") -> Finding:
    """A finding that nobody can override."""
    return Finding(level=Level.FATAL, check=check, says=says, do=do, where=where)


def error(check: str, says: str, do: str, where: str = "") -> Finding:
    """A finding that --force overrides."""
    return Finding(level=Level.ERROR, check=check, says=says, do=do, where=where)


def warning(check: str, says: str, do: str, where: str = "") -> Finding:
    """A finding that holds nothing up."""
    return Finding(level=Level.WARNING, check=check, says=says, do=do, where=where)
