"""The words of a digest that differ from reader to reader: subject, preheader, counts.

Frozen with the issue in each language, so that a digest reads the same whenever it is built. What
depends on a number is kept once a number, up to the longest digest there is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

LONGEST_SUBJECT = 60  # characters; phones show about 40, desktops about 70
LONGEST_NAME = 34  # characters of one paper's name, so that two fit a subject
MOST_NAMED = 2  # papers in a subject

_NAME = re.compile(r"^([^:]{2,34}):\s")


class DigestKind(StrEnum):
    """What a digest is to its reader."""

    DAILY = "daily"
    WEEKLY = "weekly"  # of who reads on one day a week
    CATCH_UP = "catch-up"  # after an absence


@dataclass(frozen=True, kw_only=True)
class Wording:
    """Words by number of papers (index 0 unused), and patterns with {names} to fill."""

    counts: tuple[str, ...]  # "3 papers"
    subjects: tuple[str, ...]  # by how many more: "{names} and 3 more"
    on: tuple[str, ...]  # "3 papers on {topics}, best first."
    trending: tuple[str, ...]  # "3 papers that are trending, best first."
    more: tuple[str, ...]  # "3 more"; the last is for all greater numbers
    both: str  # "{first} and {last}"
    because: str  # "Because you follow {topics}"
    trending_now: str  # in its place, of what only trends
    chosen: str  # and of what the editor chose
    occasions: Mapping[str, str]  # by DigestKind: the line below the title
    openings: Mapping[str, str]  # by DigestKind: the heading above the papers
    subject_patterns: Mapping[str, str]  # by DigestKind: "This week: {subject}"
    months: tuple[str, ...]  # dates by month: "{day} March {year}"

    def to_json(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        values: dict[str, Any] = {
            name: tuple(it) if isinstance(it, list) else it for name, it in kept.items()
        }
        return cls(**values)

    def count(self, papers: int) -> str:
        """ "1 paper", "7 papers"."""
        return self.counts[papers]

    def how_many_more(self, papers: int) -> str:
        """ "3 more on the web"; of very many, that there are more than can be told."""
        return self.more[min(papers, len(self.more) - 1)]

    def day(self, day: date) -> str:
        """A date in full."""
        return self.months[day.month - 1].format(day=day.day, year=day.year)

    def subject(self, titles: tuple[str, ...], kind: DigestKind) -> str:
        """The top papers by name and how many more: "Magpie, LiPO and 8 more"."""
        around = self.subject_patterns[kind]
        room = LONGEST_SUBJECT - (len(around) - len("{subject}"))
        named = titles[:MOST_NAMED]
        return around.format(subject=_subject(named, len(titles), room, self.both, self.subjects))

    def preheader(self, papers: int, topics: tuple[str, ...]) -> str:
        """What an inbox shows after the subject: how many papers, and on which topics."""
        if not topics:
            return self.trending[papers]
        return self.on[papers].format(topics=self.listed(topics))

    def listed(self, names: Sequence[str]) -> str:
        """ "A", "A and B", "A, B and C"."""
        if len(names) < 2:
            return "".join(names)
        return self.both.format(first=", ".join(names[:-1]), last=names[-1])


def short_title(title: str) -> str:
    """The name a paper goes by: what stands before its colon, else its first words."""
    named = _NAME.match(title)
    return named[1] if named else _cut(title, LONGEST_NAME)


@lru_cache(maxsize=16_384)  # readers with the same top papers share the line
def _subject(
    titles: tuple[str, ...], papers: int, room: int, both: str, more: tuple[str, ...]
) -> str:
    if papers == 1:
        return _cut(titles[0], room)
    for named in range(MOST_NAMED, 0, -1):
        rest = papers - named
        names = [short_title(title) for title in titles[:named]]
        line = (
            more[rest].format(names=", ".join(names))
            if rest
            else both.format(first=names[0], last=names[-1])
        )
        if len(line) <= room:
            return line
    line = more[papers - 1]
    return line.format(names=_cut(titles[0], room - (len(line) - len("{names}"))))


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    room = most - 1  # the ellipsis takes one
    cut = text[:room] if text[room] == " " else text[:room].rsplit(" ", 1)[0]
    cut = cut.rstrip(" ,;:-–—")
    return f"{cut}…"
