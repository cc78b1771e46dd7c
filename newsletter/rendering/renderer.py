"""Freezes an issue: renders shell and cards once, and splits them at the readers' own words.

Templates see a reader's words (`address`, `count`, ...) as slots; what they render to is cut
there and encoded, so that a digest later is a join of segments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from markupsafe import Markup, escape

from newsletter.errors import TemplateError
from newsletter.language import ENGLISH, Language
from newsletter.papers import PaperId
from newsletter.quoted import encode
from newsletter.rendering import words
from newsletter.rendering.faces import Entry, face
from newsletter.rendering.templates import Templates
from newsletter.rendering.tex import to_unicode
from newsletter.snapshot import Both, Card, Chip, Masthead, Shell, Slot, Slotted, Snapshot, slotted
from newsletter.topics import Topic
from newsletter.wording import Wording

SHELL_SLOTS = (
    *("preheader", "occasion", "count", "cards", "more", "address", "since"),
    *("unsubscribe", "preferences", "view"),
)

# Without them a digest has no papers, or no way to leave.
_INDISPENSABLE = ("cards", "unsubscribe")

_SLOT = re.compile("\0([a-z]+)\0")  # NUL cannot come from a paper: to_unicode takes it away


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
        values = {
            **vars(face(entry, language)),
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
