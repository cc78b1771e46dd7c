"""The little language in which topics name what papers say.

A rule is a phrase, or phrases joined by AND, OR and NOT, in capitals, with parentheses where
needed; AND binds closer than OR. Quotes may stand around a phrase, and must where a word of it is
one of those three. A star ends a word that may go on: quanti* finds quantised and quantization::

    large language model
    "test-time compute" AND NOT survey
    (robot OR manipulation) AND diffusion polic*

Case, hyphens, accents and plurals do not matter. There is nothing else: a rule is read by people,
and costs what its words cost, whatever is written in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from newsletter.errors import RequestError

LONGEST = 300  # characters; a rule longer than this is not read by a person any more
MOST_PHRASES = 30
DEEPEST = 6  # parentheses in parentheses
SHORTEST_START = 3  # letters before a star; fewer find half of the dictionary

_WORD = re.compile(r"[^\W_]+(?:[+#]+)?")
_PIECE = re.compile(r'\s*(?:(?P<quoted>"[^"]*")|(?P<mark>[()])|(?P<word>[^\s()"]+))')


def words(text: str) -> tuple[str, ...]:
    """A text as comparable words: lower case, accents folded, hyphens split, plurals cut.

    "Fine-tuning LLMs" and "fine tuning LLM" are the same words.
    """
    return tuple(_singular(word) for word in _WORD.findall(fold(text)))


def fold(text: str) -> str:
    """A text in lower case and without accents."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in folded if not unicodedata.combining(c))


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


@dataclass(frozen=True)
class Phrase:
    """Words that follow each other."""

    words: tuple[str, ...]
    open: bool = False  # whether the last word may go on
    said: str = field(default="", compare=False)  # as it was written, for people

    def is_in(self, text: tuple[str, ...], start: int) -> bool:
        """Whether a text says it from the word `start` on."""
        length = len(self.words)
        if not self.open:
            return text[start : start + length] == self.words
        end = start + length - 1
        return (
            end < len(text)
            and text[start:end] == self.words[:-1]
            and text[end].startswith(self.words[-1])
        )


@dataclass(frozen=True)
class All:
    """Every part, AND."""

    parts: tuple[Rule, ...]


@dataclass(frozen=True)
class Any:
    """One part or more, OR."""

    parts: tuple[Rule, ...]


@dataclass(frozen=True)
class Not:
    """Not the part."""

    part: Rule


Rule = Phrase | All | Any | Not


def parse(text: str) -> Rule:
    """Reads a rule; raises RequestError that says what is wrong with it, and where."""
    if len(text) > LONGEST:
        raise RequestError(
            f"The rule has {len(text)} characters; write at most {LONGEST}, or several rules."
        )
    if not text.isprintable():
        raise RequestError("A rule is one line of printable characters.")
    if text.count('"') % 2:
        raise RequestError(f"The rule {text!r} opens a quote that it does not close.")
    rule = _Reader(text).read()
    phrases = list(phrases_of(rule))
    if len(phrases) > MOST_PHRASES:
        raise RequestError(f"A rule has at most {MOST_PHRASES} phrases, not {len(phrases)}.")
    _check(rule, text)
    return rule


def _check(rule: Rule, text: str) -> None:
    """Refuses a rule of which a part only excludes: of that, nobody could say what it finds."""
    if not _asks(rule):
        raise RequestError(
            f"The rule {text!r}, or a part of it in parentheses, only says what not to find; name "
            "something to find as well, or write NOT without the parentheses."
        )
    for part in _parts(rule):
        _check(part.part if isinstance(part, Not) else part, text)


