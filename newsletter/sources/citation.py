"""Reads the page of one paper by the tags that publishers put there for Google Scholar.

`citation_title`, `citation_author`, `citation_doi`, `citation_arxiv_id`, `citation_abstract` and,
where those are absent, OpenGraph's and Dublin Core's. https://scholar.google.com/intl/en/scholar/inclusion.html
"""

from __future__ import annotations

import codecs
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from html.parser import HTMLParser

from newsletter import plain
from newsletter.errors import SourceError
from newsletter.identity import identify, scheme
from newsletter.papers import Paper, find_code_url
from newsletter.records import MOST_AUTHORS
from newsletter.sources.port import Answer, Ask, Cursor, Harvest, Request
from newsletter.sources.untrusted import CHARSET

_TITLES = ("citation_title", "dc.title", "og:title", "twitter:title")
_ABSTRACTS = ("citation_abstract", "dc.description", "og:description", "description")
_AUTHORS = ("citation_author", "dc.creator", "citation_authors")
_DATES = ("citation_publication_date", "citation_date", "citation_online_date", "dc.date")
_DATE = re.compile(r"(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?(?!\d)", re.ASCII)
_JOURNALS = ("citation_journal_title", "citation_conference_title")


class CitationSource:
    """The page of one paper."""

    name = "citation"
    trust = 35  # tags are often cut or filled by templates; see merging.py
    dated = False

    def __init__(self, url: str) -> None:
        self._url = url

    def requests(self, ask: Ask, cursor: Cursor, now: datetime) -> Sequence[Request]:
        """The one page."""
        return [Request(location=self._url)]

    def read(self, request: Request, answer: Answer, now: datetime) -> Iterator[Harvest]:
        """The paper the page is about; raises SourceError where its tags do not tell."""
        tags = _Tags()
        body = answer.whole()
        tags.feed(body.decode(_encoding(body, answer.content_type), errors="replace"))
        title = plain.unmarked(tags.first(_TITLES))
        names = identify(
            arxiv=tags.first(("citation_arxiv_id",)),
            doi=tags.first(("citation_doi", "dc.identifier", "prism.doi")),
            link=request.location,
            title=title,
        )
        if not any(scheme(name) == "title" for name in names):
            raise SourceError(
                "the page does not tell a title; give one by --title.", where=answer.where
            )
        abstract = plain.unmarked(tags.first(_ABSTRACTS), plain.LONGEST_TEXT)
        yield Harvest(
            papers=(
                Paper(
                    id=names[0],
                    aliases=names[1:],
                    title=title,
                    abstract=abstract,
                    authors=tags.names(),
                    published=_day(tags.first(_DATES)),
                    url=plain.url(request.location),
                    pdf_url=plain.url(tags.first(("citation_pdf_url",))),
                    code_url=find_code_url(abstract),
                    journal=plain.unmarked(tags.first(_JOURNALS)),
                ),
            )
        )


def _encoding(body: bytes, content_type: str) -> str:
    """What the header says, else the page's own head (HTML 13.2.3.2), else UTF-8."""
    told = CHARSET.search(content_type.encode()) or CHARSET.search(body[:1024])
    try:
        return codecs.lookup(told[1].decode("ascii")).name if told else "utf-8"
    except LookupError:
        return "utf-8"


class _Tags(HTMLParser):
    """Collects <meta> tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._found: dict[str, list[str]] = defaultdict(list)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps what a <meta> says."""
        if tag == "meta":
            given = {name: value or "" for name, value in attrs}
            name = (given.get("name") or given.get("property") or "").casefold()
            if name and given.get("content") and len(self._found[name]) < MOST_AUTHORS:
                self._found[name].append(given["content"])

    def first(self, names: Sequence[str]) -> str:
        """The content of the first of these that the page has."""
        return next((self._found[name][0] for name in names if self._found[name]), "")

    def names(self) -> tuple[str, ...]:
        """The authors, "Lee, Ann" turned round."""
        told = next((self._found[name] for name in _AUTHORS if self._found[name]), [])
        if len(told) == 1 and ";" in told[0]:
            told = told[0].split(";")
        turned = (" ".join(reversed(name.split(", ", 1))) for name in told)
        clean = (plain.unmarked(name, plain.LONGEST_NAME) for name in turned)
        return tuple(name for name in clean if name)


def _day(text: str) -> date | None:
    """The first day of what is told: "2010/5/12" or a year alone, says Google Scholar."""
    found = _DATE.match(text.strip())
    try:
        return date(*(int(number or 1) for number in found.groups())) if found else None
    except ValueError:
        return None
