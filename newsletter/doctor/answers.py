"""What the DNS is asked, and what it answers. Who asks is `resolver.py`, and in tests a table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from newsletter.doctor.findings import Finding, warning

LONGEST_SHOWN = 80  # characters of what the DNS says; it is anybody's to write
# RFC 2606 and RFC 6761: domains that stand in examples and tests, and in no DNS.
_RESERVED = re.compile(r"(?:.*\.)?(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)")


class Kind(StrEnum):
    """The types of records that are asked for."""

    A = "A"
    AAAA = "AAAA"
    MX = "MX"
    PTR = "PTR"
    TXT = "TXT"


class Reply(StrEnum):
    """How a question ended."""

    FOUND = "found"
    NOTHING = "nothing"  # the name is there, without records of the type
    NO_NAME = "no name"  # NXDOMAIN
    UNKNOWN = "unknown"  # could not be asked: silence, SERVFAIL, nonsense


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer to a question about one name and type."""

    reply: Reply
    values: tuple[str, ...] = ()  # TXT joined, MX as "10 mail.example.org", names without last dot
    why: str = ""  # of one that could not be asked

    @property
    def is_void(self) -> bool:
        """Whether the DNS says that there is nothing (RFC 7208 4.6.4)."""
        return self.reply in (Reply.NOTHING, Reply.NO_NAME)


class Ask(Protocol):
    """Asks the DNS; raises nothing, and comes back within a bounded time."""

    def __call__(self, name: str, kind: Kind) -> Answer:
        """The answer to one question."""


def unasked(check: str, name: str, answer: Answer) -> Finding:
    """That a question had no answer, which says nothing of the record."""
    return warning(
        check,
        f"{name} could not be asked: {answer.why or 'no answer'}.",
        "Try again when the DNS answers, or set doctor.nameservers to servers that do.",
    )


def is_reserved(domain: str) -> bool:
    """Whether a domain is of those that stand in examples and tests only."""
    return bool(_RESERVED.fullmatch(domain.lower().rstrip(".")))


def shown(text: str) -> str:
    """What the DNS says, as a sentence can quote it: one bounded line."""
    clean = "".join(c if c.isprintable() else "?" for c in text[: LONGEST_SHOWN + 1])
    return clean if len(clean) <= LONGEST_SHOWN else clean[: LONGEST_SHOWN - 1] + "…"


def same_organisation(one: str, other: str) -> bool:
    """Whether two domains align in relaxed mode: RFC 9989 4.10, before it RFC 7489 3.1.

    The last two labels stand for the organisation. Without a list of registries "co.uk" is one,
    too: better too mild than a false alarm.
    """
    return one.lower().split(".")[-2:] == other.lower().split(".")[-2:]
