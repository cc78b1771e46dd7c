"""HTML as a tree of elements, read by the standard library, with what does not fit together.

Conditional comments are comments here, as they are to every client but Outlook.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = frozenset(  # HTML 13.1.2
    {
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"),
        *("source", "track", "wbr"),
    }
)
SILENT = frozenset({"head", "title", "style", "script", "template", "noscript"})  # never shown
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")

_UNSEEN = re.compile(r"[\s\u00ad\u034f\u200b-\u200f\u2060\ufeff]+")  # of no ink


def named(tag: str) -> str:
    """An element with its article, as it is read out: "an <img>", "a <table>"."""
    article = "an" if tag.startswith(tuple("aeio")) or tag in HEADINGS else "a"
    return f"{article} <{tag}>"


class Element:
    """A tag with its attributes, and the element it stands in."""

    __slots__ = ("attributes", "heading", "inner", "parent", "tag")

    def __init__(self, tag: str, attributes: dict[str, str], parent: Element | None) -> None:
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.inner: list[str] = []  # the words inside it and inside what it holds
        self.heading: Element | None = None  # the last heading that began before it, or around it

    def get(self, name: str) -> str:
        """An attribute's value; empty where it is not there."""
        return self.attributes.get(name, "")

    @property
    def words(self) -> str:
        """All words inside it, single-spaced."""
        return " ".join(" ".join(self.inner).split())


class Page:
    """All elements in order, what the style elements say, and what is wrong with the tags."""

    def __init__(self) -> None:
        self.elements: list[Element] = []
        self.texts: list[tuple[Element, str]] = []  # what is shown, in order
        self.problems: list[str] = []
        self.style = ""

    def all(self, *tags: str) -> list[Element]:
        """The elements of these tags."""
        return [one for one in self.elements if one.tag in tags]


def parse(html: str) -> Page:
    """The page; never fails, whatever it is given."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.end()
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._open: list[Element] = []
        self._heading: Element | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens an element."""
        element = self._element(tag, attrs)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens and closes one; HTML knows that of void elements only."""
        self._element(tag, attrs)
        if tag not in VOID:
            self.page.problems.append(f"<{tag}/> does not close itself")

    def handle_endtag(self, tag: str) -> None:
        """Closes the innermost element of the tag, and says what else was open."""
        if tag in VOID:
            return
        at = next(
            (at for at in range(len(self._open) - 1, -1, -1) if self._open[at].tag == tag), None
        )
        if at is None:
            self.page.problems.append(f"</{tag}> closes nothing")
            return
        for left in self._open[at + 1 :]:
            self.page.problems.append(f"<{left.tag}> is not closed before </{tag}>")
        del self._open[at:]

    def handle_data(self, data: str) -> None:
        """Keeps words with the element they stand in."""
        holder = self._open[-1] if self._open else None
        if holder is None:
            return
        if holder.tag == "style":
            media = holder.get("media")
            self.page.style += f"@media {media} {{{data}}}\n" if media else f"{data}\n"
        elif _UNSEEN.sub("", data):
            for one in self._open:
                one.inner.append(data)
            if not any(one.tag in SILENT for one in self._open):
                self.page.texts.append((holder, data))

    def end(self) -> None:
        """Says what was never closed."""
        for left in self._open:
            self.page.problems.append(f"<{left.tag}> is never closed")

    def _element(self, tag: str, attrs: list[tuple[str, str | None]]) -> Element:
        names = [name for name, _ in attrs]
        twice = sorted({name for name in names if names.count(name) > 1})
        for name in twice:
            self.page.problems.append(f"<{tag}> has the attribute {name} twice")
        attributes = {name: value or "" for name, value in reversed(attrs)}  # the first one counts
        element = Element(tag, attributes, self._open[-1] if self._open else None)
        if tag in HEADINGS:
            self._heading = element
        element.heading = self._heading
        self.page.elements.append(element)
        return element
