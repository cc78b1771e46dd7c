"""The sources: how their last runs went, and what they answer when asked now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.doctor.findings import Finding, error, ok, skipped, warning

SOURCE = "source"
FAILING = 3  # failures in a row that do not pass by themselves
SILENT, LONG_SILENT = timedelta(days=2), timedelta(days=7)  # without a success


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A configured source, and what is kept of its runs."""

    name: str
    succeeded_at: datetime | None = None
    asked: bool = False  # whether it ever was
    failures: int = 0  # in a row
    error: str = ""  # of the last
    stale: str = ""  # what it says of itself, such as how old its newest entry is
    every: timedelta = timedelta(hours=1)  # between two looks


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a source said when it was asked just now."""

    name: str
    papers: int
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0


def none() -> Finding:
    """That nothing is collected."""
    return warning(
        SOURCE,
        "No source is configured: issues have only the papers that you collect from files.",
        "Add a table such as [sources.arxiv].",
    )


def check(facts: Facts, now: datetime) -> Iterator[Finding]:
    """How its last runs went."""
    name, test = facts.name, f"`newsletter sources test {facts.name}` asks it once."
    since = now - facts.succeeded_at if facts.succeeded_at else None
    last = "it never succeeded" if since is None else f"its last success was {_ago(since)}"
    if not facts.asked and since is None:
        yield skipped(
            SOURCE, f"{name} was not asked yet.", "`newsletter collect`, or `newsletter run`, does."
        )
    elif facts.error:
        times = f"{facts.failures} times in a row" if facts.failures > 1 else "the last time"
        what = f"{name} failed {times}; {last}. It said: {facts.error.rstrip('.')}."
        grave = facts.failures >= FAILING or (since is not None and since > LONG_SILENT)
        yield error(SOURCE, what, test) if grave else warning(SOURCE, what, test)
    elif since is None or since > max(SILENT, 3 * facts.every):
        what = f"{name} has not been read for long: {last}."
        do = f"See whether `newsletter run` runs. {test}"
        long = since is not None and since > LONG_SILENT
        yield error(SOURCE, what, do) if long else warning(SOURCE, what, do)
    elif facts.stale:
        yield warning(
            SOURCE,
            f"{name} answers, but has nothing new; {facts.stale}.",
            "Look at its page: it may have moved, or pause.",
        )
    else:
        yield ok(SOURCE, f"{name} is well: {last}.")


def silent(name: str, words: str) -> Finding:
    """Of one that could not be read just now."""
    return error(
        SOURCE,
        f"{name} could not be read now: {words}",
        f"See whether this machine reaches it, and [sources.{name}]; `newsletter sources test "
        f"{name}` asks again.",
    )


def answered(one: Answered) -> Iterator[Finding]:
    """How it answered now."""
    number = f"{one.papers:,} paper{'' if one.papers == 1 else 's'}"
    what = f"{one.name} answers in {one.seconds:.1f} seconds, with {number}"
    if one.refused:
        yield warning(
            SOURCE,
            f"{what}; {len(one.refused)} entries could not be read: {one.refused[0]}.",
            f"`newsletter sources test {one.name}` shows them all.",
        )
    elif one.notes:
        yield warning(SOURCE, f"{what}; {one.notes[0]}.", "Look at its page: it may have moved.")
    else:
        yield ok(SOURCE, f"{what}.")


def _ago(span: timedelta) -> str:
    minutes = max(int(span.total_seconds()) // 60, 0)
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 2880 else f"{minutes // 1440} days ago"
