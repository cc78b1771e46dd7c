"""From whom a mail is, to whom, and where answers go (H2, H15 of the checklist)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import getaddresses

from newsletter.preflight.findings import Finding, error, fatal
from newsletter.preflight.house import House
from newsletter.preflight.mail import Mail, decoded, written

# Providers that let nobody else send as them (their DMARC says reject or quarantine).
MAILBOX_PROVIDERS = frozenset(
    {
        *("gmail.com", "googlemail.com", "yahoo.com", "aol.com", "outlook.com", "hotmail.com"),
        *("live.com", "msn.com", "icloud.com", "me.com", "gmx.net", "gmx.de", "web.de"),
        *("proton.me", "protonmail.com"),
    }
)
_PICTURES = re.compile(
    "[\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff\ufe0f\U0001f000-\U0001faff]"
)
_BUILT = "It is built in newsletter/message.py: report it, it is a mistake of the program."


def check(mail: Mail, house: House) -> Iterator[Finding]:
    """What is wrong with the people of one mail."""
    for name, wanted in (
        ("from", house.address),
        ("to", mail.recipient),
        ("reply-to", house.reply_to),
    ):
        if not mail.raw(name):
            continue  # told by `headers`
        people = getaddresses([mail.value(name)])
        if len(people) != 1 or "@" not in people[0][1]:
            yield fatal(
                name, f"{written(name)} is not one address.", _BUILT, mail.at(mail.value(name))
            )
        elif people[0][1] != wanted:
            yield fatal(
                name,
                f"{written(name)} is not the address it should be, but another one.",
                _BUILT,
                mail.at(f"{people[0][1]}, not {wanted}"),
            )
        elif "=?" in people[0][1] or not people[0][1].rpartition("@")[2].isascii():
            yield fatal(
                name,
                f"The domain of {written(name)} is not in ASCII; RFC 5891 has a form for it.",
                "Write the domain in its xn-- form.",
                mail.at(people[0][1]),
            )
    yield from _from(mail)


def _from(mail: Mail) -> Iterator[Finding]:
    people = getaddresses([mail.value("from")])
    if not people:
        return
    name, address = decoded(people[0][0]), people[0][1]
    if address.rpartition("@")[2].lower() in MAILBOX_PROVIDERS:
        yield error(
            "from",
            f"From is at {address.rpartition('@')[2]}, which lets nobody else send as it.",
            "Set sender.address to a mailbox of your own domain.",
        )
    if _PICTURES.search(name):
        yield error(
            "from-name",
            f"The name in From has a picture or an arrow in it: {name!r}.",
            "Set sender.name without it; Gmail counts such names as deceiving.",
        )
    if "@" in name:
        yield error(
            "from-name",
            f"The name in From looks like an address: {name!r}.",
            "Set sender.name to the publication's name.",
        )
