"""What a mail would fetch when it is opened: nothing, but for images a setting allows.

Whatever is fetched tells its owner who reads, when and where: pixels, fonts, style sheets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.preflight.findings import Finding, error
from newsletter.preflight.house import House, host_of
from newsletter.preflight.mail import Mail
from newsletter.preflight.page import Element, named

SMALLEST = 2  # pixels; what is no larger is there to be counted, not to be seen
_FETCHING = re.compile(r"@import|@font-face|\burl\s*\(|\bsrc\s*:", re.IGNORECASE)
_SOURCES = ("src", "srcset", "background", "poster", "data")
_PIXELS = re.compile(r"(?<![\w-])(?:max-)?(width|height)\s*:\s*(\d+(?:\.\d+)?)px", re.IGNORECASE)
_DO = "Take it out of the template; this product tracks nobody."


def check(mail: Mail, house: House) -> Iterator[Finding]:
    """What one mail would fetch."""
    if _FETCHING.search(mail.page.style):
        yield error("remote-style", "The style element fetches a font or an image.", _DO, mail.at())
    for element in mail.page.elements:
        if _FETCHING.search(element.get("style")):
            yield error(
                "remote-style",
                f"The style of {named(element.tag)} fetches something.",
                _DO,
                mail.at(element.get("style")),
            )
        if element.tag == "link":
            yield error(
                "remote-style", "A <link> fetches something.", _DO, mail.at(element.get("href"))
            )
        if element.tag == "img" and _is_tiny(element):
            yield error(
                "pixel",
                "An image is too small to be seen, as those are that count readers.",
                _DO,
                mail.at(element.get("src")),
            )
        for name in _SOURCES:
            if name in element.attributes:
                yield from _source(element, name, house, mail)


def _source(element: Element, name: str, house: House, mail: Mail) -> Iterator[Finding]:
    url = element.get(name).strip()
    if url.lower().startswith("cid:"):
        return
    host = host_of(url)
    if element.tag != "img" or name == "srcset" or host not in house.web_hosts:
        what, place = named(element.tag).capitalize(), host or "an address without a host"
        yield error(
            "remote-image",
            f"{what} fetches from {place}, which no setting names.",
            "Take it out, or name its host in the settings.",
            mail.at(url),
        )


def _is_tiny(element: Element) -> bool:
    sizes = [element.get(name).strip() for name in ("width", "height")]
    sizes += [pixels for _, pixels in _PIXELS.findall(element.get("style"))]
    numbers = [float(one) for one in sizes if re.fullmatch(r"\d+(?:\.\d+)?", one)]
    return any(number <= SMALLEST for number in numbers)
