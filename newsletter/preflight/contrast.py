"""Whether words can be read: contrast of at least 4.5:1 in light and in dark (WCAG 2.2, 1.4.3).

Computed as a client that knows the style element does: author rules and inline styles by the
cascade, colours inherited, backgrounds laid over one another, bgcolor below both, and where
nothing says a colour, the client's own. Dark is `prefers-color-scheme: dark`.

What this does not see: images behind words, opacity, gradients, pseudo-elements, selectors that
`css.py` passes over, and clients that change colours by their own lights (Gmail's and Outlook's
inversion). Large headings are held to 4.5:1 like the rest, though WCAG lets them off with 3:1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.preflight import colours, css
from newsletter.preflight.colours import Colour
from newsletter.preflight.css import Rule, Specificity
from newsletter.preflight.findings import Finding, error, warning
from newsletter.preflight.mail import Mail
from newsletter.preflight.page import Element

LEAST = 4.5
SCHEMES = ("light", "dark")
_SEEN = ("color", "background", "background-color", "display", "visibility")
_WHITE: Colour = (255, 255, 255, 1)
_BLACK: Colour = (0, 0, 0, 1)
# A client's own colours of page, words and links; the dark ones are Chromium's, for pages that
# say they know dark. Such links on a light card were the trap: 2.17:1.
_OWN: dict[str, tuple[Colour, Colour, Colour]] = {
    "light": (_WHITE, _BLACK, (0, 0, 238, 1)),
    "dark": ((18, 18, 18, 1), _WHITE, (158, 158, 255, 1)),
}
_NO_COLOUR = ("inherit", "initial", "unset", "revert", "none", "currentcolor")
_NONE: Specificity = (0, 0, 0)
_DO = "Mend the colours of the template, in its styles or in its dark rules."


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """How an element looks, and what of it counts for those inside it."""

    tag: str
    attributes: dict[str, str]
    parent: Look | None
    colour: Colour
    background: Colour  # opaque
    hidden: bool = False
    unread: str = ""  # a colour that could not be read


@dataclass(frozen=True, kw_only=True, eq=False)
class _Light:
    """What pages with the same styles are looked at by."""

    scheme: str
    own: tuple[Colour, Colour, Colour]  # of the client: page, words, links
    rules: tuple[Rule, ...]  # that apply


class Contrast:
    """Judges pages one after another; what pages share is computed once."""

    def __init__(self) -> None:
        self._lights: dict[tuple[str, str, bool], _Light] = {}
        self._looks: dict[object, Look] = {}

    def check(self, mail: Mail) -> Iterator[Finding]:
        """The words of a mail that can hardly be read, each pair of colours once."""
        declared = "".join(
            one.get("content") for one in mail.page.all("meta") if one.get("name") == "color-scheme"
        )
        for scheme in SCHEMES:
            light = self._light(mail.page.style, scheme, "dark" in declared)
            told: set[tuple[str, str]] = set()
            looks: dict[Element, Look] = {}
            for element, words in mail.page.texts:
                look = self._look(element, light, looks)
                pair = (look.unread, "") if look.unread else _pair(look)
                if look.hidden or pair in told:
                    continue
                told.add(pair)
                yield from _judged(look, scheme, mail.at(words))

    def _light(self, style: str, scheme: str, declared: bool) -> _Light:
        key = (style, scheme, declared)
        if key not in self._lights:
            rules = tuple(one for one in css.rules(style) if css.applies(one.media, scheme))
            knows = declared or any(
                name == "color-scheme" and "dark" in value
                for rule in rules
                for name, value, _ in rule.declarations
            )
            self._lights[key] = _Light(
                scheme=scheme,
                own=_OWN[scheme if knows else "light"],
                rules=tuple(
                    rule for rule in rules if any(name in _SEEN for name, *_ in rule.declarations)
                ),
            )
        return self._lights[key]

    def _look(self, element: Element, light: _Light, looks: dict[Element, Look]) -> Look:
        if element not in looks:
            parent = self._look(element.parent, light, looks) if element.parent else None
            key = (light, parent, element.tag, tuple(element.attributes.items()))
            if key not in self._looks:
                self._looks[key] = _computed(element, light, parent)
            looks[element] = self._looks[key]
        return looks[element]


def _computed(element: Element, light: _Light, parent: Look | None) -> Look:
    canvas, words, link = light.own
    colour = parent.colour if parent else words
    background = parent.background if parent else canvas
    unread = parent.unread if parent else ""
    said = _said(element, light, parent)
    value = said.get("background-color", "")
    if value and value not in _NO_COLOUR:
        found = colours.parse(value)
        unread = value if found is None else unread
        background = colours.over(found, background) if found else background
    value = said.get("color", "")
    if value and value not in _NO_COLOUR:
        found = colours.parse(value)
        unread = value if found is None else unread
        colour = found or colour
    elif not value and element.tag == "a" and element.get("href"):
        colour = link
    hidden = said.get("display") == "none" or said.get("visibility") == "hidden"
    return Look(
        tag=element.tag,
        attributes=element.attributes,
        parent=parent,
        colour=colour,
        background=background,
        hidden=hidden or bool(parent and parent.hidden),
        unread=unread,
    )


def _said(element: Element, light: _Light, parent: Look | None) -> dict[str, str]:
    """What is said of an element, the strongest word on each property."""
    found: list[tuple[tuple[bool, int, Specificity], str, str]] = []
    if bgcolor := element.get("bgcolor"):
        found.append(((False, -1, _NONE), "background-color", bgcolor))
    for rule in light.rules:
        (_, first), *above = rule.path
        if first.fits(element.tag, element.attributes) and _above(above, parent):
            for name, value, important in rule.declarations:
                found.append(((important, 0, rule.specificity), name, value))
    for name, value, important in css.declarations(element.get("style")):
        found.append(((important, 1, _NONE), name, value))
    found.sort(key=lambda one: one[0])  # stable: of equals the later one counts
    said: dict[str, str] = {}
    for _, name, value in found:
        if name == "background":
            said["background-color"] = colours.in_background(value) or "transparent"
        elif name in _SEEN:
            said[name] = value
    return said


def _above(path: list[tuple[str, css.Compound]], look: Look | None) -> bool:
    if not path:
        return True
    (combinator, compound), *rest = path
    while look is not None:
        if compound.fits(look.tag, look.attributes) and _above(rest, look.parent):
            return True
        if combinator == ">":
            return False
        look = look.parent
    return False


def _pair(look: Look) -> tuple[str, str]:
    front = colours.over(look.colour, look.background)
    return colours.shown(front), colours.shown(look.background)


def _judged(look: Look, scheme: str, where: str) -> Iterator[Finding]:
    if look.unread:
        yield warning(
            "contrast",
            f"The colour {look.unread!r} cannot be read here, so nothing is known of its contrast.",
            "Write it as #rrggbb.",
            where,
        )
        return
    front = colours.over(look.colour, look.background)
    ratio = colours.contrast(front, look.background)
    if ratio < LEAST:
        yield error(
            "contrast",
            f"Words of {colours.shown(front)} on {colours.shown(look.background)} have a contrast "
            f"of {ratio:.2f}:1 in {scheme} mode; {LEAST}:1 is the least.",
            _DO,
            where,
        )
