"""Freezes an issue: renders shell and cards once, and splits them at the readers' own words.

Templates see a reader's words (`address`, `count`, ...) as slots; what they render to is cut
there and encoded, so that a digest later is a join of segments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from newsletter import plain
from newsletter.papers import Paper, PaperId, shorten_authors
from newsletter.quoted import encode
from newsletter.rendering.gist import gist
from newsletter.rendering.templates import Templates
from newsletter.rendering.tex import to_unicode
from newsletter.snapshot import Card, Chip, Masthead, Slotted, Snapshot, slotted
from newsletter.topics import Topic
from newsletter.trending import Trend

SHELL_SLOTS = ("preheader", "count", "cards", "address", "since", "unsubscribe")

_SLOT = re.compile("\0([a-z]+)\0")  # NUL cannot come from a paper: to_unicode takes it away


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link under a card."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A candidate paper with its trend, to be made a card."""

    paper: Paper
    trend: Trend
    pinned: bool = False  # by the editor
    note: str = ""  # the editor's


class Renderer:
    """Makes snapshots from the templates of one folder."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def freeze(
        self,
        *,
        masthead: Masthead,
        imprint: str,
        day: date,
        entries: Sequence[Entry],
        topics: Iterable[Topic],
    ) -> Snapshot:
        """The issue of a day as its digests are joined from; raises TemplateError.

        `imprint` is the postal address that the law wants in the mail.
        """
        values: dict[str, object] = {name: _slot(name) for name in SHELL_SLOTS}
        values |= {
            "title": masthead.title,
            "day": f"{day:%A} {day.day} {day:%B %Y}",
            "imprint": imprint,
        }
        return Snapshot(
            masthead=masthead,
            html=_split(self._templates.render("digest/shell.mjml", values)),
            text=_split(self._templates.render("digest/shell.txt", values)),
            because=_split(
                self._templates.render("digest/because.html", {"topics": _slot("topics")})
            ),
            trending=encode(self._templates.render("digest/trending.html", {})),
            chosen=encode(self._templates.render("digest/chosen.html", {})),
            cards=self._cards(entries),
            chips={
                topic.slug: Chip(
                    name=topic.name,
                    html=encode(self._templates.render("digest/chip.html", {"name": topic.name})),
                )
                for topic in topics
            },
        )

    def _cards(self, entries: Sequence[Entry]) -> Mapping[PaperId, Card]:
        return {entry.paper.id: self._card(entry) for entry in entries}

    def _card(self, entry: Entry) -> Card:
        paper = entry.paper
        title = to_unicode(paper.title)
        links = links_of(paper)
        values = {
            "title": title,
            "url": links[0].url,
            "meta": _meta(entry),
            "note": to_unicode(entry.note),
            "gist": gist(to_unicode(paper.abstract)),
            "links": links,
            "reasons": _slot("reasons"),
        }
        return Card(
            paper_id=paper.id,
            title=title,
            pinned=entry.pinned,
            html=_split(self._templates.render("digest/card.html", values)),
            text=_split(self._templates.render("digest/card.txt", values)),
        )


def _slot(name: str) -> Markup:
    return Markup(f"\0{name}\0")  # noqa: S704  our own marker, no text from outside


def _split(rendered: str) -> Slotted:
    pieces = _SLOT.split(rendered)
    return slotted(pieces[::2], pieces[1::2])


def _meta(entry: Entry) -> str:
    paper = entry.paper
    authors = shorten_authors([to_unicode(name) for name in paper.authors])
    told = (authors, plain.line(paper.organization), *_standing(entry))
    return " · ".join(part for part in told if part)


def _standing(entry: Entry) -> Iterable[str]:
    """What makes it trending, in words; of what the editor chose, the place does not matter."""
    trend = entry.trend
    if trend.votes is not None:
        yield "1 upvote" if trend.votes == 1 else f"{trend.votes:,} upvotes"
    if trend.position is not None and not entry.pinned:
        where = f"on {trend.day:%a} {trend.day.day} {trend.day:%b}" if trend.day else "trending"
        yield f"No. {trend.position} of {trend.of} {where}"


def links_of(paper: Paper) -> list[Link]:
    """The paper's links, the one of its title first; where it has no page, a search for it."""
    code = "Code (found by a machine)" if paper.code_guessed else "Code"
    found = [
        Link(label=label, url=url)
        for label, url in (
            ("Abstract", safe_url(paper.url)),
            ("PDF", safe_url(paper.pdf_url)),
            (code, safe_url(paper.code_url)),
            ("Project", safe_url(paper.project_url)),
            ("Discussion", safe_url(paper.discussion_url)),
        )
        if url
    ]
    if safe_url(paper.url):
        return found
    query = quote(to_unicode(paper.title)[:300], safe="")
    search = f"https://arxiv.org/search/?searchtype=title&query={query}"
    return [Link(label="Find it on arXiv", url=search), *found]


def safe_url(url: str | None) -> str | None:
    """The URL if it is one a mail may link to: it names a host, and `plain.url` lets it pass."""
    clean = plain.url(url)
    try:
        return clean if clean and urlsplit(clean).hostname else None
    except ValueError:
        return None
