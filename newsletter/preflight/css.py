"""Reads style sheets as far as the colours of a mail need it: rules, selectors, media.

Understood are tags, classes, ids, attributes, :root, descendants (a b) and children (a > b), and
media queries by colour scheme and width. A rule with another selector (siblings, :hover, :not) or
another query is taken not to apply. @font-face, @import and their like are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

WIDTH = 600  # pixels of the window that width queries are answered for

Declaration = tuple[str, str, bool]  # property, value, whether it is !important
Specificity = tuple[int, int, int]  # ids; classes and attributes; tags

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_NESTING = ("@media", "@supports", "@layer")
_COMPOUND = re.compile(r"(\*|[a-z][a-z0-9]*)?((?:[.#][\w-]+|\[[^\[\]]+\]|:root)*)", re.IGNORECASE)
_PIECE = re.compile(r"[.#][\w-]+|\[[^\[\]]+\]|:root", re.IGNORECASE)
_WIDTH = re.compile(r"\(\s*(min|max)-width\s*:\s*(\d+(?:\.\d+)?)px\s*\)")
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)")


@dataclass(frozen=True, kw_only=True)
class Compound:
    """What one element must be."""

    tag: str = ""  # any
    classes: frozenset[str] = frozenset()
    id: str = ""
    attributes: tuple[tuple[str, str | None], ...] = ()  # None: whatever its value
    root: bool = False

    def fits(self, tag: str, attributes: Mapping[str, str]) -> bool:
        """Whether an element is so."""
        return (
            self.tag in ("", tag)
            and (not self.root or tag == "html")
            and (not self.id or attributes.get("id") == self.id)
            and self.classes.issubset(attributes.get("class", "").split())
            and all(
                name in attributes and value in (None, attributes[name])
                for name, value in self.attributes
            )
        )


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One selector with its declarations."""

    media: tuple[str, ...]  # queries that all have to be true
    path: tuple[tuple[str, Compound], ...]  # from the element outwards: " " or ">" before it
    specificity: Specificity
    declarations: tuple[Declaration, ...]


def rules(text: str, media: tuple[str, ...] = ()) -> Iterator[Rule]:
    """All rules that can be read, in order."""
    text = _COMMENT.sub("", text)
    at = 0
    while (opened := text.find("{", at)) >= 0:
        head = text[at:opened].rpartition(";")[2].strip()  # after an @import, say
        at = closed = _end(text, opened)
        body = text[opened + 1 : closed - 1]
        if head.lower().startswith(_NESTING):
            query = head.partition(" ")[2] if head.lower().startswith("@media") else "not known"
            yield from rules(body, (*media, query.lower()))
        elif not head.startswith("@"):
            found = tuple(declarations(body))
            for one in head.split(","):
                path = _path(one)
                if path is not None and found:
                    yield Rule(
                        media=media,
                        path=path,
                        specificity=_specificity(path),
                        declarations=found,
                    )


def declarations(text: str) -> Iterator[Declaration]:
    """The declarations of a block or of a style attribute."""
    for one in text.split(";"):
        name, colon, value = one.partition(":")
        if colon:
            plain, important, _ = value.lower().partition("!important")
            yield name.strip().lower(), plain.strip(), bool(important)


def applies(media: tuple[str, ...], scheme: str) -> bool:
    """Whether queries are true on a screen of WIDTH in a colour scheme, light or dark."""
    return all(any(_query(one.strip(), scheme) for one in query.split(",")) for query in media)


def _query(query: str, scheme: str) -> bool:
    for term in re.split(r"\s+and\s+", query):
        bare = term.strip().removeprefix("only ")
        if bare in ("", "all", "screen"):
            continue
        if found := _SCHEME.fullmatch(bare):
            if found[1] != scheme:
                return False
        elif found := _WIDTH.fullmatch(bare):
            wide = float(found[2])
            if (wide > WIDTH) if found[1] == "min" else (wide < WIDTH):
                return False
        else:
            return False
    return True


def _end(text: str, opened: int) -> int:
    """Where the block that opens there has closed."""
    depth = 0
    for found in re.finditer(r"[{}]", text[opened:]):
        depth += 1 if found[0] == "{" else -1
        if not depth:
            return opened + found.end()
    return len(text) + 1


def _path(selector: str) -> tuple[tuple[str, Compound], ...] | None:
    """From the right: each compound with how the one to its right stands to it."""
    words = selector.replace(">", " > ").split()
    path: list[tuple[str, Compound]] = []
    combinator = ""
    for word in reversed(words):
        if word == ">":
            combinator = ">"
            continue
        compound = _compound(word)
        if compound is None:
            return None
        path.append((combinator if path else "", compound))
        combinator = " "
    return tuple(path) or None


def _compound(word: str) -> Compound | None:
    found = _COMPOUND.fullmatch(word)
    if found is None:
        return None
    pieces = _PIECE.findall(found[2])
    attributes = []
    for piece in pieces:
        if piece.startswith("["):
            name, equals, value = piece[1:-1].partition("=")
            if not re.fullmatch(r"[\w-]+", name.strip()):
                return None  # ~=, ^= and their like
            attributes.append((name.strip().lower(), value.strip("\"' ") if equals else None))
    ids = [piece[1:] for piece in pieces if piece.startswith("#")]
    return Compound(
        tag="" if found[1] in (None, "*") else found[1].lower(),
        classes=frozenset(piece[1:] for piece in pieces if piece.startswith(".")),
        id=ids[0] if ids else "",
        attributes=tuple(attributes),
        root=any(piece.lower() == ":root" for piece in pieces),
    )


def _specificity(path: tuple[tuple[str, Compound], ...]) -> Specificity:
    compounds = [compound for _, compound in path]
    return (
        sum(bool(one.id) for one in compounds),
        sum(len(one.classes) + len(one.attributes) + one.root for one in compounds),
        sum(bool(one.tag) for one in compounds),
    )
