"""How an issue differs from the one before it; jumps that nobody meant are seen here first."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.preflight.accounting import Figures
from newsletter.preflight.findings import Finding, warning

FEWEST = 20  # readers: below, chance makes every jump
READERS_JUMP = 0.20  # share; a day brings or takes a few in a hundred, a weekday's readers more
PICKS_JUMP = 0.30  # share, of papers a reader
EMPTY_JUMP = 0.10  # of all readers, who get nothing; 0.10 is ten readers in a hundred
SIZE_JUMP = 0.50  # share, of the median mail's octets

_DO = "Look at what changed: a source, a template, topics, the readers."


def check(now: Figures, before: Figures) -> Iterator[Finding]:
    """What jumped from the issue before, with both numbers."""
    if shared := now.subjects & before.subjects:
        _, example = min(shared)
        yield warning(
            "difference-subject",
            f"Readers get the subject they had in issue {before.issue}: {len(shared)} of those "
            "whose mails were built.",
            "Look whether the same papers go out again.",
            example,
        )
    if _share(now.octets, before.octets) > SIZE_JUMP:
        yield _jump(
            "size", "octets in the median mail", f"{now.octets:,}", f"{before.octets:,}", before
        )
    if (
        max(now.readers, before.readers) >= FEWEST
        and _share(now.readers, before.readers) > READERS_JUMP
    ):
        yield _jump("readers", "readers", f"{now.readers:,}", f"{before.readers:,}", before)
    if min(now.readers, before.readers) < FEWEST:
        return
    if _share(now.mean, before.mean) > PICKS_JUMP:
        yield _jump("picks", "papers a reader", f"{now.mean:.1f}", f"{before.mean:.1f}", before)
    empty, empty_before = _empty(now), _empty(before)
    if abs(empty - empty_before) > EMPTY_JUMP:
        yield _jump(
            "empty", "of the readers with nothing", f"{empty:.0%}", f"{empty_before:.0%}", before
        )


def _jump(name: str, what: str, now: str, then: str, before: Figures) -> Finding:
    return warning(
        f"difference-{name}", f"{now} {what}, where issue {before.issue} had {then}.", _DO
    )


def _share(now: float, before: float) -> float:
    """By how much of the smaller number two numbers differ; of nothing, everything is a jump."""
    small, large = sorted((now, before))
    return (large - small) / small if small else float(large > 0)


def _empty(one: Figures) -> float:
    return (one.readers - one.reached) / one.readers
