"""The setting that holds an upstream's address: http(s), without a trailing slash."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from newsletter import plain


def _checked(text: str) -> str:
    found = plain.url(text, login=True)
    if found is None:
        raise ValueError("must be an address that begins with http:// or https://")
    return found.rstrip("/")


WebAddress = Annotated[str, AfterValidator(_checked)]