def _parts(rule: Rule) -> tuple[Rule, ...]:
    return rule.parts if isinstance(rule, All | Any) else ()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._pieces = [(m.lastgroup, m.group(m.lastgroup or 0)) for m in _PIECE.finditer(text)]
        self._at = 0
        self._depth = 0

    def read(self) -> Rule:
        rule = self._either()
        if self._at < len(self._pieces):
            raise RequestError(f"The rule {self._text!r} closes a parenthesis that is not open.")
        return rule

    def _next(self) -> str:
        """The next piece as what it is to the grammar: AND, OR, NOT, (, ), "phrase" or ""."""
        if self._at >= len(self._pieces):
            return ""
        kind, piece = self._pieces[self._at]
        if kind == "mark" or (kind == "word" and piece in ("AND", "OR", "NOT")):
            return piece
        return "phrase"

    def _either(self) -> Rule:
        parts = [self._both()]
        while self._next() == "OR":
            self._at += 1
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _both(self) -> Rule:
        parts = [self._one()]
        while self._next() not in ("", "OR", ")"):
            if self._next() == "AND":
                self._at += 1
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self) -> Rule:
        found = self._next()
        if found == "NOT":
            self._at += 1
            if self._next() == "NOT":
                raise RequestError(f"The rule {self._text!r} says NOT twice in a row.")
            return Not(self._one())
        if found == "(":
            return self._group()
        if found == "phrase":
            return self._phrase()
        where = f"before {found}" if found else "at its end"
        raise RequestError(f"The rule {self._text!r} lacks a phrase {where}.")

    def _group(self) -> Rule:
        self._at += 1
        self._depth += 1
        if self._depth > DEEPEST:
            raise RequestError(f"The rule {self._text!r} has more than {DEEPEST} parentheses deep.")
        rule = self._either()
        if self._next() != ")":
            raise RequestError(f"The rule {self._text!r} opens a parenthesis it does not close.")
        self._at += 1
        self._depth -= 1
        return rule

    def _phrase(self) -> Phrase:
        kind, piece = self._pieces[self._at]
        self._at += 1
        said = [piece.strip('"') if kind == "quoted" else piece]
        if kind == "word":  # bare words that follow each other are one phrase
            while self._next() == "phrase" and self._pieces[self._at][0] == "word":
                said.append(self._pieces[self._at][1])
                self._at += 1
        return self._as_phrase(" ".join(said).strip())

    def _as_phrase(self, said: str) -> Phrase:
        is_open = said.endswith("*")
        if "*" in said.removesuffix("*"):
            raise RequestError(f"In {said!r}, a star may only end the phrase.")
        found = words(said)
        if is_open and found:
            last = _WORD.findall(fold(said))[-1]
            if len(last) < SHORTEST_START:
                raise RequestError(
                    f"{said!r} finds too much: write {SHORTEST_START} letters before its star."
                )
            found = (*found[:-1], last)
        if not found:
            raise RequestError(f"{said!r} has no word to look for.")
        return Phrase(found, is_open, said)


def wanted(rule: Rule) -> Iterator[Phrase]:
    """The phrases that a rule asks for, not those it excludes."""
    match rule:
        case Phrase():
            yield rule
        case All() | Any():
            for part in rule.parts:
                yield from wanted(part)


def canonical(rule: Rule) -> str:
    """The same text for rules that find the same for the same reasons, however they are typed."""
    match rule:
        case Phrase():
            return " ".join(rule.words) + ("*" if rule.open else "")
        case Not():
            return f"NOT {canonical(rule.part)}"
        case All():
            return f"({' AND '.join(sorted(map(canonical, rule.parts)))})"
        case Any():
            return f"({' OR '.join(sorted(map(canonical, rule.parts)))})"


def phrases_of(rule: Rule) -> Iterator[Phrase]:
    """Every phrase of a rule, from left to right."""
    match rule:
        case Phrase():
            yield rule
        case Not():
            yield from phrases_of(rule.part)
        case All() | Any():
            for part in rule.parts:
                yield from phrases_of(part)


def _asks(rule: Rule) -> bool:
    match rule:
        case Phrase():
            return True
        case Not():
            return False
        case All():
            return any(_asks(part) for part in rule.parts)
        case Any():
            return all(_asks(part) for part in rule.parts)


def mentions(rule: Rule, here: Mapping[Phrase, int], whole: Mapping[Phrase, int]) -> int:
    """How often a text says what a rule asks for; 0 where it does not fulfil the rule.

    `here` counts the phrases of the text, `whole` of all that the paper says: what a rule excludes
    is excluded wherever it is said. AND adds up what its parts are said, and OR too.
    """
    match rule:
        case Phrase():
            return here.get(rule, 0)
        case Not():
            return 0
        case Any():
            return sum(mentions(part, here, whole) for part in rule.parts)
        case All():
            found = 0
            for part in rule.parts:
                if isinstance(part, Not):
                    if mentions(part.part, whole, whole):
                        return 0
                    continue
                said = mentions(part, here, whole)
                if not said:
                    return 0
                found += said
            return found


def in_words(rule: Rule) -> str:
    """A rule as a sentence says it: “test-time compute” but not “survey”."""
    match rule:
        case Phrase():
            return f"“{rule.said}”"
        case Not():
            return f"not {_grouped(rule.part)}"
        case Any():
            return " or ".join(_grouped(part) for part in rule.parts)
        case All():
            wanted = [_grouped(part) for part in rule.parts if not isinstance(part, Not)]
            barred = [_grouped(part.part) for part in rule.parts if isinstance(part, Not)]
            told = " and ".join(wanted)
            return told + (f" but not {' or '.join(barred)}" if barred else "")


def _grouped(rule: Rule) -> str:
    told = in_words(rule)
    return f"({told})" if isinstance(rule, All | Any) else told
