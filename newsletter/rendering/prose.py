"""Cuts plain text: into sentences, and to a length.

It gets what tex.to_unicode made; markup would be cut in the middle of a command.
"""

from __future__ import annotations

import re
import unicodedata

# A sentence ends at . ! or ? before a space and something that begins one; not after these.
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|et al|cf|vs|fig|figs|eq|eqs|sec|no|resp|approx|dr|prof|etc|w\.r\.t)"
    r"|(?:^|\s)[A-Z])\.$",
    re.IGNORECASE,
)
_END = re.compile(r"[.!?][)\]”\"']*(?=\s+[\"“(\[A-Z0-9])")


def sentences(text: str) -> list[str]:
    """The sentences of a plain text, in order."""
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        if _ABBREVIATED.search(text[max(start, end.start() - 12) : end.start() + 1]):
            continue
        found.append(text[start : end.end()].strip())
        start = end.end()
    return [one for one in [*found, text[start:].strip()] if one]


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words, with an ellipsis where it was cut."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    if not text[limit - 1].isspace():
        cut = cut.rsplit(" ", 1)[0] if " " in cut else cut
    while cut and unicodedata.combining(text[len(cut)] if len(cut) < len(text) else " "):
        cut = cut[:-1]
    return cut.rstrip(" ,;:-–—(") + "…"
