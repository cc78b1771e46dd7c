"""Cuts plain text: into sentences, and to a length.

It gets what tex.to_unicode made; markup would be cut in the middle of a command.
"""

from __future__ import annotations

import re
import unicodedata

# A sentence ends at . ! or ? before a space and something that begins one; not after these.
_ABBREVIATED = re.compile(
    r"\b(?:e\.g|i\.e|cf|vs|fig|figs|eq|eqs|sec|no|resp|approx|dr|prof|w\.r\.t)\.$", re.IGNORECASE
)
# After these only before a word that hardly stands elsewhere with a capital.
_DOUBTFUL = re.compile(r"(?:\bet al|\betc|(?:^|\s)[A-Z])\.$")
_OPENER = re.compile(
    r"\s*(?:We|Our|This|These|The|It|In|To|However|Moreover|Second|Secondly|Finally|Experiments)\b"
)
_END = re.compile(
    r"[.!?][)\]”’\"']*(?=\s+[\"“‘(\[A-Z0-9])"
    r"|(?<=[a-z]{3})\.(?=[A-Z][a-z]*[\s,])"  # the space is missing: "paradigm.This human-like"
)
_JOINERS = "\u200d\u200c"


def sentences(text: str) -> list[str]:
    """The sentences of a plain text, in order."""
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        until = text[max(start, end.start() - 80) : end.start() + 1]
        if _ABBREVIATED.search(until):
            continue
        if _DOUBTFUL.search(until) and not _OPENER.match(text, end.end()):
            continue
        if not text[end.end()].isspace() and re.search(r"[/@]\S*$|www\.\S*$", until):
            continue  # a link with a capital in it
        found.append(text[start : end.end()].strip())
        start = end.end()
    return [one for one in [*found, text[start:].strip()] if one]


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words, with an ellipsis where it was cut.

    A first word that is longer is cut where no character of several code points is torn.
    """
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    if not text[limit - 1].isspace():
        cut = cut.rsplit(" ", 1)[0] if " " in cut else cut
    while cut and _is_inside(text, len(cut)):
        cut = cut[:-1]
    return cut.rstrip(" ,;:-–—(") + "…"


def _is_inside(text: str, at: int) -> bool:
    """Whether a character that is shown as one begins before `at` and ends after it."""
    after = text[at : at + 1]
    if not after:
        return False
    tied = (
        unicodedata.combining(after)
        or unicodedata.category(after) in ("Mn", "Me", "Mc")
        or after in _JOINERS
        or text[at - 1] in _JOINERS
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # a tone of skin
    )
    if tied or not _is_flag(after):
        return bool(tied)
    before = len(text[:at]) - len(text[:at].rstrip(_FLAG_LETTERS))
    return before % 2 == 1


_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))  # two make one flag


def _is_flag(letter: str) -> bool:
    return letter in _FLAG_LETTERS
