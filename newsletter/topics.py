"""What a topic is, and which papers fall under it.

A topic is a rule a person can read: phrases (`phrases.py`), arXiv classes, authors, institutions,
papers to resemble, and a description. Matching is done for all topics at once, each paper read
once, so its cost grows with the papers and what they say, never with readers; what a reader gets
of it is decided in `selection.py`. How near a paper's text is to a topic's, `matching.py` adds.

The strength of a match is a noisy-or of its evidence (Pearl, 1988): each sign of the topic leaves
a share of doubt, and the shares multiply::

    strength = 1 - (1 - 0.7)^T * (1 - 0.3)^A * (1 - 0.9)^P * (1 - 0.7)^I * (1 - 0.3)^C * ...

with T distinct phrases in the title, A mentions of phrases in the abstract (at most three a
phrase), P of its authors, I of its institutions and C of its arXiv classes. A paper falls under the
topic from 0.5 on: one phrase in the title, or two mentions in the abstract, or one mention and a
class, or an author. A single mention of "retrieval" in an abstract is not yet a paper about
retrieval. Of a topic that asks for nothing but classes, a class counts 0.6.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property

from newsletter.errors import RequestError
from newsletter.papers import Paper, PaperId
from newsletter.phrases import Phrase, Rule, fold, in_words, mentions, parse, phrases_of, words

TITLE_WEIGHT = 0.7  # one phrase in the title is enough by itself
ABSTRACT_WEIGHT = 0.3  # two mentions reach 0.51, just over the floor
AUTHOR_WEIGHT = 0.9  # who follows a person wants that person's papers
INSTITUTION_WEIGHT = 0.7
CLASS_WEIGHT = 0.3  # a class alone is too coarse: cs.LG holds a hundred papers a day
CLASS_ALONE = 0.6  # but where nothing else was asked for, it is what was asked for
MENTIONS = 3  # a phrase said ten times is no stronger a sign than one said three times
FLOOR = 0.5


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A named interest with its matching rule."""

    slug: str
    name: str
    description: str = ""
    phrases: tuple[str, ...] = ()  # rules of `phrases.py`
    classes: tuple[str, ...] = ()  # arXiv classes such as "cs.CL"
    authors: tuple[str, ...] = ()  # as papers write them, "Ann Lee"; initials are understood
    institutions: tuple[str, ...] = ()
    examples: tuple[PaperId, ...] = ()  # papers to resemble
    own: bool = False  # a reader's own rule, told to nobody else

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The phrases as rules; raises RequestError."""
        return tuple(parse(phrase) for phrase in self.phrases)

    @property
    def asks_by_text(self) -> bool:
        """Whether being near is enough: it has examples, or no rule at all."""
        asked = self.phrases or self.authors or self.institutions or self.classes
        return bool(self.examples) or not asked

    def in_words(self, titles: Mapping[PaperId, str] | None = None) -> str:
        """The rule as a person would say it."""
        named = titles or {}
        parts = [
            ("that say ", [in_words(rule) for rule in self.rules]),
            ("by ", list(self.authors)),
            ("from ", list(self.institutions)),
            ("in ", list(self.classes)),
            ("like ", [f"“{named.get(one, one)}”" for one in self.examples]),
        ]
        told = [f"{how}{' or '.join(what)}" for how, what in parts if what]
        if not told and self.description:
            told.append(f"close to “{self.description}”")
        return "papers " + ", or ".join(told or [f"close to “{self.name}”"])


@dataclass(frozen=True, kw_only=True)
class Match:
    """That a paper falls under a topic, how surely, and by which words."""

    topic: str  # slug
    strength: float  # in [FLOOR, 1)
    evidence: tuple[str, ...]  # what was found: phrases in the title first


@dataclass(kw_only=True)
class Signs:
    """What of a topic a paper shows: how much doubt it leaves, and by what."""

    doubt: float = 1.0
    evidence: list[str] = field(default_factory=list)

    def add(self, weight: float, what: str, times: int = 1) -> None:
        """Another sign."""
        self.doubt *= (1 - weight) ** times
        self.evidence.append(what)

    @property
    def strength(self) -> float:
        """In [0, 1)."""
        return 1 - self.doubt


@dataclass(frozen=True)
class Said:
    """How often phrases of one topic are said in a text."""

    all: Counter[Phrase] = field(default_factory=Counter)
    # Of two that start at the same word, the longer one alone: that is one mention, not two.
    longest: Counter[Phrase] = field(default_factory=Counter)


def matches(signs: Mapping[str, Signs]) -> tuple[Match, ...]:
    """The topics whose signs suffice, surest first, ties by slug."""
    found = (
        Match(topic=slug, strength=one.strength, evidence=tuple(dict.fromkeys(one.evidence)))
        for slug, one in signs.items()
        if one.strength >= FLOOR
    )
    return tuple(sorted(found, key=lambda match: (-match.strength, match.topic)))


class Catalogue:
    """The topics readers can follow, indexed so that a paper is read once for all of them."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self.topics: Mapping[str, Topic] = {topic.slug: topic for topic in topics}
        self._starts: dict[str, list[Phrase]] = defaultdict(list)  # by first word
        self._openings: dict[str, list[Phrase]] = defaultdict(list)  # open single words
        self._uses: dict[Phrase, dict[str, list[int]]] = {}  # topic -> its rules
        self._classes: dict[str, list[str]] = defaultdict(list)
        self._authors: dict[str, list[tuple[tuple[str, ...], str, str]]] = defaultdict(list)
        self._institutions: dict[str, list[tuple[tuple[str, ...], str, str]]] = defaultdict(list)
        for topic in self.topics.values():
            self._index(topic)
        self._lengths = sorted({len(opening) for opening in self._openings})

    def _index(self, topic: Topic) -> None:
        for number, rule in enumerate(topic.rules):
            for phrase in phrases_of(rule):
                if phrase not in self._uses:
                    self._uses[phrase] = defaultdict(list)
                    alone = phrase.open and len(phrase.words) == 1
                    (self._openings if alone else self._starts)[phrase.words[0]].append(phrase)
                self._uses[phrase][topic.slug].append(number)
        for name in topic.classes:
            self._classes[name].append(topic.slug)
        for name in topic.authors:
            *given, family = name_parts(name) or ("",)
            self._authors[family].append((tuple(given), topic.slug, name))
        for name in topic.institutions:
            said = words(name) or ("",)
            self._institutions[said[0]].append((said, topic.slug, name))

    def __len__(self) -> int:
        return len(self.topics)

    def get(self, slug: str) -> Topic:
        """The topic of that slug (or that name); raises RequestError with the nearest ones."""
        if slug in self.topics:
            return self.topics[slug]
        wanted = slug.strip().casefold()
        for topic in self.shown:
            if wanted in (topic.slug, topic.name.casefold()):
                return topic
        raise RequestError(f"There is no topic {slug!r}. {self._nearest(wanted)}")

    def called(self, slug: str) -> str:
        """How a topic is told to people: a reader's own rule by what it says, others by slug."""
        topic = self.topics.get(slug)
        return topic.name if topic is not None and topic.own else slug

    @property
    def examples(self) -> set[PaperId]:
        """The papers that topics want others to resemble."""
        return {one for topic in self.topics.values() for one in topic.examples}

    @property
    def shown(self) -> list[Topic]:
        """The topics that are offered to all."""
        return [topic for topic in self.topics.values() if not topic.own]

    def _nearest(self, wanted: str) -> str:
        known = {topic.name.casefold(): topic.slug for topic in self.shown}
        known.update({topic.slug: topic.slug for topic in self.shown})
        close = [known[name] for name in get_close_matches(wanted, known, n=5, cutoff=0.5)]
        close += [one.slug for one in self.shown if wanted and _within(wanted, one.slug)]
        nearest = list(dict.fromkeys(close))[:3]
        if nearest:
            return f"Did you mean {' or '.join(nearest)}?"
        return "`newsletter topics list` shows them all."

    def match(self, paper: Paper) -> tuple[Match, ...]:
        """Every topic whose rule the paper fulfils, surest first, ties by slug."""
        return matches(self.signs(paper))

    def signs(self, paper: Paper) -> dict[str, Signs]:
        """What the paper shows of each topic it shows anything of, by its rule alone."""
        found: dict[str, Signs] = defaultdict(Signs)
        title = self._said(words(paper.title))
        abstract = self._said(words(paper.abstract))
        nothing = Said()
        for slug in title.keys() | abstract.keys():
            self._judge(found[slug], slug, title.get(slug, nothing), abstract.get(slug, nothing))
        for name in paper.authors:
            for slug, author in self._known(name):
                found[slug].add(AUTHOR_WEIGHT, author)
        for slug, institution in self._homes(paper.organization):
            found[slug].add(INSTITUTION_WEIGHT, institution)
        for name in paper.classes:
            for slug in self._classes.get(name, ()):
                found[slug].add(self._class_weight(self.topics[slug]), name)
        return {slug: one for slug, one in found.items() if one.evidence}

    @staticmethod
    def _class_weight(topic: Topic) -> float:
        others = topic.phrases or topic.authors or topic.institutions or topic.examples
        return CLASS_WEIGHT if others else CLASS_ALONE

    def _judge(self, signs: Signs, slug: str, title: Said, abstract: Said) -> None:
        topic = self.topics[slug]
        whole = title.all + abstract.all
        touched = {number for phrase in whole for number in self._uses[phrase][slug]}
        rules = [(number, topic.rules[number], topic.phrases[number]) for number in sorted(touched)]
        in_title = {number for number, rule, _ in rules if _times(rule, title, whole)}
        for number, _, said in rules:
            if number in in_title:
                signs.add(TITLE_WEIGHT, said)
        together = Said(all=whole, longest=title.longest + abstract.longest)
        for number, rule, said in rules:
            below = abstract if number in in_title else together
            if times := _times(rule, below, whole):
                signs.add(ABSTRACT_WEIGHT, said, min(times, MENTIONS))

    def _said(self, text: tuple[str, ...]) -> dict[str, Said]:
        """How often the phrases of each topic are said in a text."""
        said: dict[str, Said] = defaultdict(Said)
        for start, word in enumerate(text):
            here = [one for one in self._starts.get(word, ()) if one.is_in(text, start)]
            for length in self._lengths:
                here += self._openings.get(word[:length], ()) if length <= len(word) else ()
            longest: dict[str, Phrase] = {}
            for phrase in here:
                for slug in self._uses[phrase]:
                    said[slug].all[phrase] += 1
                    before = longest.get(slug)
                    if before is None or len(phrase.words) > len(before.words):
                        longest[slug] = phrase
            for slug, phrase in longest.items():
                said[slug].longest[phrase] += 1
        return said

    def _known(self, author: str) -> Iterator[tuple[str, str]]:
        """The topics that follow an author, each with the name it knows."""
        *given, family = name_parts(author) or ("",)
        for wanted, slug, name in self._authors.get(family, ()):
            if _may_be(wanted, given):
                yield slug, name

    def _homes(self, organization: str) -> Iterator[tuple[str, str]]:
        said = words(organization)
        for start, word in enumerate(said):
            for wanted, slug, name in self._institutions.get(word, ()):
                if said[start : start + len(wanted)] == wanted:
                    yield slug, name


def _times(rule: Rule, said: Said, whole: Mapping[Phrase, int]) -> int:
    """How often a rule is fulfilled; phrases that are rules by themselves do not count twice."""
    return mentions(rule, said.longest if isinstance(rule, Phrase) else said.all, whole)


def _within(wanted: str, slug: str) -> bool:
    return wanted in slug or slug in wanted


def name_parts(author: str) -> tuple[str, ...]:
    """A name as given names and, last, the family name, folded; "Lee, Ann" is turned."""
    family, comma, given = author.partition(",")
    turned = f"{given} {family}" if comma else author
    return tuple(turned_ for turned_ in fold(turned).replace(".", " ").split() if turned_)


def _may_be(wanted: Sequence[str], given: Sequence[str]) -> bool:
    """Whether given names may be one person's: the first the same, or one its initial."""
    if not wanted or not given:
        return not wanted and not given
    first, other = wanted[0], given[0]
    return first == other or (1 in (len(first), len(other)) and first[0] == other[0])
