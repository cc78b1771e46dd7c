"""What a paper is, and what was seen of it at an instant.

Frozen values only. How a paper is known is `identity.py`; what several sources say of one is put
together in `merging.py`; which of them matter, `trending.py` and `selection.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NewType

PaperId = NewType("PaperId", str)
"""A work's name without its version: "arxiv:2403.01234", "doi:10.1000/xyz", "link:host/path", or
where nothing better is known "title:" and sixteen hex digits of its normalised title."""

_URL = re.compile(r"https?://[^\s<>\"'\\^`{}|]+")
_TRAILING = ".,;:!?)]}'\""
_CODE_HOSTS = (
    "github.com/",
    "gitlab.com/",
    "bitbucket.org/",
    "codeberg.org/",
    "anonymous.4open.science/",
    "huggingface.co/",
)


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One work. Title and abstract are as the source wrote them, TeX and all."""

    id: PaperId  # the strongest name it has
    aliases: tuple[PaperId, ...] = ()  # its other names, strongest first
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()  # arXiv classes, the primary one first
    published: date | None = None  # its first version
    updated: date | None = None  # the version below
    version: int | None = None
    announced: datetime | None = None  # when a source first listed it, where that is told
    url: str | None = None  # the abstract's page
    pdf_url: str | None = None
    code_url: str | None = None
    code_guessed: bool = False  # a machine found the code, nobody vouches for it
    project_url: str | None = None
    discussion_url: str | None = None
    thumbnail_url: str | None = None
    media_urls: tuple[str, ...] = ()
    organization: str = ""
    tldr: str = ""  # a machine's summary, never the authors' words
    tldr_model: str = ""  # which machine, where that is told
    keywords: tuple[str, ...] = ()
    comment: str = ""  # the authors' remark on pages, venue, code
    journal: str = ""

    @property
    def names(self) -> tuple[PaperId, ...]:
        """Every name it goes by, strongest first."""
        return (self.id, *self.aliases)

    @property
    def doi(self) -> str | None:
        """Its DOI, "10.1000/xyz"; None where it is so long that its name is but its hash."""
        found = (name for name in self.names if name.startswith("doi:10."))
        return next((name.removeprefix("doi:") for name in found), None)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one source showed of one paper at one instant. Appended, never changed."""

    paper_id: PaperId
    source: str
    at: datetime  # UTC
    position: int | None = None  # 1 is the top of the source's list
    of: int | None = None  # how many that list held
    listed: date | None = None  # the day whose list the paper stands in, where lists are daily
    votes: int | None = None
    comments: int | None = None
    stars: int | None = None  # of its code

    @property
    def list_day(self) -> date:
        """The day of the list it stood in; without one, of the observation."""
        return self.listed or self.at.date()


def find_code_url(text: str) -> str | None:
    """The first link to a code host in a text, without the sentence's own punctuation."""
    for found in _URL.findall(text):
        url: str = found.rstrip(_TRAILING)
        host_and_path = url.split("://", 1)[1].removeprefix("www.")
        if host_and_path.startswith(_CODE_HOSTS):
            return url
    return None


def shorten_authors(authors: Sequence[str], shown: int = 2) -> str:
    """ "Ann Lee, Bo Ek +4": the first `shown` names and how many more there are."""
    rest = len(authors) - shown
    return ", ".join(authors[:shown]) + (f" +{rest}" if rest > 0 else "")
