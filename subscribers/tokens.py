"""Signed tokens for links in mail: who may do what without a login.

A token is `NUMBERS.SIGNATURE`, the signature 128 bits of HMAC-SHA256 (RFC 2104) in base64url. Every
purpose has a key of its own, so that a token for one thing is worthless for another. Tokens hold
no address, and do not change: the same digest is built to the same byte again.

The token in an envelope sender is `SUBSCRIBER-ISSUE-SIGNATURE`, 80 bits in base32: short enough
for a local part, and the same in small letters and in capitals, as some servers change them.

After a rotation, what older keys signed is read as well: all of them are tried on every token,
so that the time it takes does not tell which one fits.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from hashlib import sha256

from subscribers.errors import TokenError

SIGNATURE_BYTES = 16  # 128 bits: out of reach of guessing, short enough for a mailto subject
RETURN_BYTES = 10  # 80 bits, the least that RFC 2104 5 allows; a guess costs a mail
RETURN_LENGTH = 2 * 10 + 2 + 16  # characters at most: two numbers of 31 bits, dashes, 80 bits

_INVALID = "This token is not valid: it was altered, cut, or meant for another use."
_URL_SAFE = bytes.maketrans(b"+/", b"-_")  # RFC 4648 5
_NAME = re.compile(r"\d{1,18}(?:-\d{1,18}){0,2}", re.ASCII)
_PLACE = re.compile(r"\d{1,9}", re.ASCII)
_RETURN = re.compile(r"(\d{1,10})-(\d{1,10})-([a-z2-7]{16})", re.ASCII)


class Purpose(StrEnum):
    """What a token allows."""

    UNSUBSCRIBE = "unsubscribe"  # of a subscriber
    PREFERENCES = "preferences"  # of a subscriber
    VIEW = "view"  # of a subscriber and an issue: the digest as a page
    VOTES = "votes"  # of a subscriber and an issue: on papers, whose places stand beside
    VOTE = "vote"  # of a subscriber, an issue and a paper's place in it: in mails of old
    CONFIRM = "confirm"  # of a subscriber, and the second (Unix time) it ends with
    CHANGE = "change"  # of a subscriber, an address asked for, and the second it ends with
    FORM = "form"  # of nobody: the second in which a form was shown
    RETURN = "return"  # says to which delivery a returned mail belongs


class Signer:
    """Makes tokens with one secret; reads those of `older` ones too, the newest of them first."""

    def __init__(self, secret: bytes, older: Sequence[bytes] = ()) -> None:
        self._secrets = (secret, *older)
        self._keys = {purpose: self._keyed(f"token/{purpose}") for purpose in Purpose}
        self._identities = self._keyed("identity")

    def sign(self, purpose: Purpose, subscriber_id: int, *more: int) -> str:
        """The token that lets its holder do `purpose` for a subscriber (of an issue, a place)."""
        name = "-".join(map(str, (subscriber_id, *more)))
        return f"{name}.{self._keys[purpose][0].signature(name)}"

    def read(self, purpose: Purpose, token: str) -> int:
        """The subscriber a token was signed for; raises TokenError."""
        (subscriber_id,) = self.read_all(purpose, token, 1)
        return subscriber_id

    def read_all(self, purpose: Purpose, token: str, number: int) -> tuple[int, ...]:
        """All `number` numbers that a token was signed for; raises TokenError."""
        name, dot, signature = token.strip().partition(".")
        if dot and _NAME.fullmatch(name) and signature.isascii():
            expected = [key.signature(name) for key in self._keys[purpose]]
            numbers = tuple(map(int, name.split("-")))
            if _is_one_of(signature, expected) and len(numbers) == number:
                return numbers
        raise TokenError(_INVALID)

    def sign_votes(self, subscriber_id: int, issue_id: int, places: Iterable[int]) -> list[str]:
        """The tokens to vote on papers of an issue with, by their places in it.

        One signature serves them all, for they go out together and a mail has many: whoever has
        one may vote on the others too.
        """
        name = f"{subscriber_id}-{issue_id}"
        signature = self._keys[Purpose.VOTES][0].signature(name)
        return [f"{name}-{place}.{signature}" for place in places]

    def read_vote(self, token: str) -> tuple[int, int, int]:
        """The subscriber, the issue and the place of such a token; raises TokenError.

        Or of one that was signed whole, as those of old were.
        """
        name, _, signature = token.strip().partition(".")
        numbers, _, place = name.rpartition("-")
        try:
            subscriber_id, issue_id, at = self.read_all(Purpose.VOTE, token, 3)
        except TokenError:
            subscriber_id, issue_id = self.read_all(Purpose.VOTES, f"{numbers}.{signature}", 2)
            at = _place(place)
        return subscriber_id, issue_id, at

    def sign_return(self, subscriber_id: int, issue_id: int) -> str:
        """The token that a mail carries in its envelope sender, to be known when it returns."""
        name = f"{subscriber_id}-{issue_id}"
        return f"{name}-{self._keys[Purpose.RETURN][0].short(name)}"

    def read_return(self, token: str) -> tuple[int, int]:
        """The subscriber and the issue of such a token, in whatever case; raises TokenError."""
        found = _RETURN.fullmatch(token.strip().lower())
        if found:
            name = f"{found[1]}-{found[2]}"
            expected = [key.short(name) for key in self._keys[Purpose.RETURN]]
            if _is_one_of(found[3], expected):
                return int(found[1]), int(found[2])
        raise TokenError(_INVALID)

    def opaque(self, text: str) -> str:
        """A name for `text` that tells nothing of it to those without the secret."""
        return self._identities[0].signature(text)

    def every_opaque(self, text: str) -> tuple[str, ...]:
        """The names that `text` has had by all keys, today's first: to look for what was named."""
        return tuple(key.signature(text) for key in self._identities)

    def webhook_secrets(self, number: int) -> tuple[bytes, ...]:
        """What is sent to a webhook is signed with: by all keys, today's first, of 256 bits each.

        Derived, so that no secret of a webhook has to be kept.
        """
        return self._derived(f"webhook/{number}")

    def _derived(self, use: str) -> tuple[bytes, ...]:
        """A key for one use of each secret."""
        return tuple(hmac.digest(one, use.encode(), sha256) for one in self._secrets)

    def _keyed(self, use: str) -> tuple[_Key, ...]:
        """The same, made ready to sign with."""
        return tuple(_Key(key) for key in self._derived(use))


class _Key:
    """HMAC-SHA256 (RFC 2104 2) by a key that is taken in once: that costs more than a short text.

    The key has at most 64 bytes.
    """

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(sha256().block_size, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in padded))

    def digest(self, text: str) -> bytes:
        """The 32 bytes of a text."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode())
        outer.update(inner.digest())
        return outer.digest()

    def short(self, text: str) -> str:
        """80 bits of it in small base32."""
        return base64.b32encode(self.digest(text)[:RETURN_BYTES]).decode().lower()

    def signature(self, text: str) -> str:
        """128 bits of it in base64url."""
        written = binascii.b2a_base64(self.digest(text)[:SIGNATURE_BYTES], newline=False)
        return written.translate(_URL_SAFE).rstrip(b"=").decode()


def _place(text: str) -> int:
    if not _PLACE.fullmatch(text):
        raise TokenError(_INVALID)
    return int(text)


def _is_one_of(signature: str, expected: Sequence[str]) -> bool:
    """Compares with all of them, whichever fits."""
    return any([hmac.compare_digest(one, signature) for one in expected])  # noqa: C419  no early end
