"""Who gets how many papers of an issue, who gets nothing and why, and by which topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from newsletter.preflight.findings import Finding, error, warning


@dataclass(frozen=True, kw_only=True)
class Group:
    """Readers who get the same papers for the same reasons, or nothing for the same reason."""

    readers: int
    topics: tuple[tuple[str, ...], ...] = ()  # of each paper, the slugs it was chosen by
    reason: str = ""  # why there are no papers


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """An issue's readers, counted."""

    readers: int  # who have a delivery of it
    by_papers: Mapping[int, int]  # how many papers -> how many readers, 0 among them
    nothing: Mapping[str, int]  # why -> how many readers, the commonest first
    by_topic: Mapping[str, int]  # slug -> readers who get a paper by it, the commonest first
    untopical: int  # readers who get a paper by no topic: pinned, or trending
    not_due: int = 0  # confirmed readers without a delivery: not their day, or they came since
    left: int = 0  # who unsubscribed since it was composed
    suppressed: int = 0  # whose addresses were suppressed since

    @property
    def reached(self) -> int:
        """How many get papers, as far as the composing knew."""
        return self.readers - self.by_papers.get(0, 0)

    @property
    def mean(self) -> float:
        """Papers a reader gets, of those who get any."""
        picked = sum(papers * readers for papers, readers in self.by_papers.items())
        return picked / self.reached if self.reached else 0.0


@dataclass(frozen=True, kw_only=True)
class Since:
    """What happened to readers beside the composing."""

    not_due: int = 0
    left: int = 0
    suppressed: int = 0


def account(groups: Iterable[Group], since: Since = Since()) -> Accounts:
    """Counts the readers of an issue."""
    by_papers: Counter[int] = Counter()
    nothing: Counter[str] = Counter()
    by_topic: Counter[str] = Counter()
    untopical = 0
    for group in groups:
        by_papers[len(group.topics)] += group.readers
        if not group.topics:
            nothing[kind_of(group.reason)] += group.readers
            continue
        for slug in {slug for slugs in group.topics for slug in slugs}:
            by_topic[slug] += group.readers
        if not all(group.topics):
            untopical += group.readers
    return Accounts(
        readers=by_papers.total(),
        by_papers=dict(sorted(by_papers.items())),
        nothing=dict(nothing.most_common()),
        by_topic=dict(sorted(by_topic.items(), key=lambda one: (-one[1], one[0]))),
        untopical=untopical,
        **vars(since),
    )


def kind_of(reason: str) -> str:
    """A reason without the numbers in parentheses, which differ from reader to reader."""
    return reason.partition(" (")[0] or "no reason is told"


def check(accounts: Accounts, issue: str) -> Iterator[Finding]:
    """What is odd about the numbers themselves."""
    if not accounts.readers:
        yield error(
            "accounts",
            "The issue has no deliveries: nobody is to get it.",
            "Run `newsletter compose` again once there are readers whose day it is.",
        )
    elif not accounts.reached:
        yield warning(
            "accounts",
            "Nobody gets anything of the issue, of those who were to get it.",
            f"`newsletter deliveries list {issue}` tells why; there may be nothing new.",
        )


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one issue is compared with another by."""

    issue: str
    readers: int
    reached: int
    mean: float  # papers a reader, of those who get any
    octets: int  # of the median mail
    subjects: frozenset[tuple[str, str]] = frozenset()  # reader and subject, of what was built
