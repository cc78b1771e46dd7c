"""Turns the TeX of titles and abstracts into plain Unicode text.

Three kinds of text are told apart: links, which stay as they are; mathematics between dollars or
\\( \\), by pandoc's rule; and prose, in which only known commands are read. An unknown command
stays as it was written: half a translation is worse than none. Whatever goes wrong, the reader
gets the source's own words with single spaces.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from pylatexenc.latex2text import LatexNodes2Text

LONGEST = 20_000  # characters that are looked at as TeX; arXiv's longest abstracts have 2,000
LONGEST_MATHS = 400  # characters of one formula; a longer one is a lost dollar sign

_SUPER = dict(
    zip(
        "0123456789+-=()nijkabcdeghlmoprstuvwxyzTN*'",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱʲᵏᵃᵇᶜᵈᵉᵍʰˡᵐᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀᴺ*′",
        strict=True,
    )
)
_SUB = dict(
    zip("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True)
)

# Marks that turn the direction of a whole line, and letters without width that hide in words.
_INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\ufeff\u2060]")

_HREF = re.compile(r"\\href\s*\{([^{}]{0,500})\}\s*\{([^{}]{0,500})\}")
_URL_COMMAND = re.compile(r"\\url\s*\{([^{}]{0,500})\}")
_LINK = re.compile(r"https?://[^\s{}]+|www\.[^\s{}]+")
_MATHS = re.compile(
    r"\$\$(?P<display>[^$]{1,400})\$\$"
    r"|\\\((?P<paren>[^$]{1,400}?)\\\)"
    r"|(?<![\\$])\$(?P<dollar>[^$]{1,400}?)(?<!\\)\$(?![0-9])"
)
_WRAPPER = re.compile(
    r"\\(?:emph|textbf|textit|texttt|textsc|textsf|textrm|text|underline|mathrm|mathbf|mathit"
    r"|mathsf|mathtt|operatorname|mbox)\s*\{([^{}]*)\}"
)
_SCRIPT = re.compile(r"\s*([\^_])\s*(?:\{([^{}]*)\}|(\\[A-Za-z]+|[^\s\\{}]))")
_ACCENT = re.compile(
    r"""\\(["'`^~=.]|[uvHckr](?=\s*\{))\s*(?:\{\s*(\\?[A-Za-z])\s*\}|([A-Za-z]))"""
)
_MARKS = {
    '"': "\u0308",
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    "~": "\u0303",
    "=": "\u0304",
    ".": "\u0307",
    "u": "\u0306",
    "v": "\u030c",
    "H": "\u030b",
    "c": "\u0327",
    "k": "\u0328",
    "r": "\u030a",
}
_LETTERS = re.compile(r"\\(ss|ae|AE|oe|OE|aa|AA|o|O|l|L|i|j)(?:\{\}|(?![A-Za-z])\s?)")
_LETTER = {
    "ss": "ß",
    "ae": "æ",
    "AE": "Æ",
    "oe": "œ",
    "OE": "Œ",
    "aa": "å",
    "AA": "Å",
    "o": "ø",
    "O": "Ø",
    "l": "ł",
    "L": "Ł",
    "i": "i",
    "j": "j",
}
_ESCAPED = re.compile(r"\\([%&_#${}])")
_GREEK = re.compile(
    r"\{?(\\(?:alpha|beta|gamma|delta|epsilon|eta|theta|kappa|lambda|mu|nu|pi|rho|sigma|tau|phi|chi"
    r"|psi|omega|Delta|Gamma|Lambda|Omega|Phi|Pi|Psi|Sigma|Theta))(?![A-Za-z])\}?"
)
_TEXT_SCRIPT = re.compile(r"(?<=[A-Za-z])\^(?:\{([0-9+-]{1,4})\}|([0-9]{1,2}|[+-]))(?![0-9])")
_TILDE = re.compile(r"(?<=[A-Za-z0-9.,;:)])~(?=[A-Za-z0-9(\\$])")
_OPERATORS = re.compile(
    r"\\(log|ln|exp|sin|cos|tan|max|min|arg|lim|sup|inf|det|Pr|gcd)(?![A-Za-z])"
)

_maths_to_text = LatexNodes2Text(math_mode="text", keep_comments=True)


@lru_cache(maxsize=4096)  # a title is shown in a card, a subject and a list
def to_unicode(text: str) -> str:
    """A title or an abstract as plain text in one line; never HTML, never raises."""
    clean = _plain(text)
    if not any(sign in clean for sign in ("\\", "$", "^", "~", "`", "''", "--")):
        return clean
    head, tail = clean[:LONGEST], clean[LONGEST:]
    try:
        return _plain(_converted(head)) + tail
    except Exception:
        return clean


def _plain(text: str) -> str:
    shown = "".join(c if c >= " " and not "\x7f" <= c <= "\x9f" else " " for c in text)
    return " ".join(_INVISIBLE.sub("", shown).split())


def _converted(text: str) -> str:
    text = _HREF.sub(r"\2", text)
    text = _URL_COMMAND.sub(lambda found: f" {found[1]} " if found[1] else "", text)
    pieces: list[str] = []
    last = 0
    for link in _LINK.finditer(text):
        pieces += (_segment(text[last : link.start()]), link[0])
        last = link.end()
    pieces.append(_segment(text[last:]))
    return "".join(pieces)


def _segment(text: str) -> str:
    pieces: list[str] = []
    last = 0
    for found in _MATHS.finditer(text):
        body = found["display"] or found["paren"] or found["dollar"]
        if not _is_maths(body, found):
            continue
        pieces += (_prose(text[last : found.start()]), _formula(body))
        last = found.end()
    pieces.append(_prose(text[last:]))
    return "".join(pieces)


def _is_maths(body: str, found: re.Match[str]) -> bool:
    """Pandoc's rule, relaxed where a sign of TeX stands inside: "$5 and $10" is money."""
    if found["dollar"] is None or any(sign in body for sign in "\\^_{"):
        return True
    return not body[0].isspace() and not body[-1].isspace()


def _formula(body: str) -> str:
    spoken = _unwrapped(body)
    spoken = _OPERATORS.sub(r" \1 ", spoken)
    spoken = re.sub(
        r"\\(?:mathcal|mathbb|mathfrak|boldsymbol|bm)\s*\{?([A-Za-z0-9])\}?", r"\1", spoken
    )
    spoken = re.sub(r"\\[,;:! ]|\\q?quad(?![A-Za-z])", " ", spoken)
    spoken = _SCRIPT.sub(_script, spoken)
    spoken = _maths_to_text.latex_to_text(spoken)
    return " ".join(_upright(spoken).split())


def _script(found: re.Match[str]) -> str:
    raised = found[1] == "^"
    body = found[2] if found[2] is not None else found[3]
    body = _maths_to_text.latex_to_text(body).strip() if "\\" in body else body.strip()
    table = _SUPER if raised else _SUB
    if body and all(c in table for c in body):
        return "{}" + "".join(table[c] for c in body)  # {} ends a command before it: \\beta_0
    if len(body) == 1:
        return f"{found[1]}{body}"
    return f"{found[1]}({body})"


def _upright(text: str) -> str:
    """Mathematical letters beyond the BMP as the plain ones: many phones show them as boxes."""
    return "".join(
        unicodedata.normalize("NFKC", c) if "\U0001d400" <= c <= "\U0001d7ff" else c for c in text
    )


def _prose(text: str) -> str:
    text = text.replace("``", "“").replace("\\'\\'", "”").replace("''", "”")
    text = re.sub(r"(?<![\w”])\"(?=\w[^\"”]*”)", "“", text)  # "ALL'' opens as it closes
    if "\\" in text:
        text = _unwrapped(text)
        text = _LETTERS.sub(lambda found: _LETTER[found[1]], text)
        text = _ACCENT.sub(_accented, text)
        text = _GREEK.sub(lambda found: _maths_to_text.latex_to_text(found[1]), text)
        text = _ESCAPED.sub(r"\1", text).replace("\\ ", " ")
    text = _TEXT_SCRIPT.sub(lambda found: "".join(_SUPER[c] for c in found[1] or found[2]), text)
    text = re.sub(r"(?<=\w)---(?=\w)", "—", text)
    text = re.sub(r"(?<=[\w\s])--(?=\s)|(?<=\d)--(?=\d)", "–", text)
    return _TILDE.sub(" ", text)


def _unwrapped(text: str) -> str:
    for _ in range(4):  # nesting deeper than this is nobody's title
        text, count = _WRAPPER.subn(r"\1", text)
        if not count:
            break
    return text


def _accented(found: re.Match[str]) -> str:
    letter = (found[2] or found[3]).lstrip("\\")
    return unicodedata.normalize("NFC", letter + _MARKS[found[1]])
