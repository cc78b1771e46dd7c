"""Where a mail's links lead: absolute, to hosts that a paper or a setting names, and the same in
both parts. A host that neither names came from nowhere we know of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from newsletter.preflight.findings import Finding, error, fatal, warning
from newsletter.preflight.house import House, host_of
from newsletter.preflight.mail import Mail

HIDE = "Mend the template; a paper with such a link is taken out by `newsletter papers hide`."
_URL = re.compile(r"(?:https?://|mailto:)[^\s<>\"]+", re.IGNORECASE)
_TRAILING = ".,;:!?)]}'…"
_HARMFUL = ("javascript", "data", "vbscript", "file", "blob")
_COUNTING = re.compile(r"utm_\w+|fbclid|gclid|mc_[ce]id|_hsenc|_hsmi|mkt_tok")


def check(mail: Mail, house: House) -> Iterator[Finding]:
    """What is wrong with the links of one mail."""
    linked: set[str] = set()
    for element in mail.page.all("a", "area"):
        if "href" not in element.attributes:
            continue
        url = element.get("href").strip()
        linked.add(url)
        about = element.heading.words if element.heading is not None else ""
        where = mail.at(about or url)  # the heading it stands under is the paper
        yield from _one(url, house, where)
    yield from _same(mail, linked)


def _one(url: str, house: House, where: str) -> Iterator[Finding]:
    try:
        parts = urlsplit(url)
    except ValueError:
        yield error("link", f"A link cannot be read: {url[:80]!r}.", HIDE, where)
        return
    scheme = parts.scheme.lower()
    if scheme == "mailto":
        if unquote(parts.path) != house.reply_to:
            yield error("link", f"A link writes to somebody else: {parts.path}.", HIDE, where)
    elif scheme in _HARMFUL:
        yield fatal(
            "link", f"A link is of the kind {scheme}:, which runs or opens things.", HIDE, where
        )
    elif scheme not in ("http", "https") or not parts.netloc:
        yield error("link", f"A link is not a whole address of the web: {url[:80]!r}.", HIDE, where)
    else:
        yield from _web(url, house, where)


def _web(url: str, house: House, where: str) -> Iterator[Finding]:
    parts = urlsplit(url)
    if "@" in parts.netloc:
        yield error(
            "link-login", "A link has a login before its host, as deceiving ones have.", HIDE, where
        )
    host = host_of(url)
    moved = host != "" and host == house.pages_host  # `list_headers` tells of that
    if host not in house.hosts and not moved:
        yield error(
            "host",
            f"A link leads to {host or 'no host'}, which no paper of the issue and no "
            "setting names.",
            HIDE,
            where,
        )
    query = parse_qsl(parts.query)
    if any(value.lower().startswith(("http://", "https://", "//")) for _, value in query):
        yield error(
            "redirect",
            f"A link to {host} leads on to another address, as links do that count readers.",
            HIDE,
            where,
        )
    if any(_COUNTING.fullmatch(name) for name, _ in query):
        yield warning(
            "link-tracking",
            f"A link to {host} tells where the reader came from (utm_ and its like).",
            HIDE,
            where,
        )


def _same(mail: Mail, linked: set[str]) -> Iterator[Finding]:
    """Who reads the text must be able to go wherever who reads the HTML can, and no further."""
    if not mail.text or not mail.html:
        return  # told by `structure`
    in_text = _urls(mail.text)
    for url in sorted({_bare(url) for url in linked} - in_text):
        yield error(
            "link-parity",
            "A link of the HTML is not in the text part.",
            "Add it to the text template.",
            mail.at(url),
        )
    shown = _urls("\n".join(words for _, words in mail.page.texts))
    for url in sorted(in_text - {_bare(url) for url in linked} - shown):
        yield error(
            "link-parity",
            "A link of the text part is not in the HTML.",
            "Add it to the HTML template.",
            mail.at(url),
        )


def _urls(text: str) -> set[str]:
    return {_bare(found.rstrip(_TRAILING)) for found in _URL.findall(text)}


def _bare(url: str) -> str:
    """An address as both parts have it; of a mailto, whom it writes to."""
    if url.lower().startswith("mailto:"):
        return "mailto:" + unquote(url[len("mailto:") :].partition("?")[0])
    return url.rstrip(_TRAILING)
