"""Reads forms, and tells those that people sent from our pages from those that machines did."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from fastapi import Request
from starlette.datastructures import ImmutableMultiDict
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from newsletter.language import Language
from subscribers.errors import TokenError
from subscribers.tokens import Purpose, Signer

MOST_FIELDS = 500
LONGEST = 24 * 3600  # seconds that a form may lie open


class Form:
    """The fields of a form, or of a query."""

    def __init__(self, data: ImmutableMultiDict[str, Any]) -> None:
        self._data = data

    def get(self, key: str, default: str = "") -> object:
        """The last value of a field."""
        return self._data.get(key, default)

    def getlist(self, key: str) -> list[object]:
        """All values of a field."""
        return list(self._data.getlist(key))

    def text(self, name: str, most: int = 500) -> str:
        """One field's text, trimmed and bounded; empty where it is a file or not there."""
        value = self._data.get(name, "")
        return value.strip()[:most] if isinstance(value, str) else ""


async def read(request: Request) -> Form:
    """A form, urlencoded or multipart; raises HTTPException where it is none."""
    try:
        return Form(await request.form(max_files=0, max_fields=MOST_FIELDS))
    except (MultiPartException, HTTPException, UnicodeDecodeError, ValueError) as error:
        raise HTTPException(400, "This form cannot be read.") from error


def token(signer: Signer, shown_at: int) -> str:
    """What a form carries to say when it was shown."""
    return signer.sign(Purpose.FORM, shown_at)


def is_from_here(signer: Signer, told: str, now: datetime, least: float) -> bool:
    """Whether a form was shown by us, within a day, and not sent faster than people type."""
    try:
        shown_at = signer.read(Purpose.FORM, told)
    except TokenError:
        return False
    return least <= now.timestamp() - shown_at <= LONGEST


def has_worked(form: Form, bits: int) -> bool:
    """Whether SHA-256 of "TOKEN:ADDRESS:NONCE" begins with so many zero bits, for each letter."""
    if not bits:
        return True
    told = (form.text("t"), form.text("address", 320), form.text("work", 40))
    found = hashlib.sha256(":".join(told).encode()).digest()
    return int.from_bytes(found[:4], "big") >> (32 - bits) == 0


def consent(language: Language, title: str) -> str:
    """The words that are agreed to; their version is kept with a consent."""
    told = language.gettext(
        "I want {title} by mail. My address is used for nothing else, and one click in any mail "
        "ends it."
    )
    return told.format(title=title)


def version(wording: str) -> str:
    """What a wording is called by: it changes when the words do."""
    return hashlib.sha256(wording.encode()).hexdigest()[:12]


def client(request: Request) -> str:
    """The address a request came from; that a proxy names where the settings believe it."""
    return request.client.host if request.client else ""
