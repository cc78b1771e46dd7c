"""Reads Atom and RSS with feedparser, guarded: nothing is fetched, no entity is expanded.

What an entry means is its source's affair; here it becomes values of plain types.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from time import struct_time
from typing import Any
from xml.parsers import expat

import feedparser

from newsletter import plain
from newsletter.errors import SourceError
from newsletter.records import EARLIEST_YEAR, MOST_AUTHORS
from newsletter.sources.port import Answer
from newsletter.sources.untrusted import CHARSET

# Declaring entities of one's own is how a small document becomes a large one. No feed needs it.
_ENTITY = re.compile(
    rb"<!\s*ENTITY|<\x00!\x00\s*E\x00N\x00T|\x00<\x00!\x00E\x00N\x00T", re.IGNORECASE
)
# Read all the same: another encoding than was told, another content type than XML's.
_HARMLESS = (feedparser.CharacterEncodingOverride, feedparser.NonXMLContentType)
_ENCODING = re.compile(rb"<\?xml[^>]*encoding=['\"]([\w.-]+)")
_BETWEEN_NAMES = re.compile(r"\s*(?:,|\band\b)\s*")
_ASIDE = re.compile(r"\([^()]*\)")  # affiliations
_INITIALS = re.compile(r"(?:[^\W\d_]\.?[\s-]?){1,4}")  # where in capitals: "Bo Ek" is a name
LONGEST_BYLINE = 200_000  # characters; MOST_AUTHORS with names of ordinary length
LARGEST = 16 * 1024 * 1024  # bytes; arXiv's longest day has about five
STRICT_FROM = 1024 * 1024  # bytes; below, what is broken is read soon enough to be told
BROKEN = "the XML is broken; is it cut?"
DEEPEST_ASIDE = 4  # affiliations with numbers in brackets nest twice


def parse(answer: Answer) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """The feed's own fields and its entries; raises SourceError where it is no feed at all.

    A document that ends in the middle is refused: half a feed would look like a quiet day.
    """
    body = answer.whole()
    if _ENTITY.search(body):
        raise SourceError("the feed declares entities of its own.", where=answer.where)
    if len(body) > LARGEST:
        raise SourceError(f"larger than {LARGEST // 2**20} MiB.", where=answer.where)
    if len(body) > STRICT_FROM and _is_utf8(body, answer.content_type):
        _refuse_broken(body, answer.where)
    # The content type decides the encoding where the document names none (RFC 7303 3).
    headers = {"content-type": answer.content_type} if answer.content_type else {}
    try:
        found = feedparser.parse(
            io.BytesIO(body),  # never the bytes themselves: those might be taken for an address
            response_headers=headers,
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except Exception as error:  # whatever its parsers meet in a stranger's bytes
        raise SourceError(f"neither Atom nor RSS: {error}.", where=answer.where) from error
    broken = found.get("bozo_exception") if found.get("bozo") else None
    if not found.get("version") and not found.entries:
        kind = plain.line(answer.content_type.partition(";")[0], 80) or "something else"
        raise SourceError(f"{kind} instead of Atom or RSS.", where=answer.where)
    if broken is not None and not isinstance(broken, _HARMLESS):
        line = getattr(broken, "getLineNumber", lambda: None)()
        raise SourceError(BROKEN, where=answer.where, line=line) from broken
    return found.feed, list(found.entries)


def _refuse_broken(body: bytes, where: str) -> None:
    """Raises SourceError where feedparser would go on to its slow parser of broken XML."""
    try:
        expat.ParserCreate().Parse(body, True)
    except expat.ExpatError as error:
        raise SourceError(BROKEN, where=where, line=error.lineno) from error


def _is_utf8(body: bytes, content_type: str) -> bool:
    """Whether nobody says that it is another encoding, which expat may not know."""
    told = [*_ENCODING.findall(body[:200]), *CHARSET.findall(content_type.encode())]
    return all(one.lower() in (b"utf-8", b"utf8", b"us-ascii") for one in told)


def instant(entry: Mapping[str, Any], *names: str) -> datetime | None:
    """The first of these dates that the entry has and that can be one, UTC."""
    for name in names:
        key = f"{name}_parsed"
        # Asked by `in`: where there is no update, feedparser gives the publication for it.
        told = entry[key] if key in entry else None  # noqa: SIM401
        if isinstance(told, struct_time):
            try:
                found = datetime(*told[:6], tzinfo=UTC)
            except (ValueError, OverflowError):
                continue
            if found.year >= EARLIEST_YEAR:
                return found
    return None


def value(entry: Mapping[str, Any], name: str, longest: int = plain.LONGEST_TITLE) -> str:
    """One line of plain text, "" where the entry has none."""
    told = entry.get(name)
    return plain.unmarked(told, longest) if isinstance(told, str) else ""


def authors(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The names, whether each has an element of its own or all share one."""
    rows = entry.get("authors")
    listed = rows[:MOST_AUTHORS] if isinstance(rows, list) else []
    told = [name for row in listed if (name := value(row, "name", LONGEST_BYLINE))]
    names = _apart(told[0]) if len(told) == 1 else told
    return tuple(plain.line(name, plain.LONGEST_NAME) for name in names)


def _apart(names: str) -> list[str]:
    """ "Ann Lee, Bo Ek (MIT)" as two names; "Lee, A., Ek, B." as "A. Lee" and "B. Ek"."""
    bare = names
    for _ in range(DEEPEST_ASIDE):
        bare = _ASIDE.sub("", bare)
    if ";" in bare:  # "Lee, Ann; Ek, Bo"
        turned = (" ".join(reversed(one.strip().split(", ", 1))) for one in bare.split(";"))
        return [name for name in turned if name][:MOST_AUTHORS]
    parts = [part.strip() for part in _BETWEEN_NAMES.split(bare) if part.strip()]
    if len(parts) > 1 and len(parts) % 2 == 0 and all(map(_are_initials, parts[1::2])):
        return [f"{given} {family}" for family, given in zip(parts[::2], parts[1::2], strict=True)]
    return parts[:MOST_AUTHORS]


def _are_initials(part: str) -> bool:
    return part.isupper() and _INITIALS.fullmatch(part) is not None
