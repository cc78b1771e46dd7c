"""What a paper is, how it is known, and what was seen of it at an instant.

Frozen values only. Where papers come from is `sources/`; which of them matter, `trending.py`
and `selection.py`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NewType

PaperId = NewType("PaperId", str)
"""A work's name without its version: "arxiv:2403.01234" or, where nothing better is known,
"title:" and sixteen hex digits of its normalised title."""

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

    id: PaperId
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()  # arXiv classes, the primary one first
    published: date | None = None
    url: str | None = None  # the abstract's page
    pdf_url: str | None = None
    code_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one source showed of one paper at one instant. Appended, never changed."""

    paper_id: PaperId
    source: str
    at: datetime  # UTC
    position: int | None = None  # 1 is the top of the source's list
    of: int | None = None  # how many that list held


def normalised_title(title: str) -> str:
    """The title's letters and digits in lower case, single-spaced, accents folded away."""
    folded = unicodedata.normalize("NFKD", title).casefold()
    letters = "".join(c for c in folded if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", letters))


def title_id(title: str) -> PaperId:
    """The identity of last resort: works of the same normalised title are the same work."""
    digest = hashlib.sha256(normalised_title(title).encode()).hexdigest()
    return PaperId(f"title:{digest[:16]}")


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
