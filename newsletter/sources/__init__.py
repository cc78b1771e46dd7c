"""Where papers come from: one port, one file a kind, one line here for each.

A third party adds a kind by an entry point of the group "newsletter.sources" that names a `Kind`;
docs/write-a-source.md has an example that is run by a test.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from newsletter.errors import ConfigError
from newsletter.kinds import Kinds, read_options
from newsletter.options import Options
from newsletter.sources.arxiv import ArxivOptions, ArxivSource
from newsletter.sources.bibtex import BibtexSource
from newsletter.sources.citation import CitationSource
from newsletter.sources.feed import FeedOptions, FeedSource
from newsletter.sources.fetch import Fetcher, is_address, spread
from newsletter.sources.files import FileOptions
from newsletter.sources.http import Http, Limits, NoTurns, Turns
from newsletter.sources.huggingface import HuggingFaceOptions, HuggingFaceSource
from newsletter.sources.jsonl import JsonlSource
from newsletter.sources.page import PageSource
from newsletter.sources.port import (
    NEWS,
    STALE,
    Answer,
    Ask,
    AskAgain,
    Cursor,
    Enriches,
    Harvest,
    Manners,
    Request,
    Source,
)

__all__ = [
    "CREDITS",
    "NEWS",
    "STALE",
    "Answer",
    "ArxivSource",
    "Ask",
    "AskAgain",
    "CitationSource",
    "Cursor",
    "Enriches",
    "Fetcher",
    "Harvest",
    "Http",
    "Kind",
    "Limits",
    "Manners",
    "NoTurns",
    "Request",
    "Source",
    "SourceOptions",
    "Turns",
    "build",
    "files_of",
    "is_address",
    "kind_of_file",
    "kind_of_text",
    "known",
    "reliability",
    "spread",
]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of source: the settings it has, and how one is made from its name and them."""

    options: type[Options]
    make: Callable[[str, Any], Source]  # given an instance of `options`; may raise ConfigError


class SourceOptions(Options):
    """What every table [sources.NAME] may say besides."""

    reliability: float | None = Field(
        default=None,
        ge=0.01,
        le=1,
        description="How much its votes and places count for a paper's trend; by default 1 for "
        "huggingface and 0.8 for other kinds.",
    )


_BUILT_IN: Mapping[str, Kind] = {
    "huggingface": Kind(options=HuggingFaceOptions, make=HuggingFaceSource),
    "arxiv": Kind(options=ArxivOptions, make=ArxivSource),
    "feed": Kind(options=FeedOptions, make=FeedSource),
    "jsonl": Kind(options=FileOptions, make=JsonlSource),
    "bibtex": Kind(options=FileOptions, make=BibtexSource),
    "page": Kind(options=FileOptions, make=PageSource),
}
CREDITS = {"huggingface": "Hugging Face Papers", "arxiv": "arXiv"}
"""Whom mails name as where papers are from, by kind."""
RELIABILITY = {"huggingface": 1.0}  # many people vote, each once and by name
UNSURE = 0.8  # of other kinds: nobody tells how their order came about

_FILES = {"jsonl": JsonlSource, "bibtex": BibtexSource, "page": PageSource}
BEGINNING = 256  # bytes of a file that tell its kind
_KINDS = Kinds(what="source", group="newsletter.sources", kind=Kind, built_in=_BUILT_IN)


def known() -> dict[str, Kind]:
    """Every kind there is; raises ConfigError where an installed package's cannot be loaded."""
    return _KINDS.known()


def build(name: str, values: Mapping[str, Any], base: Path) -> Source:
    """The source a [sources.NAME] describes; `kind` is its NAME where not given.

    Relative paths count from `base`. Raises ConfigError.
    """
    where = f"[sources.{name}]"
    settings = dict(values)
    chosen = _KINDS.find(str(settings.pop("kind", name)), where)
    _, own = _split(settings, where)
    options = read_options(chosen.options, own, where, base, also=SourceOptions.model_fields)
    try:
        return chosen.make(name, options)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def reliability(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """How much what a source says is trending counts, by its name; raises ConfigError.

    `tables` are those of the settings. Kinds are there too: a file to collect needs no table.
    """
    found = {kind: RELIABILITY.get(kind, UNSURE) for kind in _BUILT_IN}
    for name, table in tables.items():
        told = _split(table, f"[sources.{name}]")[0].reliability
        usual = RELIABILITY.get(str(table.get("kind", name)), UNSURE)
        found[name] = usual if told is None else told
    return found


def _split(table: Mapping[str, Any], where: str) -> tuple[SourceOptions, dict[str, Any]]:
    """The options every source has, and those of its kind; raises ConfigError."""
    common = {key: table[key] for key in SourceOptions.model_fields if key in table}
    own = {key: value for key, value in table.items() if key not in common}
    return SourceOptions.read(common, where), own


def kind_of_file(path: Path) -> str | None:
    """The kind that reads a file, by its name's ending, else by how it begins; None: no kind."""
    for kind, source in _FILES.items():
        if path.suffix.casefold() in source.suffixes:
            return kind
    try:
        with path.open("rb") as file:
            return kind_of_text(file.read(BEGINNING))
    except OSError:
        return "page"  # whose reading tells what is wrong


def kind_of_text(beginning: bytes) -> str | None:
    """The kind that reads a text which begins so; None: no kind."""
    text = beginning.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith((b"{", b"[")):
        return "jsonl"
    if text.startswith((b"@", b"%")):
        return "bibtex"
    return "page" if b"\0" not in text else None


def files_of(folder: Path) -> tuple[list[tuple[str, Path]], list[str]]:
    """The files of a folder that some kind reads, with it, by name; and the names of the others."""
    chosen, passed_over = list[tuple[str, Path]](), list[str]()
    for file in sorted(folder.iterdir()):
        kinds = [kind for kind, one in _FILES.items() if file.suffix.casefold() in one.suffixes]
        if kinds and file.is_file():
            chosen.append((kinds[0], file))
        else:
            passed_over.append(file.name)
    return chosen, passed_over
