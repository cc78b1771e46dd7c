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

from markupsafe import Markup, escape

from newsletter import plain
from newsletter.errors import TemplateError
from newsletter.language import ENGLISH, Language
from newsletter.papers import Paper, PaperId, shorten_authors
from newsletter.quoted import encode
from newsletter.rendering import words
from newsletter.rendering.gist import LONGEST, gist
from newsletter.rendering.prose import shorten
from newsletter.rendering.templates import Templates
from newsletter.rendering.tex import to_unicode
from newsletter.snapshot import Both, Card, Chip, Masthead, Shell, Slot, Slotted, Snapshot, slotted
from newsletter.topics import Topic
from newsletter.trending import Trend
from newsletter.wording import Wording

SHELL_SLOTS = (
    *("preheader", "occasion", "count", "cards", "more", "address", "since"),
    *("unsubscribe", "preferences", "view"),
)

# Without them a digest has no papers, or no way to leave.
_INDISPENSABLE = ("cards", "unsubscribe")

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
    """Makes snapshots from templates."""

    def __init__(self, templates: Templates) -> None:
        self.templates = templates

    def freeze(
        self,
        *,
        masthead: Masthead,
        imprint: str,
        day: date,
        entries: Sequence[Entry],
        topics: Iterable[Topic],
        languages: Sequence[str] = (ENGLISH,),
        origins: Sequence[str] = (),
    ) -> Snapshot:
        """The issue of a day as its digests are joined from; raises TemplateError.

        `imprint` is the postal address that the law wants in the mail, `origins` name where the
        papers are from. Of `languages` the first is for readers who chose none.
        """
        shells: dict[str, Shell] = {}
        faces: dict[PaperId, dict[str, Both]] = {entry.paper.id: {} for entry in entries}
        for code in languages:
            language = self.templates.language(code)
            wording = self._wording(language, day)
            values: dict[str, object] = {
                "title": masthead.title,
                "day": language.weekday(day),
                "imprint": imprint,
                "pages": masthead.pages,
                "credits": self._credits(language, wording, origins),
            }
            shells[code] = self._shell(language, wording, values)
            for entry in entries:
                faces[entry.paper.id][code] = self._face(language, entry, masthead.pages)
        return Snapshot(
            masthead=masthead,
            language=languages[0],
            shells=shells,
            cards={
                entry.paper.id: Card(
                    paper_id=entry.paper.id,
                    title=to_unicode(entry.paper.title),
                    pinned=entry.pinned,
                    faces=faces[entry.paper.id],
                )
                for entry in entries
            },
            chips={
                topic.slug: Chip(
                    name=topic.name,
                    html=encode(self.templates.render("digest/chip.html", {"name": topic.name})),
                )
                for topic in topics
            },
        )

    def _wording(self, language: Language, day: date) -> Wording:
        try:
            return words.freeze(language, day)
        except (KeyError, IndexError, ValueError) as error:
            raise TemplateError(
                f"The translation into {language.code} has a {{name}} that its English has not: "
                f"{error}."
            ) from error

    def _shell(self, language: Language, wording: Wording, values: Mapping[str, object]) -> Shell:
        because = escape(wording.because).replace("{topics}", _slot("topics"))
        names = ("digest/shell.mjml", "digest/shell.txt")
        slots = {name: _slot(name) for name in SHELL_SLOTS}
        mail = self._both(language.code, *names, {**values, **slots})
        for name, part in zip(names, (mail.html, mail.text), strict=True):
            self._complete(name, part)
        return Shell(
            mail=mail,
            heading=self._both(
                language.code,
                "digest/heading.html",
                "digest/heading.txt",
                {"heading": _slot("heading")},
            ),
            more=self._both(
                language.code,
                "digest/more.html",
                "digest/more.txt",
                {**values, "more": _slot("more"), "view": _slot("view")},
            ),
            because=_split(because),
            trending=encode(escape(wording.trending_now)),
            chosen=encode(escape(wording.chosen)),
            wording=wording,
        )

    def _complete(self, name: str, shell: Slotted) -> None:
        """Raises TemplateError where a shell lost what no digest can be without."""
        held = {part.name for part in shell.parts if isinstance(part, Slot)}
        for slot in _INDISPENSABLE:
            if slot not in held:
                file = self.templates.find(name)
                raise TemplateError(f"Template {file}: {{{{ {slot} }}}} must stand in it.")

    def _credits(self, language: Language, wording: Wording, origins: Sequence[str]) -> str:
        """Where the papers are from; and that nobody is told of the reading, where that is so."""
        told = []
        if origins:
            found = language.gettext("Papers found at {sources}.")
            told.append(found.format(sources=wording.listed(origins)))
        if not self.templates.look.logo:  # whose server sees who fetches it
            told.append(language.gettext("Nothing in this mail tells anybody that you read it."))
        return " ".join(told)

    def _face(self, language: Language, entry: Entry, pages: str) -> Both:
        paper = entry.paper
        links = links_of(paper, language)
        machine = bool(paper.tldr.strip())
        told = to_unicode(paper.tldr if machine else paper.abstract)
        values = {
            "title": to_unicode(paper.title),
            "url": links[0].url,
            "meta": _meta(entry, language),
            "note": to_unicode(entry.note),
            "gist": shorten(told, LONGEST) if machine else gist(told),
            "by_machine": language.gettext("Summary by a machine:") if machine else "",
            "links": links,
            "reasons": _slot("reasons"),
            "vote": _slot("vote"),
            "pages": pages,
        }
        return self._both(language.code, "digest/card.html", "digest/card.txt", values)

    def _both(self, code: str, html: str, text: str, values: Mapping[str, object]) -> Both:
        return Both(
            html=_split(self.templates.render(html, values, code)),
            text=_split(self.templates.render(text, values, code)),
        )


def _slot(name: str) -> Markup:
    return Markup(f"\0{name}\0")  # noqa: S704  our own marker, no text from outside


def _split(rendered: str) -> Slotted:
    pieces = _SLOT.split(rendered)
    return slotted(pieces[::2], pieces[1::2])


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
