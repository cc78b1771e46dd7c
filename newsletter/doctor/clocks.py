"""This machine's clock against others', and what it knows of time zones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from newsletter.doctor.findings import Finding, error, ok, skipped, warning

CLOCK, ZONES = "clock", "zones"
APART, FAR_APART = timedelta(seconds=5), timedelta(minutes=1)
OLD = 2  # years of time zone data


@dataclass(frozen=True, kw_only=True)
class Apart:
    """Somebody else's clock."""

    whose: str  # such as "the database's"
    ahead: timedelta  # of ours; negative: behind
    vague: timedelta = timedelta()  # how far off that may be


@dataclass(frozen=True, kw_only=True)
class Zones:
    """What is known of time zones."""

    zone: str  # issue.zone
    known: bool
    version: str = ""  # such as 2025b; empty: not told
    where: str = ""  # of the system, or the package


def clocks(others: Iterable[Apart]) -> Iterator[Finding]:
    """Whether this machine's clock is right, as far as others tell."""
    known = list(others)
    if not known:
        yield skipped(
            CLOCK,
            "There is no other clock to compare this machine's with: no database server, page or "
            "source told the time.",
        )
    for one in known:
        apart = max(abs(one.ahead) - one.vague, timedelta())
        if apart <= APART:
            yield ok(CLOCK, f"This machine's clock agrees with {one.whose}.")
            continue
        side = "behind" if one.ahead > timedelta() else "ahead of"
        what = f"This machine's clock is {_told(apart)} {side} {one.whose}."
        do = "Have the clocks set by the network (NTP): `timedatectl set-ntp true` on most systems."
        yield error(CLOCK, what, do) if apart > FAR_APART else warning(CLOCK, what, do)


def zones(facts: Zones, today: date) -> Finding:
    """Whether readers' hours can be worked out."""
    if not facts.known:
        return error(
            ZONES,
            f"The time zone {facts.zone} (issue.zone) is not known on this machine.",
            "Install time zone data: pip install --upgrade tzdata, or your system's tzdata.",
        )
    if not facts.version:
        return ok(ZONES, f"Time zones are known; {facts.where} does not tell which version.")
    what = f"Time zones are known as of {facts.version} ({facts.where})."
    year = facts.version[:4]
    if year.isdecimal() and today.year - int(year) >= OLD:
        return warning(
            ZONES,
            what,
            "Upgrade it: where a country changed its clocks since, mail comes at a wrong hour.",
        )
    return ok(ZONES, what)


def _told(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    if seconds < 120:
        return f"{seconds} seconds"
    return f"{seconds // 60} minutes" if seconds < 7200 else f"{seconds // 3600} hours"
