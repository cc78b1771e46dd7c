"""Signs a finished message by DKIM (RFC 6376), so that its domain answers for it.

Canonicalisation relaxed/relaxed, RSA-SHA256 and Ed25519-SHA256 (RFC 8463), one signature a key.
Pure: keys are handed in, and `dkim_keys.py` knows how they sign. There is no t= and no x=: without
a clock the same message has the same signature, and an old mail still verifies. No l= either:
text could be added under it (RFC 6376 8.2).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

SIGNED = (  # RFC 6376 5.4.1; the List- fields because RFC 8058 4 asks for them
    *("from", "to", "cc", "subject", "date", "message-id", "reply-to", "list-id"),
    *("list-unsubscribe", "list-unsubscribe-post", "mime-version", "content-type"),
    *("auto-submitted", "list-help", "feedback-id", "content-language"),
)
# Named once more than they occur, so that adding one breaks the signature: RFC 6376 5.4.2, 8.15.
# What a mail is shown as, by whom and to whom, and where its parts begin: who sends a signed mail
# on to others would add a Cc, a To or a Content-Type of their own.
OVERSIGNED = frozenset(
    {
        *("from", "to", "cc", "subject", "date", "reply-to"),
        *("list-unsubscribe", "list-unsubscribe-post", "mime-version", "content-type"),
    }
)
LONGEST_LINE = 78  # RFC 5322 2.1.1, without its CRLF
LONGEST_STRING = 255  # octets of one string in a TXT record: RFC 1035 3.3.14

_CRLF = b"\r\n"
_SPACES = re.compile(rb"  +")

Field = tuple[str, bytes]  # a header field: its name in lower case, the whole of it canonical


class Key(Protocol):
    """A private key. Called once a message, by MailSigner."""

    algorithm: str  # as a= names it: rsa-sha256, ed25519-sha256

    def sign(self, digest: bytes) -> bytes:
        """The signature of a SHA-256 digest."""


@dataclass(frozen=True, kw_only=True)
class Selected:
    """A key, and the selector under which the DNS tells its public half."""

    selector: str
    key: Key


class MailSigner:
    """Signs messages for one domain, with every key it was given."""

    def __init__(self, domain: str, keys: Sequence[Selected]) -> None:
        self.domain = domain
        self.keys = tuple(keys)
        self._openings = [
            b"DKIM-Signature: v=1; a=%s; c=relaxed/relaxed;\r\n d=%s;\r\n s=%s;\r\n"
            % (one.key.algorithm.encode(), domain.encode(), one.selector.encode())
            for one in self.keys
        ]
        self._lists: dict[tuple[str, ...], bytes] = {}  # h=, which most messages share

    def sign(self, content: bytes) -> bytes:
        """The message with its signatures in front, in the order of the keys.

        `content` has CRLF line ends and a header that ends with an empty line. ValueError without.
        """
        head, empty, body = content.partition(b"\r\n\r\n")
        if not empty:
            raise ValueError("a message without an empty line after its header cannot be signed")
        names, fields = chosen(head)
        listed = self._lists.get(names)
        if listed is None:
            listed = self._lists[names] = _folded("h=", names)
        body_hash = b64encode(sha256(relaxed_body(body)).digest())
        ending = b"%s;\r\n bh=%s;\r\n b=" % (listed, body_hash)
        before = sha256(fields)
        signed = []
        for opening, one in zip(self._openings, self.keys, strict=True):
            unsigned = opening + ending
            digest = before.copy()
            digest.update(relaxed_field(unsigned)[1])  # the last, without CRLF: RFC 6376 3.7
            signed += [unsigned, _wrapped(b64encode(one.key.sign(digest.digest()))), _CRLF]
        return b"".join([*signed, content])


def chosen(head: bytes) -> tuple[tuple[str, ...], bytes]:
    """What of a header is signed: the names for h=, and their canonical fields, CRLF after each.

    Of a name that occurs more than once the lowest field comes first (RFC 6376 5.4.2).
    """
    found: dict[str, list[bytes]] = defaultdict(list)
    for name, field in _fields(head):
        found[name].append(field)
    names: list[str] = []
    fields: list[bytes] = []
    for name in SIGNED:
        own = found.get(name, ())
        names += [name] * (len(own) + (name in OVERSIGNED))
        fields += reversed(own)
    return tuple(names), _CRLF.join([*fields, b""])


def relaxed_field(field: bytes) -> Field:
    """The name and canonical form, without CRLF, of a header field (RFC 6376 3.4.2)."""
    name, _, value = field.partition(b":")
    if _CRLF in value:
        value = value.replace(_CRLF, b"")
    if b"\t" in value:
        value = value.replace(b"\t", b" ")
    if b"  " in value:
        value = _SPACES.sub(b" ", value)
    lower = name.rstrip(b" \t").lower()
    return lower.decode("ascii", "replace"), lower + b":" + value.strip(b" ")


def relaxed_body(body: bytes) -> bytes:
    """The canonical body (RFC 6376 3.4.4); the same object where it is canonical already.

    Ours come without tabs and without spaces before a line end, and with few runs of spaces: what
    is not there is only looked for.
    """
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    if b"  " in body:
        body = _SPACES.sub(b" ", body)
    if b" \r\n" in body:
        body = body.replace(b" \r\n", _CRLF)
    if body.endswith(b" "):
        body = body[:-1]
    if body.endswith(b"\r\n\r\n") or body == _CRLF:
        end = len(body)
        while body.endswith(_CRLF, 0, end):
            end -= 2
        return body[: end + 2] if end else b""
    return body if body.endswith(_CRLF) or not body else body + _CRLF


def record_name(selector: str, domain: str) -> str:
    """Where the DNS keeps a public key (RFC 6376 3.6.2.1)."""
    return f"{selector}._domainkey.{domain}"


def quoted_strings(record: str) -> str:
    """A TXT record as a zone file writes it: strings in quotes, each short enough for the DNS."""
    cut = range(0, len(record), LONGEST_STRING)
    return " ".join(f'"{record[at : at + LONGEST_STRING]}"' for at in cut)


def _fields(head: bytes) -> Iterator[Field]:
    lines = head.split(_CRLF)
    if b"\r\n " in head or b"\r\n\t" in head:
        lines = list(_unfolded(lines))
    return map(relaxed_field, lines)


def _unfolded(lines: Iterable[bytes]) -> Iterator[bytes]:
    field = b""
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            field += line
        else:
            if field:
                yield field
            field = line
    yield field


def _folded(tag: str, names: Sequence[str]) -> bytes:
    """The h= tag in lines of its own: it may be folded at its colons (RFC 6376 3.5)."""
    lines = [f" {tag}{names[0]}" if names else f" {tag}"]
    for name in names[1:]:
        if len(lines[-1]) + len(name) + 2 < LONGEST_LINE:  # two colons: before it, and after it
            lines[-1] += f":{name}"
        else:
            lines[-1] += ":"
            lines.append(f" {name}")
    return "\r\n".join(lines).encode()


def _wrapped(base64: bytes) -> bytes:
    """The value of b=, which may hold folding white space (RFC 6376 3.5)."""
    first = LONGEST_LINE - len(" b=")
    width = LONGEST_LINE - 1
    rest = [base64[at : at + width] for at in range(first, len(base64), width)]
    return b"\r\n ".join([base64[:first], *rest])
