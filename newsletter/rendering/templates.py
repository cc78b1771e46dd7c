"""Loads templates, compiles MJML once, and tells a broken one with its file and line."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mjml
from jinja2 import Environment, FunctionLoader, StrictUndefined
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import TemplateSyntaxError

from newsletter.errors import TemplateError

WIDTH = 76  # columns of text parts; some clients add two of their own when quoting

# What mjml-python lets through in silence, and what would tell a third party that a mail was read.
_MUST_NOT_STAND = re.compile(r"<mj-[a-z]+|<link\b|@import|\burl\(|<script\b", re.IGNORECASE)


class Templates:
    """The templates of one folder, compiled when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = Environment(
            loader=FunctionLoader(self._source),
            # By the name's ending: select_autoescape does not know .mjml.
            autoescape=_is_markup,  # noqa: S701  on for all that becomes HTML
            undefined=StrictUndefined,
            auto_reload=False,
        )
        self._environment.filters["wrap"] = wrap

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """The template of that name with these values; raises TemplateError."""
        try:
            return self._environment.get_template(name).render(values)
        except TemplateSyntaxError as error:
            raise TemplateError(
                f"Template {self._folder / name}, line {error.lineno}: {error.message}."
            ) from error
        except JinjaError as error:
            raise TemplateError(f"Template {self._folder / name}: {error}.") from error

    def _source(self, name: str) -> str:
        """A template's text; of MJML the HTML it compiles to, which still holds its Jinja tags."""
        try:
            text = (self._folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TemplateError(
                f"Template {self._folder / name} cannot be read: {error}."
            ) from error
        if not name.endswith(".mjml"):
            return text
        self._environment.parse(text, name=name)  # here a Jinja error still has its own line
        return self._from_mjml(name, text)

    def _from_mjml(self, name: str, text: str) -> str:
        try:
            html: str = mjml.mjml2html(text, disable_comments=True, fonts={})
        except ValueError as error:
            raise TemplateError(f"Template {self._folder / name}: {error}.") from error
        found = _MUST_NOT_STAND.search(html)
        if found:
            raise TemplateError(
                f"Template {self._folder / name}: {found[0]!r} must not stand in a mail."
            )
        return html


def _is_markup(name: str | None) -> bool:
    return name is not None and name.endswith((".html", ".mjml"))


def wrap(text: str) -> str:
    """The text in lines of at most WIDTH columns; a long link keeps its line."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
