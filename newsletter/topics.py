"""What a topic is, and which papers fall under it.

A topic is a rule a person can read: phrases and arXiv classes. Matching is done for all topics
at once, each paper read once; what a reader gets of it is decided in `selection.py`.

The strength of a match is a noisy-or of its evidence: each sign of the topic leaves a share of
doubt, and the shares multiply::

    strength = 1 - (1 - 0.7)^T * (1 - 0.3)^A * (1 - 0.3)^C

with T distinct phrases in the title, A phrase mentions in the abstract (at most three a
phrase) and C listed arXiv classes. A paper falls under the topic from 0.5 on: one phrase in the
title, or two mentions in the abstract, or one mention and a class. A single mention of
"retrieval" in an abstract is not yet a paper about retrieval.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from newsletter.errors import RequestError
from newsletter.papers import Paper

TITLE_WEIGHT = 0.7  # one phrase in the title is enough by itself
ABSTRACT_WEIGHT = 0.3  # two mentions reach 0.51, just over the floor
CLASS_WEIGHT = 0.3  # a class alone is too coarse: cs.LG holds a hundred papers a day
MENTIONS = 3  # a phrase said ten times is no stronger a sign than one said three times
FLOOR = 0.5

_WORD = re.compile(r"[^\W_]+(?:[+#]+)?")


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A named interest with its matching rule."""

    slug: str
    name: str
    description: str = ""
    phrases: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()  # arXiv classes such as "cs.CL"


@dataclass(frozen=True, kw_only=True)
class Match:
    """That a paper falls under a topic, how surely, and by which words."""

    topic: str  # slug
    strength: float  # in [FLOOR, 1)
    evidence: tuple[str, ...]  # phrases and classes that were found, those in the title first


def words(text: str) -> tuple[str, ...]:
    """A text as comparable words: lower case, accents folded, hyphens split, plurals cut.

    "Fine-tuning LLMs" and "fine tuning LLM" are the same words.
    """
    folded = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    return tuple(_singular(word) for word in _WORD.findall(plain))


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


class Catalogue:
    """The topics readers can follow, indexed so that a paper is read once for all of them."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self.topics: Mapping[str, Topic] = {topic.slug: topic for topic in topics}
        self._phrases: dict[str, list[tuple[tuple[str, ...], str, str]]] = defaultdict(list)
        self._classes: dict[str, list[str]] = defaultdict(list)
        for topic in self.topics.values():
            for phrase in topic.phrases:
                spoken = words(phrase)
                if spoken:
                    self._phrases[spoken[0]].append((spoken, topic.slug, phrase))
            for name in topic.classes:
                self._classes[name].append(topic.slug)

    def __len__(self) -> int:
        return len(self.topics)

    def get(self, slug: str) -> Topic:
        """The topic of that slug (or that name); raises RequestError with the nearest ones."""
        if slug in self.topics:
            return self.topics[slug]
        wanted = slug.strip().casefold()
        for topic in self.topics.values():
            if wanted in (topic.slug, topic.name.casefold()):
                return topic
        raise RequestError(f"There is no topic {slug!r}. {self._nearest(wanted)}")

    def _nearest(self, wanted: str) -> str:
        known = {topic.name.casefold(): topic.slug for topic in self.topics.values()}
        known.update({slug: slug for slug in self.topics})
        close = [known[name] for name in get_close_matches(wanted, known, n=5, cutoff=0.5)]
        close += [slug for slug in self.topics if wanted and (wanted in slug or slug in wanted)]
        nearest = list(dict.fromkeys(close))[:3]
        if nearest:
            return f"Did you mean {' or '.join(nearest)}?"
        return "`newsletter topics list` shows them all."

    def match(self, paper: Paper) -> tuple[Match, ...]:
        """Every topic the paper falls under, surest first, ties by slug."""
        doubt: dict[str, float] = defaultdict(lambda: 1.0)
        evidence: dict[str, list[str]] = defaultdict(list)
        for weight, text, most in (
            (TITLE_WEIGHT, paper.title, 1),
            (ABSTRACT_WEIGHT, paper.abstract, MENTIONS),
        ):
            for (slug, phrase), mentions in self._mentions(words(text)).items():
                doubt[slug] *= (1 - weight) ** min(mentions, most)
                evidence[slug].append(phrase)
        for name in paper.classes:
            for slug in self._classes.get(name, ()):
                doubt[slug] *= 1 - CLASS_WEIGHT
                evidence[slug].append(name)
        found = (
            Match(topic=slug, strength=1 - left, evidence=tuple(dict.fromkeys(evidence[slug])))
            for slug, left in doubt.items()
            if 1 - left >= FLOOR
        )
        return tuple(sorted(found, key=lambda match: (-match.strength, match.topic)))

    def _mentions(self, text: tuple[str, ...]) -> dict[tuple[str, str], int]:
        """How often each (topic, phrase) is said in a text.

        Of two phrases of one topic that start at the same word, the longer one is counted.
        """
        counts: dict[tuple[str, str], int] = defaultdict(int)
        for start, word in enumerate(text):
            longest: dict[str, tuple[int, str]] = {}
            for spoken, slug, phrase in self._phrases.get(word, ()):
                length = len(spoken)
                if text[start : start + length] == spoken and length > longest.get(slug, (0,))[0]:
                    longest[slug] = (length, phrase)
            for slug, (_, phrase) in longest.items():
                counts[slug, phrase] += 1
        return counts
