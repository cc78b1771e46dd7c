"""Reads a topic catalogue (TOML) and tells what is wrong with one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from newsletter.errors import ConfigError, RequestError
from newsletter.options import Options
from newsletter.papers import PaperId
from newsletter.topics import Catalogue, Topic


def _class(name: str) -> str:
    if not CLASS.fullmatch(name):
        raise ValueError(f"{name!r} is no arXiv class; write one such as cs.CL or quant-ph")
    return name


def _named(name: str) -> str:
    if not any(c.isalpha() for c in name):
        raise ValueError("must have a letter")
    return name


CLASS = re.compile(r"[a-z-]{2,20}(\.[A-Za-z-]{2,10})?")
_SLUG = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
MOST_NAMES = 50
MOST_EXAMPLES = 20
MOST_PHRASES = 200  # of one topic: a rule that long is not read by a person any more


Class = Annotated[str, AfterValidator(_class)]
Name = Annotated[str, AfterValidator(_named), Field(min_length=2, max_length=100)]
Example = Annotated[PaperId, Field(pattern=r"^[a-z]+:\S+$", max_length=64)]


class TopicOptions(Options):
    """One [[topic]] of a catalogue."""

    slug: str = Field(pattern=_SLUG, max_length=48)
    name: str = Field(min_length=1, max_length=60)
    description: str = Field(default="", max_length=200)
    phrases: tuple[str, ...] = Field(default=(), max_length=MOST_PHRASES)
    classes: tuple[Class, ...] = Field(default=(), max_length=MOST_NAMES)
    authors: tuple[Name, ...] = Field(default=(), max_length=MOST_NAMES)
    institutions: tuple[Name, ...] = Field(default=(), max_length=MOST_NAMES)
    examples: tuple[Example, ...] = Field(default=(), max_length=MOST_EXAMPLES)

    def topic(self, where: str, *, own: bool = False) -> Topic:
        """As a topic whose rules can be read; raises ConfigError."""
        topic = Topic(**self.model_dump(), own=own)
        try:
            rules = topic.rules
        except RequestError as error:
            raise ConfigError(f"{where}, {self.slug}: {error}") from error
        asked = (rules, topic.classes, topic.authors, topic.institutions, topic.examples)
        if not (any(asked) or topic.description):
            raise ConfigError(
                f"{where}, {self.slug}: it says nothing to look for; give it phrases, classes, "
                "authors, institutions, examples or a description."
            )
        return topic


def load(path: Path) -> Catalogue:
    """The catalogue in a file; raises ConfigError that names the file and the topic."""
    try:
        kept = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The topic catalogue {path} cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The topic catalogue {path} is not TOML: {error}.") from error
    entries = kept.get("topic", [])
    if not entries or not isinstance(entries, list):
        raise ConfigError(f"The topic catalogue {path} has no [[topic]].")
    found = [
        _topic(entry, f"[[topic]] {number} of {path}")
        for number, entry in enumerate(entries, start=1)
    ]
    slugs = [topic.slug for topic in found]
    twice = sorted({slug for slug in slugs if slugs.count(slug) > 1})
    if twice:
        raise ConfigError(f"The topic catalogue {path} has {', '.join(twice)} twice.")
    return Catalogue(found)


def _topic(entry: Any, where: str) -> Topic:
    if not isinstance(entry, dict):
        raise ConfigError(f"{where} is not a table.")
    return TopicOptions.read(entry, where).topic(where)
