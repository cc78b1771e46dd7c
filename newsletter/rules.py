"""Topics made of rules as people type them: an operator's, and a reader's own.

A reader's rule is a topic of its own. Its slug is a hash of what it asks for, so that the same rule
of a thousand readers is one topic, matched once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from typing import Any

from newsletter.arxiv_classes import NAMES
from newsletter.catalogue import CLASS, TopicOptions
from newsletter.errors import ConfigError, RequestError
from newsletter.papers import PaperId
from newsletter.phrases import Phrase, canonical, in_words, parse, words
from newsletter.topics import Topic, name_parts

OWN = "own-"
_SETTING = re.compile(r"Setting (\w+)(?: \(number \d+\))? in the (?:rule|topic):? ")
LONGEST_NAME = 60  # characters, as TopicOptions has it


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What was typed."""

    phrases: Sequence[str] = ()
    authors: Sequence[str] = ()
    classes: Sequence[str] = ()
    institutions: Sequence[str] = ()
    examples: Mapping[PaperId, str] | None = None  # with their titles

    def __bool__(self) -> bool:
        return bool(any(self.lists().values()))

    def lists(self) -> dict[str, list[str]]:
        """By the names of `Topic`."""
        return {
            "phrases": [_printable(one) for one in self.phrases],
            "authors": [_printable(one) for one in self.authors],
            "classes": [_as_known(_printable(one)) for one in self.classes],
            "institutions": [_printable(one) for one in self.institutions],
            "examples": list(self.examples or {}),
        }

    def own(self) -> list[Topic]:
        """Each of them as a reader's own topic; raises RequestError."""
        titles = self.examples or {}
        for name in self.lists()["classes"]:
            if CLASS.fullmatch(name) and name not in NAMES:
                near = get_close_matches(name, NAMES, n=1, cutoff=0.6)
                hint = f" Did you mean {near[0]}?" if near else ""
                raise RequestError(f"arXiv has no class {name}.{hint}")
        return [
            read(
                {"slug": _slug(kind, one), "name": _name(kind, one, titles), kind: [one]}, own=True
            )
            for kind, values in self.lists().items()
            for one in values
        ]


def read(definition: Mapping[str, Any], *, own: bool = False) -> Topic:
    """A topic as it was typed; raises RequestError that says what is wrong with it."""
    where = "the rule" if own else "the topic"
    try:
        return TopicOptions.read(definition, where).topic(where, own=own)
    except ConfigError as error:
        told = str(error).removeprefix(f"{where}, {definition.get('slug', '')}: ")
        told = _SETTING.sub(r"\1: ", told)  # what was typed is no setting
        raise RequestError(f"{told[:1].upper()}{told[1:]}") from error


def definition(topic: Topic) -> dict[str, Any]:
    """A topic as JSON keeps it."""
    options = TopicOptions(
        slug=topic.slug,
        name=topic.name,
        description=topic.description,
        phrases=topic.phrases,
        classes=topic.classes,
        authors=topic.authors,
        institutions=topic.institutions,
        examples=topic.examples,
    )
    return options.model_dump(mode="json", exclude_defaults=True)


def class_name(name: str) -> str:
    """An arXiv class as people call it: "Computation and Language (cs.CL)"."""
    return f"{NAMES[name]} ({name})" if name in NAMES else name


def _slug(kind: str, value: str) -> str:
    asked = json.dumps([kind, _canonical(kind, value)])
    return OWN + sha256(asked.encode()).hexdigest()[:12]


def _canonical(kind: str, value: str) -> str:
    """What is the same for rules that find the same."""
    match kind:
        case "phrases":
            return canonical(parse(value))
        case "authors":
            return " ".join(name_parts(value))
        case "institutions":
            return " ".join(words(value))
    return value


def _as_known(name: str) -> str:
    """An arXiv class as arXiv spells it."""
    spelt = {known.casefold(): known for known in NAMES}
    return spelt.get(name.strip().casefold(), name.strip())


def _name(kind: str, value: str, titles: Mapping[PaperId, str]) -> str:
    if kind == "classes":
        told = class_name(value)
    elif kind == "examples":
        told = f"Like: {titles[PaperId(value)]}"
    elif kind == "phrases":
        rule = parse(value)
        told = rule.said if isinstance(rule, Phrase) else in_words(rule)
    else:
        told = " ".join(value.split()) or "?"
    return told if len(told) <= LONGEST_NAME else f"{told[: LONGEST_NAME - 1].rstrip()}…"


def _printable(text: str) -> str:
    if not text.isprintable():
        raise RequestError("A rule is one line of printable characters.")
    return text
