"""Opens a message without trusting it: parts, fields and text, all of them bounded.

`email` parses; what it takes too long for, or stumbles over, is kept from it. What a message means
is not known here (`bounces.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from itertools import islice

from newsletter.server_words import LONGEST_WORDS, line

LARGEST = 2**18  # bytes that are read: five times our mails; a report stands before what it returns
DEEPEST = 30  # parts with parts in them; a report with the returned mail in it has five
LONGEST_TYPE = 2000  # bytes of a Content-Type: `email` takes time that grows with their square
MOST_FIELDS = 200  # lines of a delivery report that are looked at
MOST_NAMES = 20  # fields of one name that are looked at

_TYPE = re.compile(
    rb"(?:^|[\r\n])content-(?:type|disposition|transfer-encoding):"
    rb"((?:[^\r\n]++|(?:\r\n|\r|\n)[ \t])*+)",
    re.IGNORECASE,
)
_NESTING = re.compile(rb"\s*(?:multipart|message)/", re.IGNORECASE)


class Unreadable(ValueError):
    """The bytes are no message that anybody would write."""


def opened(content: bytes) -> Message:
    """The message; raises Unreadable."""
    content = content[:LARGEST]
    nesting = 0
    for found in _TYPE.finditer(content):
        nesting += bool(_NESTING.match(found[1]))
        if nesting > DEEPEST or len(found[1]) > LONGEST_TYPE:
            raise Unreadable("no report is built like this")
    return message_from_bytes(content)


def parts_of(message: Message) -> Iterator[Message]:
    """The parts of a message, but not those of the mail that it returns."""
    yield message
    if message.get_content_maintype() != "multipart":
        return
    for part in inner(message):
        yield from parts_of(part)


def inner(part: Message) -> list[Message]:
    """The messages right inside a part."""
    payload = part.get_payload()
    if not isinstance(payload, list):
        return []
    return [one for one in payload if isinstance(one, Message)]


def groups(part: Message) -> Iterator[dict[str, str]]:
    """The groups of fields of a report, by small names; the first of a name counts."""
    if not part.is_multipart():
        yield from _groups_of_text(decoded(part))
    encoding = str(part.get("Content-Transfer-Encoding", "7bit"))
    for one in inner(part):
        first = list(islice(one.raw_items(), MOST_FIELDS))
        yield {name.lower(): line(_utf8(str(value))) for name, value in reversed(first)}
        if not one.is_multipart():  # of types that `email` does not know to be groups of fields
            if "Content-Transfer-Encoding" not in one:  # RFC 2046 5.2.4 forbids it; some encode
                one["Content-Transfer-Encoding"] = encoding
            yield from _groups_of_text(decoded(one))


def _groups_of_text(text: str) -> Iterator[dict[str, str]]:
    unfolded = re.sub(r"\r?\n[ \t]+", " ", text)
    block: dict[str, str] = {}
    for field in unfolded.splitlines()[:MOST_FIELDS]:
        name, colon, value = field.partition(":")
        if colon:
            block.setdefault(name.strip().lower(), line(value))
        elif block and not field.strip():
            yield block
            block = {}
    if block:
        yield block


def text_of(parts: list[Message]) -> str:
    """The first part of plain text, its lines ended by a line feed."""
    for part in parts:
        if part.get_content_type() == "text/plain" and not part.is_multipart():
            return decoded(part).replace("\r\n", "\n")
    return ""


def decoded(part: Message) -> str:
    """A part's text; whatever charset it claims, read as UTF-8."""
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def header(message: Message, name: str, most: int = MOST_NAMES) -> str:
    """A header's text, its encoded words read where they can be; several of a name, joined."""
    found = (_utf8(str(value)) for one, value in message.raw_items() if one.lower() == name.lower())
    return " ".join(_unencoded(one) for one in islice(found, most))


def _utf8(text: str) -> str:
    """Bytes beyond ASCII, which `email` keeps as surrogates, as RFC 6532 means them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _unencoded(text: str) -> str:
    text = text[: LONGEST_WORDS * 20]
    try:
        return str(make_header(decode_header(text))) if "=?" in text else text
    except (MessageError, LookupError, ValueError):  # no such charset, or not in it
        return text
