"""Signed tokens for links in mail: who may do what without a login.

A token is `ID.SIGNATURE`, the signature 128 bits of HMAC-SHA256 (RFC 2104) in base64url. Every
purpose has a key of its own, so that a token for one thing is worthless for another. Tokens hold
no address, and do not change: the same digest is built to the same byte again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from enum import StrEnum

from subscribers.errors import TokenError

SIGNATURE_BYTES = 16  # 128 bits: out of reach of guessing, short enough for a mailto subject


class Purpose(StrEnum):
    """What a token allows."""

    UNSUBSCRIBE = "unsubscribe"


class Signer:
    """Makes and reads tokens with one secret."""

    def __init__(self, secret: bytes) -> None:
        self._keys = {
            purpose: hmac.digest(secret, f"token/{purpose}".encode(), hashlib.sha256)
            for purpose in Purpose
        }
        self._identity = hmac.digest(secret, b"identity", hashlib.sha256)

    def sign(self, purpose: Purpose, subscriber_id: int) -> str:
        """The token that lets its holder do `purpose` for a subscriber."""
        return f"{subscriber_id}.{self._signature(self._keys[purpose], str(subscriber_id))}"

    def read(self, purpose: Purpose, token: str) -> int:
        """The subscriber a token was signed for; raises TokenError."""
        name, dot, signature = token.strip().partition(".")
        if dot and name.isascii() and name.isdecimal() and len(name) < 19 and signature.isascii():
            expected = self._signature(self._keys[purpose], name)
            if hmac.compare_digest(expected, signature):
                return int(name)
        raise TokenError("This token is not valid: it was altered, cut, or meant for another use.")

    def opaque(self, text: str) -> str:
        """A name for `text` that tells nothing of it to those without the secret."""
        return self._signature(self._identity, text)

    @staticmethod
    def _signature(key: bytes, text: str) -> str:
        digest = hmac.digest(key, text.encode(), hashlib.sha256)[:SIGNATURE_BYTES]
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
