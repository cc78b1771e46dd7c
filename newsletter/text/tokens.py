"""Texts as comparable words for closeness: lower case, accents folded, stemmed, without fillers.

Stems are those of the Snowball English stemmer (Porter, 2001), so that "aligning", "aligned" and
"alignment" meet where an index of exact words would keep them apart.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache

import snowballstemmer  # type: ignore[import-untyped]

LONGEST = 40  # letters; what is longer is a formula or an address, never a word asked for

_WORD = re.compile(r"[^\W_]+")
_STEMMER = snowballstemmer.stemmer("english")
_LOCK = threading.Lock()  # the stemmer keeps the word it is at: pages and the clock both ask it

# Words that say nothing of what a paper is about: English function words, and what every abstract
# says of itself.
_FILLERS = """
    a about above after again against all also although am among an and any are as at be because
    been before being below between both but by can cannot could did do does doing down during each
    either et etc few for from further had has have having he her here hers him his how however i
    if in into is it its itself just may me might more most must my no nor not now of off on once
    one only or other our ours out over own per same she should since so some such than that the
    their them then there therefore these they this those through thus to too two under until up
    upon us use used using various very via was we were what when where whether which while who
    whose whom why will with within without would yet you your
    approach based method methods novel paper present presents propose proposed proposes result
    results show shows study work
"""
FILLERS = frozenset(_FILLERS.split())


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """The stem of a lower-case word; "" of one that says nothing."""
    if len(word) > LONGEST or word in FILLERS or (len(word) == 1 and not word.isalpha()):
        return ""
    with _LOCK:
        stemmed: str = _STEMMER.stemWord(word)
    return stemmed


def tokens(text: str) -> list[str]:
    """The stems of a text, in order."""
    if not text.isascii():
        folded = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in folded if not unicodedata.combining(c))
    return [found for word in _WORD.findall(text.casefold()) if (found := stem(word))]
