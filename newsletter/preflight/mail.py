"""A finished mail taken apart again by the standard library, not by what built it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from functools import cached_property

from newsletter.preflight.page import Page, parse

_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")  # RFC 5322 2.2: printable ASCII but the colon


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail, as bytes and as what they mean."""

    content: bytes
    recipient: str  # of the envelope
    reader: str = ""  # how findings call whom it is for

    @cached_property
    def head(self) -> bytes:
        """The header, without the empty line after it."""
        return self.content.partition(b"\r\n\r\n")[0]

    @cached_property
    def fields(self) -> tuple[tuple[str, bytes], ...]:
        """Header fields in order: small name, value as it stands, folds and all.

        What is no field has the name "".
        """
        return tuple(_fields(self.head))

    def raw(self, name: str) -> list[bytes]:
        """The values of all fields of a name."""
        return [value for one, value in self.fields if one == name]

    def value(self, name: str) -> str:
        """The value of the first field of a name, unfolded; empty where there is none."""
        found = self.raw(name)
        return unfolded(found[0]) if found else ""

    @cached_property
    def parsed(self) -> Message:
        """As `email` reads it."""
        return message_from_bytes(self.content)

    @cached_property
    def parts(self) -> tuple[Message, ...]:
        """The parts right below the whole; none where it is no multipart."""
        payload = self.parsed.get_payload()
        return tuple(payload) if isinstance(payload, list) else ()  # type: ignore[arg-type]

    @cached_property
    def text(self) -> str:
        """The plain text; empty where there is none."""
        return self._decoded("text/plain")

    @cached_property
    def html(self) -> str:
        """The HTML; empty where there is none."""
        return self._decoded("text/html")

    @cached_property
    def page(self) -> Page:
        """The HTML as elements."""
        return parse(self.html)

    def at(self, words: str = "") -> str:
        """Where a finding is: the reader, and some words of the mail."""
        shown = " ".join(words.split())
        shown = shown if len(shown) <= 60 else shown[:59].rstrip() + "…"
        return f"{self.reader}: {shown}" if shown and self.reader else shown or self.reader

    def _decoded(self, kind: str) -> str:
        for part in self.parts:
            if part.get_content_type() == kind:
                payload = part.get_payload(decode=True)
                return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
        return ""


def unfolded(value: bytes) -> str:
    """A field's value as one line (RFC 5322 2.2.3)."""
    return value.replace(b"\r\n", b"").decode("utf-8", "replace").strip(" \t")


def decoded(text: str) -> str:
    """A text with its encoded words (RFC 2047) read, where they can be."""
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (MessageError, LookupError, ValueError):
        return text


def written(name: str) -> str:
    """A field's name as it is written."""
    special = {"message-id": "Message-ID", "mime-version": "MIME-Version", "list-id": "List-Id"}
    return special.get(name) or "-".join(word.capitalize() for word in name.split("-"))


def _fields(head: bytes) -> Iterator[tuple[str, bytes]]:
    name, value = None, b""
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and name is not None:
            value += b"\r\n" + line
            continue
        if name is not None:
            yield name, value
        found = _NAME.match(line)
        name = found[1].decode().lower() if found else ""
        value = line[found.end() :] if found else line
    if name is not None:
        yield name, value
