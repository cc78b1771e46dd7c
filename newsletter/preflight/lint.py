"""What HTML needs so that everybody can read it (checklist 1g): language, names, order, balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from newsletter.preflight.findings import Finding, error, fatal
from newsletter.preflight.mail import Mail
from newsletter.preflight.page import HEADINGS, Element, Page, named

ACTIVE = frozenset(  # what runs, asks or frames; clients drop it, or the mail with it
    {
        *("script", "form", "iframe", "frame", "object", "embed", "applet", "base"),
        *("input", "button", "select", "textarea"),
    }
)
_DO = "Mend the template."


def check(mail: Mail) -> Iterator[Finding]:
    """What is wrong with the HTML of one mail."""
    if not mail.html:
        return  # told by `structure`
    page = mail.page
    for says in (*_frame(page), *_elements(page), *_headings(page), *_balance(page, mail.html)):
        yield error("html", says, _DO, mail.at())
    for element in page.elements:
        if element.tag in ACTIVE or (
            element.tag == "meta" and element.get("http-equiv").lower() == "refresh"
        ):
            yield fatal(
                "html-active", f"There is {named(element.tag)} in the mail.", _DO, mail.at()
            )
        for name in element.attributes:
            if name.startswith("on"):
                told = f"{named(element.tag).capitalize()} has a script in {name}."
                yield fatal("html-active", told, _DO, mail.at())


def _frame(page: Page) -> Iterator[str]:
    html = next(iter(page.all("html")), None)
    body = next(iter(page.all("body")), None)
    if html is None or body is None:
        yield "There is no <html> or no <body>."
        return
    below = [one for one in page.elements if one.parent is body]
    for name in ("lang", "dir"):
        if not html.get(name):
            yield f"<html> says no {name}."
        if not any(one.get(name) for one in below):  # clients take away <html>'s own
            yield f"Nothing right inside <body> says {name}."
    if any(one.get("lang").lower() == "und" for one in (html, *below)):
        yield "The language is said to be unknown (und)."
    if any(one.get("dir") not in ("ltr", "rtl", "auto", "") for one in page.elements):
        yield "dir is neither ltr nor rtl."
    if len([one for one in page.all("title") if one.words]) != 1:
        yield "There is not one <title> with words in it."


def _elements(page: Page) -> Iterator[str]:
    for element in page.elements:
        if element.tag == "img" and "alt" not in element.attributes:
            yield "An image has no alt."
        if element.tag == "table" and element.get("role") != "presentation":
            yield "A table that lays out has no role=presentation."
        if element.tag.startswith("mj-"):
            yield f"<{element.tag}> was left by the compiler."
        if element.tag == "a" and "href" in element.attributes and not _is_named(page, element):
            yield "A link has no words."
    ids = Counter(one.get("id") for one in page.elements if one.get("id"))
    for name, number in ids.items():
        if number > 1:
            yield f"The id {name!r} stands {number} times."


def _is_named(page: Page, link: Element) -> bool:
    if link.words or link.get("aria-label"):
        return True
    return any(_holds(link, one) for one in page.all("img") if one.get("alt"))


def _holds(outer: Element, element: Element | None) -> bool:
    while element is not None and element is not outer:
        element = element.parent
    return element is outer


def _headings(page: Page) -> Iterator[str]:
    levels = [HEADINGS.index(one.tag) + 1 for one in page.all(*HEADINGS)]
    if levels.count(1) != 1:
        yield f"There are {levels.count(1)} <h1>; one is right."
    if levels and levels[0] != 1:
        yield f"The first heading is <h{levels[0]}>, not <h1>."
    for before, after in pairwise(levels):
        if after > before + 1:
            yield f"<h{after}> follows <h{before}> and leaves one out."
    for one in page.all(*HEADINGS):
        if not one.words:
            yield f"An <{one.tag}> is empty."


def _balance(page: Page, html: str) -> Iterator[str]:
    for problem in dict.fromkeys(page.problems):
        yield f"{problem}."
    if html.count("<!--[if") != html.count("<![endif]"):
        yield "Not every <!--[if has its <![endif]."
