"""Whether a mail's DKIM signatures hold, by another library than the one that made them.

The public keys are handed in as DNS records; whether the DNS really tells them is not asked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec

from newsletter.preflight.findings import Finding, error, fatal, warning
from newsletter.preflight.house import House
from newsletter.preflight.mail import Mail

VERIFIES = find_spec("dkim") is not None  # only who signs needs it, and only here
_TAG = re.compile(r"(?:^|;)\s*([a-z]+)\s*=([^;]*)")
_BUILT = "It is made in newsletter/dkim.py: report it, it is a mistake of the program."


def check(mail: Mail, house: House, records: Mapping[str, str]) -> Iterator[Finding]:
    """What is wrong with a mail's signatures; `records` are the TXT records of our keys by name."""
    found = mail.raw("dkim-signature")
    if not found:
        if house.signs:
            yield fatal("dkim", "The mail carries no signature.", _BUILT, mail.at())
        return
    for at, value in enumerate(found):
        tags = {
            name: "".join(told.split())
            for name, told in _TAG.findall(value.decode("ascii", "replace"))
        }
        signed = {name.lower() for name in tags.get("h", "").split(":")}
        for name in ("from", "list-unsubscribe", "list-unsubscribe-post"):
            if mail.raw(name) and name not in signed:
                yield error(
                    "dkim-fields",
                    f"A signature leaves out {name.title()} (RFC 6376 5.4.1, RFC 8058 4).",
                    _BUILT,
                    mail.at(),
                )
        if "l" in tags:
            yield error(
                "dkim-fields", "A signature has l=, below which words can be added.", _BUILT
            )
        if VERIFIES:
            yield from _verified(mail, at, records)


def _verified(mail: Mail, at: int, records: Mapping[str, str]) -> Iterator[Finding]:
    def answer(name: bytes, timeout: int = 0) -> bytes | None:
        del timeout
        record = records.get(name.decode("ascii", "replace").rstrip(".").lower())
        return record.encode() if record else None

    import dkim  # here: it takes a tenth of a second that no other command should spend

    try:
        good = bool(dkim.DKIM(mail.content).verify(at, dnsfunc=answer))
    except ImportError as missing:  # dkimpy needs PyNaCl for Ed25519
        yield warning(
            "dkim", f"A signature could not be verified: {missing}.", "Install dkimpy[ed25519]."
        )
        return
    except dkim.DKIMException:
        good = False
    if not good:
        yield fatal("dkim", "A signature does not hold.", _BUILT, mail.at())
