"""Reads what a mail server answers: the code, whether it is for good, and one line of its words."""

from __future__ import annotations

import re

LONGEST_WORDS = 300  # characters of a server's words that are kept

_CODE = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")  # RFC 3463 2
# RFC 5321 4.2 and 4.2.1. It opens the answer, or follows what introduces it ("said: 550 no"): a
# number elsewhere may be a port or a time.
_REPLY = re.compile(r"(?:\A|\n\s*|[:;>]\s+|#)([45][0-5]\d)(?=[ -]|\Z)")


def line(text: str, most: int = LONGEST_WORDS) -> str:
    """The text on one line of at most `most` characters, control characters removed."""
    text = text[: most * 4]
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def code_of(text: str) -> str:
    """The first code of RFC 3463 in a text; empty where there is none."""
    found = _CODE.search(text)
    return found[1] if found else ""


def is_permanent(code: str, words: str) -> bool:
    """By the code, else by the reply's number. A server that tells neither gave up waiting."""
    if code:
        return code.startswith("5")
    reply = _REPLY.search(words)
    return reply is not None and reply[1].startswith("5")
