"""What a paper is told by, in mails and on pages: its words, its standing, its links."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from newsletter import plain
from newsletter.language import Language
from newsletter.papers import Paper, shorten_authors
from newsletter.rendering.gist import LONGEST, gist
from newsletter.rendering.prose import shorten
from newsletter.rendering.tex import to_unicode
from newsletter.trending import Trend


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


@dataclass(frozen=True, kw_only=True)
class Face:
    """A paper in one language, by the names its templates know it by."""

    title: str
    url: str
    meta: str  # authors, where they are from, its standing
    note: str  # the editor's
    gist: str
    by_machine: str  # what to say before the gist; empty where people wrote it
    links: list[Link]


def face(entry: Entry, language: Language) -> Face:
    """What a paper is told by in a language."""
    paper = entry.paper
    links = links_of(paper, language)
    machine = bool(paper.tldr.strip())
    told = to_unicode(paper.tldr if machine else paper.abstract)
    return Face(
        title=to_unicode(paper.title),
        url=links[0].url,
        meta=_meta(entry, language),
        note=to_unicode(entry.note),
        gist=shorten(told, LONGEST) if machine else gist(told),
        by_machine=language.gettext("Summary by a machine:") if machine else "",
        links=links,
    )


def _meta(entry: Entry, language: Language) -> str:
    paper = entry.paper
    authors = shorten_authors([to_unicode(name) for name in paper.authors])
    told = (authors, plain.line(paper.organization), *_standing(entry, language))
    return " · ".join(part for part in told if part)


def _standing(entry: Entry, language: Language) -> Iterable[str]:
    """What makes it trending, in words; of what the editor chose, the place does not matter."""
    trend = entry.trend
    if trend.votes is not None:
        told = language.ngettext("{n} upvote", "{n} upvotes", trend.votes)
        yield told.format(n=language.number(trend.votes))
    if trend.rising:
        yield language.gettext("rising")
    if trend.position is not None and not entry.pinned:
        told = (
            language.gettext("No. {n} of {of} on {day}")
            if trend.day
            else language.gettext("No. {n} of {of} trending")
        )
        day = language.short(trend.day) if trend.day else ""
        yield told.format(n=trend.position, of=trend.of, day=day)


def links_of(paper: Paper, language: Language) -> list[Link]:
    """The paper's links, the one of its title first; where it has no page, a search for it."""
    _ = language.gettext
    code = _("Code (found by a machine)") if paper.code_guessed else _("Code")
    found = [
        Link(label=label, url=url)
        for label, url in (
            (_("Abstract"), safe_url(paper.url)),
            (_("PDF"), safe_url(paper.pdf_url)),
            (code, safe_url(paper.code_url)),
            (_("Project"), safe_url(paper.project_url)),
            (_("Discussion"), safe_url(paper.discussion_url)),
        )
        if url
    ]
    if safe_url(paper.url):
        return found
    query = quote(to_unicode(paper.title)[:300], safe="")
    search = f"https://arxiv.org/search/?searchtype=title&query={query}"
    return [Link(label=_("Find it on arXiv"), url=search), *found]


def safe_url(url: str | None) -> str | None:
    """The URL if it is one a mail may link to: it names a host, and `plain.url` lets it pass."""
    clean = plain.url(url)
    try:
        return clean if clean and urlsplit(clean).hostname else None
    except ValueError:
        return None
