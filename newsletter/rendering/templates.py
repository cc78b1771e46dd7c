"""Loads templates, compiles MJML once, and tells a broken one with its file and line.

An operator's own folder comes first: what is not in it is ours.
"""

from __future__ import annotations

import re
import textwrap
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mjml
from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import TemplateNotFound, TemplateSyntaxError

from newsletter import language as languages
from newsletter.errors import TemplateError
from newsletter.language import Language
from newsletter.look import Look

WIDTH = 76  # columns of text parts; some clients add two of their own when quoting
PAGES = "pages/"  # templates of readers' pages; all others are of mails
TRANSLATIONS = "translations"  # where a folder of templates keeps its languages

# What mjml-python lets through in silence, and what would tell a third party that a mail was read.
_MUST_NOT_STAND = re.compile(r"<mj-[a-z]+|<link\b|@import|\burl\(|<script\b", re.IGNORECASE)
_INCLUDE = re.compile(r'<mj-include\s+path="([a-z./-]+)"\s*/>')
_INDENT = re.compile(r"\n\s+")


class Templates:
    """The templates of some folders, the first that has one counts; compiled when asked for."""

    def __init__(self, *folders: Path, look: Look | None = None) -> None:
        self.folders: Sequence[Path] = folders
        self.look = look or Look()
        self._environments: dict[str, Environment] = {}
        self._languages: dict[str, Language] = {}

    def language(self, code: str) -> Language:
        """A language with the operator's own words; raises TemplateError."""
        if code not in self._languages:
            own = [folder / TRANSLATIONS for folder in self.folders]
            self._languages[code] = languages.load(code, own)
        return self._languages[code]

    def known_languages(self) -> list[str]:
        """The tags of all languages, the operator's own among them."""
        return languages.known([folder / TRANSLATIONS for folder in self.folders])

    def render(self, name: str, values: Mapping[str, Any], code: str = languages.ENGLISH) -> str:
        """The template of that name with these values in a language; raises TemplateError."""
        language = self.language(code)
        given = {
            "look": self.look,
            "language": language,
            "start": "right" if language.direction == "rtl" else "left",
        }
        template = self._parsed(name, language)
        try:
            rendered = template.render({**given, **values})
        except (JinjaError, LookupError, ValueError, TypeError, ArithmeticError) as error:
            raise TemplateError(f"Template {self._where(name, error)}: {error}.") from error
        return _INDENT.sub("\n", rendered) if _is_markup(name) else rendered

    def parse(self, name: str) -> None:
        """Reads a template without filling it in; raises TemplateError."""
        self._parsed(name, self.language(languages.ENGLISH))

    def _parsed(self, name: str, language: Language) -> Template:
        try:
            return self._environment(language).get_template(name)
        except TemplateSyntaxError as error:
            raise TemplateError(
                f"Template {self.find(error.name or name)}, line {error.lineno}: "
                f"{(error.message or '').rstrip('.')}."
            ) from error
        except JinjaError as error:
            raise TemplateError(f"Template {self._where(name, error)}: {error}.") from error

    def find(self, name: str) -> Path:
        """The file that counts for a name; the last folder's where there is none."""
        found = (folder / name for folder in self.folders if (folder / name).is_file())
        return next(found, self.folders[-1] / name)

    def _environment(self, language: Language) -> Environment:
        if language.code not in self._environments:
            made = Environment(
                loader=FunctionLoader(self._source),
                # By the name's ending: select_autoescape does not know .mjml.
                autoescape=_is_markup,  # noqa: S701  on for all that becomes HTML
                undefined=StrictUndefined,
                auto_reload=False,
                extensions=["jinja2.ext.i18n"],
            )
            made.filters["wrap"] = wrap
            made.install_gettext_callables(  # type: ignore[attr-defined]
                language.gettext, language.ngettext, newstyle=True
            )
            self._environments[language.code] = made
        return self._environments[language.code]

    def _source(self, name: str) -> str:
        """A template's text; of MJML the HTML it compiles to, which still holds its Jinja tags."""
        text = self._read(name)
        if not name.endswith(".mjml"):
            is_mail = _is_markup(name) and not name.startswith(PAGES)
            found = _MUST_NOT_STAND.search(text) if is_mail else None
            if found:
                where = f"{self.find(name)}, line {text.count(chr(10), 0, found.start()) + 1}"
                raise TemplateError(f"Template {where}: {found[0]!r} must not stand in a mail.")
            return text
        # Here a Jinja error still has its own file and line.
        pieces = {name: text} | {part: self._read(part) for part in _INCLUDE.findall(text)}
        for part, piece in pieces.items():
            Environment(extensions=["jinja2.ext.i18n"], autoescape=True).parse(piece, name=part)
        return self._from_mjml(name, self.included(text))

    def included(self, text: str) -> str:
        """The MJML with what it includes in its place; raises TemplateError or TemplateNotFound."""
        return _INCLUDE.sub(lambda found: self._read(found[1]), text)

    def _read(self, name: str) -> str:
        file = self.find(name)
        try:
            return file.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise TemplateNotFound(name, f"there is no template '{name}'") from error
        except (OSError, UnicodeDecodeError) as error:
            raise TemplateError(f"Template {file} cannot be read: {error}.") from error

    def _where(self, name: str, error: Exception) -> str:
        """The file of a template and, where it can be told, the line that an error came from.

        Jinja tells the line, but of MJML it is that of the HTML: there the first line with the
        name that the error tells counts, be it in the template or in what it includes.
        """
        file = self.find(name)
        if file.suffix != ".mjml":
            frames = traceback.extract_tb(error.__traceback__)
            lines = [frame.lineno for frame in frames if frame.filename == "<template>"]
            return f"{file}, line {lines[-1]}" if lines else str(file)
        named = re.search(r"'([\w./-]+)'", str(error))
        if named and file.is_file():
            word = re.compile(rf"(?<!\w){re.escape(named[1])}(?!\w)")
            for part in (name, *_INCLUDE.findall(file.read_text(encoding="utf-8"))):
                found = self.find(part)
                lines_of = found.read_text(encoding="utf-8").splitlines() if found.is_file() else []
                for at, line in enumerate(lines_of, 1):
                    if word.search(line):
                        return f"{found}, line {at}"
        return str(file)

    def _from_mjml(self, name: str, text: str) -> str:
        try:
            html: str = mjml.mjml2html(text, disable_comments=True, fonts={})
        except ValueError as error:
            raise TemplateError(f"Template {self.find(name)}: {error}.") from error
        found = _MUST_NOT_STAND.search(html)
        if found:
            raise TemplateError(
                f"Template {self.find(name)}: {found[0]!r} must not stand in a mail."
            )
        return html


def _is_markup(name: str | None) -> bool:
    return name is not None and name.endswith((".html", ".mjml"))


def wrap(text: str) -> str:
    """The text in lines of at most WIDTH columns; a long link keeps its line."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
