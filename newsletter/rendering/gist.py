"""Finds the sentences of an abstract that say what was done.

An abstract opens with why the field matters and gets to its own work after it. The first
sentence in which the authors speak of their work is what a reader wants, and the one after it.
"""

from __future__ import annotations

import re

from newsletter.rendering.prose import sentences, shorten

LONGEST = 360  # characters: three to four lines at 600 px

_OWN_WORK = re.compile(
    r"\b(?:we (?:\w+ly )?(?:propose|introduce|present|develop|design|describe|show|study|explore|"
    r"investigate|examine|analy[sz]e|find|demonstrate|release|build|construct|offer|address|"
    r"formulate|conduct|devise|provide|unveil|revisit)"
    r"|this (?:paper|work|survey|study|article|endeavor)|in this (?:paper|work|study|survey)"
    r"|our (?:method|approach|model|framework|work|key)|here,? we|to this end|is presented"
    r"|we (?:therefore|thus|then|also|first)\b)",
    re.IGNORECASE,
)


def gist(abstract: str) -> str:
    """One or two sentences of an abstract (already plain Unicode), at most LONGEST characters.

    Where no sentence speaks of the authors' own work, the abstract's first ones.
    """
    every = sentences(abstract)
    start = next((at for at, one in enumerate(every) if _OWN_WORK.search(one)), 0)
    both = " ".join(every[start : start + 2])
    if len(both) <= LONGEST:
        return both
    return shorten(every[start], LONGEST)  # a whole sentence reads better than a cut second one
