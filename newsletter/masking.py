"""Hides logins and keys in addresses before a person or a log sees them."""

from __future__ import annotations

import re

MASK = "***"

_PASSWORD = re.compile(r"(?<=://)([^/?#@:]*):[^/?#]*@")  # RFC 3986 3.2.1, up to the last @
_IN_QUERY = re.compile(
    r"(?<=[?&])((?:[^=&]*[_-])?(?:password|secret|token|key|signature|auth))=[^&#]*", re.IGNORECASE
)


def masked(text: str) -> str:
    """The address with its password and secret parameters as ***."""
    return _IN_QUERY.sub(rf"\1={MASK}", _PASSWORD.sub(rf"\1:{MASK}@", text))
