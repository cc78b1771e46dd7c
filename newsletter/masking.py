"""Hides logins and keys in addresses before a person or a log sees them."""

from __future__ import annotations

import re

MASK = "***"

_PASSWORD = re.compile(r"(?<=://)([^/?#@:]*):[^/?#]*@")  # RFC 3986 3.2.1, up to the last @
_IN_QUERY = re.compile(
    r"(?<=[?&])((?:[^=&?\s]*[_-])?(?:password|secret|token|key|signature|auth))=[^&#]*",
    re.IGNORECASE,
)
# What readers' links and envelope senders carry, keys of the API, and what stands after Bearer.
_TOKEN = re.compile(
    r"\b\d{1,18}(?:-\d{1,18}){0,2}\.[\w-]{22,}|\b\d{1,10}-\d{1,10}-[a-z2-7]{16}\b"
    r"|\btp_[\w-]{20,}|(?<=\bbearer )\S+",
    re.ASCII | re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"(\"[^\"\n]{1,64}\"|[^\s<>()\[\]\"',;:=@/]{1,256})(@|%40)([\w-]+(?:\.[\w-]+)*)", re.IGNORECASE
)


def masked(text: str) -> str:
    """The address with its password and secret parameters as ***."""
    return _IN_QUERY.sub(rf"\1={MASK}", _PASSWORD.sub(rf"\1:{MASK}@", text))


def discreet(text: str) -> str:
    """What a log may keep of a text: no password, key or token, and addresses shortened."""
    return _ADDRESS.sub(_shortened, _TOKEN.sub(MASK, masked(text)))


def _shortened(found: re.Match[str]) -> str:
    local, at, domain = found.groups()
    return found[0] if local == MASK else f"{local[0]}…{at}{domain}"
