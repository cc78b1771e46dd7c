"""Reads any Atom or RSS feed of papers: bioRxiv, medRxiv, a journal, a lab's blog.

An entry is named by its DOI where it has one, by an arXiv id behind its link, else by the link.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from newsletter import plain
from newsletter.identity import arxiv_id, doi_id, identify, scheme
from newsletter.options import Options
from newsletter.papers import Paper, find_code_url
from newsletter.sources.port import STALE, Answer, Ask, Cursor, Harvest, Request
from newsletter.sources.syndication import authors, instant, parse, value
from newsletter.sources.web_address import WebAddress

STALE_AFTER = 14  # days without an entry that is new: many a blog is slower, so it is only told

# Where publishers put a DOI; the entry's id and link come last.
_DOI_FIELDS = ("prism_doi", "dc_identifier", "citation_doi", "doi", "arxiv_doi", "id", "link")


class FeedOptions(Options):
    """The settings of a [sources.NAME] of kind "feed"."""

    url: WebAddress = Field(description="The feed's address.")


class FeedSource:
    """One feed."""

    trust = 60  # a publisher's own words; see merging.py
    dated = False

    def __init__(self, name: str, options: FeedOptions) -> None:
        self.name = name
        self._url = options.url

    def requests(self, ask: Ask, cursor: Cursor, now: datetime) -> Sequence[Request]:
        """The one feed, where it has changed."""
        newest = cursor.get("newest", "")
        return [Request(location=self._url, context={"newest": newest}, conditional=True)]

    def read(self, request: Request, answer: Answer, now: datetime) -> Iterator[Harvest]:
        """Its entries, the feed's order."""
        before = request.context["newest"]
        if answer.unchanged:
            yield Harvest(notes=_stale(before, now))
            return
        _, entries = parse(answer)
        papers, refused, days = list[Paper](), list[str](), list[str]()
        for number, entry in enumerate(entries, start=1):
            try:
                paper = _paper(entry, now)
            except ValueError as error:
                refused.append(f"entry {number}: {error}")
                continue
            papers.append(paper)
            if paper.announced:
                days.append(paper.announced.date().isoformat())
        newest = max([*days, before])
        yield Harvest(
            papers=tuple(papers),
            refused=tuple(refused),
            notes=_stale(newest, now),
            cursor={"newest": newest} if newest else None,
        )


def _paper(entry: Mapping[str, Any], now: datetime) -> Paper:
    title, link = value(entry, "title"), value(entry, "link")
    doi = next((text for name in _DOI_FIELDS if doi_id(text := value(entry, name))), None)
    names = identify(arxiv=value(entry, "id"), doi=doi, link=link, title=title)
    if not any(scheme(name) == "title" for name in names):
        raise ValueError("it has no title")
    if scheme(names[0]) == "title":
        raise ValueError(f"{title[:60]!r} has neither a DOI nor a link")
    content = entry.get("content")
    body = content[0] if isinstance(content, list) and content else {}
    abstract = value(entry, "summary", plain.LONGEST_TEXT) or value(
        body, "value", plain.LONGEST_TEXT
    )
    published = instant(entry, "published", "updated", "created")
    arxiv = arxiv_id(link)
    named = next((name[4:] for name in names if name.startswith("doi:10.")), None)
    return Paper(
        id=names[0],
        aliases=names[1:],
        title=title,
        abstract=abstract,
        authors=authors(entry),
        published=published.date() if published else None,
        announced=min(published, now) if published else None,
        url=plain.url(link) or (f"https://doi.org/{named}" if named else None),
        pdf_url=f"https://arxiv.org/pdf/{arxiv.removeprefix('arxiv:')}" if arxiv else None,
        code_url=find_code_url(abstract),
        journal=value(entry, "prism_publicationname"),
    )


def _stale(newest: str, now: datetime) -> tuple[str, ...]:
    if not newest or (now.date() - datetime.fromisoformat(newest).date()).days <= STALE_AFTER:
        return ()
    return (f"{STALE}its newest entry is of {newest}",)
