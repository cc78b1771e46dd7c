"""Reads a topic catalogue (TOML) and tells what is wrong with one."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field

from newsletter.errors import ConfigError
from newsletter.options import Options
from newsletter.topics import Catalogue, Topic, words

_SLUG = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
MOST_PHRASES = 200  # of one topic: a rule that long is not read by a person any more


class TopicOptions(Options):
    """One [[topic]] of a catalogue."""

    slug: str = Field(pattern=_SLUG, max_length=48)
    name: str = Field(min_length=1, max_length=60)
    description: str = Field(default="", max_length=200)
    phrases: tuple[str, ...] = Field(default=(), max_length=MOST_PHRASES)
    classes: tuple[str, ...] = ()


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
    options = TopicOptions.read(entry, where)
    empty = [phrase for phrase in options.phrases if not words(phrase)]
    if empty or not (options.phrases or options.classes):
        what = f"phrase {empty[0]!r} has no word" if empty else "it has neither phrases nor classes"
        raise ConfigError(f"{where}, {options.slug}: {what}.")
    return Topic(**options.model_dump())
