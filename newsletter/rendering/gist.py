"""Finds the sentences of an abstract that say what was done.

An abstract opens with why the field matters and gets to its own work after it. The sentence in
which the authors name their work is what a reader wants, and then what came of it.
"""

from __future__ import annotations

import re

from newsletter.rendering.prose import sentences, shorten

LONGEST = 360  # characters: three to four lines at 600 px

_WE = r"\bwe (?:(?:\w+ly|also|first|then|thus|here|further|hence) ){0,2}"
# What was made; else what was looked into; else anything the authors say of themselves.
_OWN_WORK = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_WE}(?:propose|introduce|present|develop|devise|unveil)(?:d|ed)?\b"
        r"|\bthis (?:paper|work|survey|study|article|report|thesis|endeavor)\b(?!'s)"
        r"|\bin this (?:\w+ )?(?:paper|work|study|survey|article|report)\b"
        r"|\bwe\b[^.;:]{0,60} and (?:propose|introduce|present|develop)\b",
        rf"{_WE}(?:stud(?:y|ied)|(?:investigate|explore|examine|analy[sz]e|formulate|revisit|survey|"
        r"describe|design|address|conduct|construct|build|create|establish|compare|evaluate|"
        r"formali[sz]e|provide|offer|argue)d?)\b|\bwe built\b",
        r"\bwe (?:\w+ly |also )?(?:show|find|found|demonstrate|prove|observe|report|release)"
        r"|\bour (?:method|approach|model|framework|work|key)|\bhere,? we\b|\bto this end\b"
        r"|\bis (?:presented|proposed|introduced)\b"
        r"|\bwe (?:therefore|thus|then|also|first)\b",
    )
)

# Openers that hang on the sentence before, which the reader does not get.
_POINTED = r"(?:this|these|that|those|such|the above|it|them)"
_FEW = r"(?: [\w-]+){0,5}"
_DANGLING = re.compile(
    r"(?:"
    rf"to (?:\w+ly )?\w+(?: and \w+)? {_POINTED}{_FEW}|to (?:this|that) end|to do so"
    rf"|(?:motivated|inspired|driven) by {_POINTED}{_FEW}|addressing {_POINTED}{_FEW}"
    rf"|(?:based|building) (?:up)?on (?:{_POINTED}{_FEW}|the (?:observation|finding|insight)s?)"
    rf"|(?:in response|in light|in view|because|on top)(?: (?:to|of) {_POINTED}{_FEW})?"
    rf"|(?:for|with|towards?) {_POINTED} (?:[\w-]+ )?(?:purpose|end|goal|aim|reason|in mind)"
    r"|thus|therefore|hence|consequently|accordingly|as (?:a result|such)|however|nevertheless"
    r"|nonetheless|specifically|particularly|in particular|moreover|furthermore|additionally"
    r"|in addition|besides|meanwhile|instead|here|then|so|notably|concretely"
    r"|more specifically|importantly"
    r"), "
    r"|(?:thus|therefore|hence|here|however|to this end) (?=(?:we|this|our) )",
    re.IGNORECASE,
)
# The same for what came of it, where it does not follow at once.
_LED_IN = re.compile(
    r"(?:moreover|furthermore|additionally|in addition|besides|also|finally|for example"
    r"|for instance|in conclusion|in summary|particularly|in particular|specifically|as a result"
    r"|however|thus|therefore), ",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(
    r"(?:this|it|they|such|second(?:ly)?|third(?:ly)?|next|then|for the (?:former|latter)"
    r"|these (?!results|findings))\b"
    r"(?! (?:paper|work|study|survey)\b)",
    re.IGNORECASE,
)
# "We then propose", where what came before is not told.
_THEREUPON = re.compile(r"^(We) (?:then|therefore|thus|hence) (?=\w)")
_LISTED = re.compile(r"\(?(?:\d+|[ivx]+|[a-z])\)")  # "2) It further": an item of a list
_LIST = re.compile(r"(?::| as follows:?) \(?(?:1|i|a)\) ")  # where one begins within a sentence
_CITED = re.compile(r"(?<=\w) \[\d{1,3}\]")  # "LLaVA [29]": of a bibliography that is not there

_RESULT = re.compile(
    r"\b(?:experiment(?:s|al)?|results?|evaluations?|empirical(?:ly)?|outperform\w*|achiev\w+|"
    r"surpass\w*|exceed\w*|improv(?:es|ed|ing|ements?)|reduc(?:es|ed|ing|tions?)|state-of-the-art|"
    r"findings|higher|lower|faster|better|fewer|"
    r"(?:we|they|it) (?:also )?(?:show|find|demonstrate|observe)s?|gains?|accuracy)\b",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d(?:[\d.,]*)(?: ?%| ?[×x]\b| ?points?\b|×)|\b\d+\.\d+\b", re.IGNORECASE)
# What tells neither: an address, the head of a list.
_ANNOUNCED = re.compile(
    r"https?://|\b(?:as follows|following)[.:]$"
    r"|\b(?:codes?|data|datasets?|models?|weights|demo|project page|videos?)\b[^.]*"
    r"\b(?:available|released?|open-?sourced?|found at)\b",
    re.IGNORECASE,
)


def gist(abstract: str) -> str:
    """One or two sentences of an abstract (already plain Unicode), at most LONGEST characters.

    The first says what was done, without an opener that hangs on what stood before; the second
    what came of it. Where no sentence speaks of the authors' own work, the abstract's first ones.
    """
    every = sentences(_CITED.sub("", abstract))
    start = _where(every)
    if start is None:
        both = " ".join(every[:2])
        return both if len(both) <= LONGEST else shorten("".join(every[:1]), LONGEST)
    first = _standing(every[start]) if start else every[start]
    if len(first) > LONGEST and (listed := _LIST.search(first)):
        first = first[: listed.start()] + "."  # the head of a list says more than half of it
    second = _second(every[start + 1 :], LONGEST - len(first) - 1)
    # A whole sentence reads better than a cut second one.
    return f"{first} {second}" if second else shorten(first, LONGEST)


def _where(every: list[str]) -> int | None:
    for work in _OWN_WORK:
        for at, one in enumerate(every):
            if work.search(one):
                return at
    return None


def _second(rest: list[str], room: int) -> str:
    """The first with figures of a result, else one of a result, else the next; "" if none fits."""
    told = [one for at, one in enumerate(rest) if _can_be_second(one, at)]
    results = [one for one in told if _RESULT.search(one)]
    figures = [one for one in results if _FIGURE.search(one)]
    for one in (*figures, *results, *told[:1]):
        shown = one if one is rest[0] else _without(_LED_IN, one)
        if len(shown) <= room:
            return shown
    return ""


def _can_be_second(sentence: str, at: int) -> bool:
    if len(sentence.split()) < 4 or _ANNOUNCED.search(sentence) or _LISTED.match(sentence):
        return False
    return at == 0 or not _POINTS_BACK.match(sentence)


def _standing(sentence: str) -> str:
    """The sentence as one can begin with it: "To this end, we propose" is "We propose"."""
    for _ in range(3):
        shorter = _without(_DANGLING, sentence)
        if shorter == sentence:
            break
        sentence = shorter
    return _THEREUPON.sub(r"\1 ", sentence, count=1)


def _without(opener: re.Pattern[str], sentence: str) -> str:
    found = opener.match(sentence)
    if not found:
        return sentence
    rest = sentence[found.end() :]
    word = re.match(r"[\w-]*", rest)
    plain = word is not None and word[0].islower()  # xLSTM stays as its authors write it
    return rest[:1].upper() + rest[1:] if plain else rest
