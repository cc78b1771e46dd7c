"""DKIM: whether the DNS tells the public keys of the private keys that mail is signed with."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping

from newsletter.doctor.answers import Ask, Kind, Reply, shown, unasked
from newsletter.doctor.findings import Finding, error, ok, skipped, warning

CHECK = "dkim"
_TAG = re.compile(r"\s*([a-z][a-z0-9_]*)\s*=(.*)", re.IGNORECASE | re.DOTALL)
_DO = "Publish what `newsletter dkim record` tells, before mail is signed with this key."


def check(records: Mapping[str, str], ask: Ask) -> Iterator[Finding]:
    """How the records of our keys are; `records` are those they should be, by their names."""
    if not records:
        yield skipped(
            CHECK,
            "Mail is not signed here; whether the relay does, and as whom, tells the "
            "Authentication-Results of a mail that arrived.",
        )
    for name, record in records.items():
        yield _one(name, record, ask)


def _one(name: str, record: str, ask: Ask) -> Finding:
    answer = ask(name, Kind.TXT)
    if answer.reply is Reply.UNKNOWN:
        return unasked(CHECK, name, answer)
    if not answer.values:
        return error(CHECK, f"There is no TXT record {name} (RFC 6376 3.6.2).", _DO)
    if len(answer.values) > 1:
        return error(
            CHECK,
            f"{name} has {len(answer.values)} TXT records; what receivers do then is not defined "
            "(RFC 6376 3.6.2.2).",
            "Leave one.",
        )
    wanted, found = _tags(record), _tags(answer.values[0])
    if found is None or "p" not in found or found.get("v", "DKIM1") != "DKIM1":
        told = shown(answer.values[0])
        return error(CHECK, f"{name} is no DKIM key (RFC 6376 3.6.1): {told}", _DO)
    assert wanted is not None  # noqa: S101  ours
    if not found["p"]:
        return error(CHECK, f"The key of {name} is revoked: p= is empty (RFC 6376 3.6.1).", _DO)
    kind = found.get("k", "rsa")
    if kind != wanted["k"] or not _same(found["p"], wanted["p"]):
        return error(
            CHECK,
            f"{name} tells another key than the one that mail is signed with; every signature "
            "fails.",
            _DO,
        )
    hashes = found.get("h", "sha256").lower().split(":")
    services = found.get("s", "*").lower().split(":")
    if "sha256" not in hashes or not {"*", "email"} & set(services):
        return error(
            CHECK,
            f"{name} allows no sha256 signature of mail by its h= or s= (RFC 6376 3.6.1).",
            _DO,
        )
    if "y" in found.get("t", "").lower().split(":"):
        return warning(
            CHECK,
            f"{name} says t=y: receivers take the mail as if it were not signed (RFC 6376 3.6.1).",
            "Take t=y out once signatures hold.",
        )
    return ok(CHECK, f"{name} tells the key that mail is signed with.")


def _tags(record: str) -> dict[str, str] | None:
    """RFC 6376 3.2, without spaces in the values; None where it is no such list."""
    tags: dict[str, str] = {}
    for part in record.split(";"):
        if part.strip():
            found = _TAG.fullmatch(part)
            if found is None or found[1].lower() in tags:
                return None
            tags[found[1].lower()] = "".join(found[2].split())
    return tags


def _same(told: str, wanted: str) -> bool:
    """Whether two p= are the same key; RSA is also told bare, by the letter of RFC 6376 3.6.1."""
    try:
        key, ours = base64.b64decode(told, validate=True), base64.b64decode(wanted)
    except (binascii.Error, ValueError):
        return False
    return key == ours or (len(key) > len(ours) // 2 and ours.endswith(key))
