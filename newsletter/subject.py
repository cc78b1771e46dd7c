"""The words of a digest that differ from reader to reader: subject, preheader, counts.

English; other languages come with the catalogue of translations.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

LONGEST_SUBJECT = 60  # characters; phones show about 40, desktops about 70
LONGEST_NAME = 34  # characters of one paper's name, so that two fit a subject

_NAME = re.compile(r"^([^:]{2,34}):\s")


def count(papers: int) -> str:
    """ "1 paper", "7 papers"."""
    return "1 paper" if papers == 1 else f"{papers} papers"


def short_title(title: str) -> str:
    """The name a paper goes by: what stands before its colon, else its first words."""
    named = _NAME.match(title)
    return named[1] if named else _cut(title, LONGEST_NAME)


@lru_cache(maxsize=4096)  # readers with the same top papers share the line
def subject(titles: tuple[str, ...]) -> str:
    """The top papers by name and how many more: "Magpie, LiPO and 8 more"."""
    if len(titles) == 1:
        return _cut(titles[0], LONGEST_SUBJECT)
    for named in (2, 1):
        rest = len(titles) - named
        names = [short_title(title) for title in titles[:named]]
        line = f"{', '.join(names)} and {rest} more" if rest else " and ".join(names)
        if len(line) <= LONGEST_SUBJECT:
            return line
    return _cut(titles[0], LONGEST_SUBJECT - 12) + f" and {len(titles) - 1} more"


@lru_cache(maxsize=4096)
def preheader(papers: int, topics: tuple[str, ...]) -> str:
    """What an inbox shows after the subject: how many papers, and on which topics."""
    if not topics:
        return f"{count(papers)} trending today, best first."
    return f"{count(papers)} on {listed(topics)}, best first."


def listed(names: Sequence[str]) -> str:
    """ "A", "A and B", "A, B and C"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    room = most - 1  # the ellipsis takes one
    cut = text[:room] if text[room] == " " else text[:room].rsplit(" ", 1)[0]
    cut = cut.rstrip(" ,;:-–—")
    return f"{cut}…"
