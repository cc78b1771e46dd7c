"""DMARC: what the From domain asks of receivers, and whether our mail can pass.

RFC 9989 of 2026, which obsoletes RFC 7489; records are the same in both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.doctor.answers import Ask, Kind, Reply, same_organisation, shown, unasked
from newsletter.doctor.findings import Finding, error, ok, warning

CHECK = "dmarc"
POLICIES = ("none", "quarantine", "reject")
MOST_LABELS = 8  # RFC 9989 4.10: of a longer name the walk begins there
_VERSION = re.compile(r"v\s*=\s*DMARC1\s*(?:;|\Z)")
_DO = "Publish a TXT record at _dmarc.{domain} such as v=DMARC1; p=none; rua=mailto:YOU."


def check(domain: str, envelope: str, signer: str | None, ask: Ask) -> Iterator[Finding]:
    """How the policy of the From `domain` is; `signer` is the d= of our signatures, if any."""
    for place in _places(domain):
        answer = ask(f"_dmarc.{place}", Kind.TXT)
        if answer.reply is Reply.UNKNOWN:
            yield unasked(CHECK, f"_dmarc.{place}", answer)
            return
        records = [one for one in answer.values if _VERSION.match(one)]
        if len(records) > 1:
            yield error(
                CHECK,
                f"_dmarc.{place} has {len(records)} DMARC records, which counts as none (RFC 7489 "
                "6.6.3).",
                "Leave one.",
            )
            return
        if records:
            yield from _judged(domain, place, records[0], envelope, signer)
            return
    yield error(
        CHECK,
        f"{domain} has no DMARC record (RFC 7489, RFC 9989); Gmail, Yahoo and Microsoft ask for "
        "one.",
        _DO.format(domain=domain),
    )


def _places(domain: str) -> Iterator[str]:
    """The domain, then those above it but the topmost (RFC 9989 4.10)."""
    labels = domain.split(".")
    yield domain
    for at in range(max(1, len(labels) - MOST_LABELS + 1), len(labels) - 1):
        yield ".".join(labels[at:])


def _judged(
    domain: str, place: str, record: str, envelope: str, signer: str | None
) -> Iterator[Finding]:
    tags = {
        name.strip().lower(): value.strip().lower()
        for name, _, value in (part.partition("=") for part in record.split(";"))
    }
    policy = tags.get("sp", tags.get("p", "")) if place != domain else tags.get("p", "")
    if policy not in POLICIES:
        yield error(
            CHECK,
            f"_dmarc.{place} has no policy that receivers know: {shown(record)}",
            "Give it p=none, p=quarantine or p=reject.",
        )
        return
    by_spf = _aligned(envelope, domain, strict=tags.get("aspf") == "s")
    by_dkim = signer is not None and _aligned(signer, domain, strict=tags.get("adkim") == "s")
    ways = [name for name, holds in (("SPF", by_spf), ("DKIM", by_dkim)) if holds]
    if ways:
        yield ok(
            CHECK,
            f"_dmarc.{place} asks for p={policy}; mail from {domain} is aligned by "
            f"{' and '.join(ways)}.",
        )
    else:
        theirs = f", signatures are {signer}'s" if signer else ", and nothing is signed here"
        what = (
            f"Nothing is aligned with {domain} (RFC 7489 3.1): the envelope sender is at "
            f"{envelope}{theirs}."
        )
        do = "Set sender.bounces or dkim.domain to the From domain, or see that the relay signs."
        yield error(CHECK, what, do) if signer else warning(CHECK, what, do)


def _aligned(one: str, domain: str, *, strict: bool) -> bool:
    return one.lower() == domain.lower() if strict else same_organisation(one, domain)
