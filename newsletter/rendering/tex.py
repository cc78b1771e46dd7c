"""Turns the TeX of titles and abstracts into plain Unicode text.

Three kinds of text are told apart: links, which stay as they are; mathematics between dollars,
\\( \\) or \\[ \\], by pandoc's rule; and prose, in which only known commands are read. An unknown
command stays as it was written, and a formula with one does too: half a translation is worse than
none. Whatever goes wrong, the reader gets the source's own words with single spaces.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from pylatexenc.latex2text import LatexNodes2Text, get_default_latex_context_db

LONGEST = 20_000  # characters that are looked at as TeX; arXiv's longest abstracts have 2,000

_SUPER = dict(
    zip(
        "0123456789+-=()nijkabcdeghlmoprstuvwxyzABDEGHIJKLMNOPRTUVW*′",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱʲᵏᵃᵇᶜᵈᵉᵍʰˡᵐᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ*′",
        strict=True,
    )
) | {"'": "′", "∗": "*", "⋆": "*", "∘": "°", "⊤": "ᵀ", "†": "†"}
_SUB = dict(
    zip("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True)
)

# Marks that turn the direction of a whole line, and letters without width that hide in words.
_INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\ufeff\u2060]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_LONE = re.compile("[\ud800-\udfff]")  # half a character, from a torn \\u escape in JSON
_STYLED = re.compile("[\U0001d400-\U0001d7ff]+")

_GROUP = r"\{((?>[^{}]+|\{[^{}]*+\})*+)\}"  # one pair of braces may stand inside
_HREF = re.compile(rf"\\href\s*{_GROUP}\s*{_GROUP}")
_URL_COMMAND = re.compile(rf"\\(?:url|nolinkurl|href)\s*{_GROUP}")
# Between NULs, which no cleaned text holds, stands what is left as it is.
_VERBATIM = re.compile(
    r"\0(?P<told>[^\0]*)\0"
    r"|(?:https?://|www\.)[^\s{}\0]+"
    r"|\b[A-Z]:\\[\w.-]+(?:\\[\w.-]+)*(?![\w\\{$^])"  # C:\times\new
)
_MATHS = re.compile(
    r"\$\$(?P<display>[^$]{1,400})\$\$"
    r"|\\\((?P<paren>[^$]{1,400}?)\\\)"
    r"|\\\[(?P<bracket>[^$]{1,400}?)\\\]"
    r"|(?<![\\$])\$(?P<dollar>[^$]{1,400}?)(?<!\\)\$"  # a longer one is a lost dollar sign
)
_MONEY = re.compile(r"[\d.][\d,.]*[A-Za-z]{0,2}\+?[\s/]+[A-Za-z]{2,}")  # $5 for ...

# Commands that only dress their argument. The command before one keeps its end: \nabla\mathbf{x}.
_WRAPPER = re.compile(
    r"(\\[A-Za-z]+)?\\(?:emph|text(?:bf|it|tt|sc|sf|rm|sl|up|md|normal)?|underline|uline|ul|mbox|hbox"
    r"|math(?:rm|bf|it|sf|tt|cal|bb|frak|scr|bbm|ds|bbb|normal)|operatorname\*?|boldsymbol|bm|pmb"
    r"|b|ac[sfl]?|textcolor\s*\{[^{}]*\}|sout)\s*" + _GROUP
)
_SWITCHES = (
    "em|it|bf|rm|tt|sc|sf|sl|cal|itshape|bfseries|scshape|ttfamily|sffamily|slshape"
    "|tiny|scriptsize|footnotesize|small|normalsize|large|Large"
)
_SWITCH = re.compile(
    rf"\{{(?:\s*\\(?:{_SWITCHES})(?![A-Za-z]))+\s*((?>[^{{}}]+|\{{[^{{}}]*+\}})*+)\}}"
)
_CITED = re.compile(
    r"[~ ]{0,2}\\(?:[cC]ite[a-z]{0,8}|(?:eq|auto|[cC])?ref|label)\*?"
    r"(?:\[[^\[\]{}]{0,200}\]){0,2}\s?\{[^{}]*\}"
)
_FOOTNOTE = re.compile(rf"\s?\\footnote\s*{_GROUP}")
_DROPPED = re.compile(
    r"\\color\s*\{[^{}]*\}|\\(?:xspace|allowbreak|noindent|footnotemark|centering|protect)"
    r"(?![A-Za-z])(?:\{\})?"
)
_SHORT = {
    "eg": "e.g.",
    "ie": "i.e.",
    "Eg": "E.g.",
    "Ie": "I.e.",
    "etal": "et al.",
    "etc": "etc.",
    "vs": "vs.",
    "wrt": "w.r.t.",
    "aka": "a.k.a.",
}
_SHORTENED = re.compile(rf"\\({'|'.join(_SHORT)})(?![A-Za-z])(?:\{{\}})?\.?")

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
_LETTERS = re.compile(r"\\(ss|ae|AE|oe|OE|aa|AA|o|O|l|L|i|j)(?:\{\}|(?![A-Za-z(])\s?)")
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
_ESCAPED_IN_LINK = re.compile(r"\\([%&_#~])")

_maths_macros = get_default_latex_context_db()
_maths_to_text = LatexNodes2Text(math_mode="text", keep_comments=True, latex_context=_maths_macros)

# Signs that authors write in prose without dollars, or that lost theirs on the way.
_NAMED = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho"
    " sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon"
    " Phi Psi Omega times div sim simeq approx pm mp leq geq le ge ll gg neq equiv infty"
    " cdot ldots dots cdots to rightarrow leftarrow Rightarrow leftrightarrow mapsto in notin"
    " subset subseteq cup cap forall exists partial nabla propto ell circ uparrow downarrow"
    " dagger"
)
_SYMBOL = {name: _maths_to_text.latex_to_text("\\" + name) for name in _NAMED.split()} | {
    "ne": "≠",
    "checkmark": "✓",
    "copyright": "©",
    "deg": "°",
    "textdegree": "°",
    "textasciitilde": "~",
    "textunderscore": "_",
    "textless": "<",
    "textgreater": ">",
    "textbar": "|",
    "textendash": "–",
    "textemdash": "—",
    "textregistered": "®",
    "texttrademark": "™",
    "pounds": "£",
    "euro": "€",
    "LaTeX": "LaTeX",
    "TeX": "TeX",
    "infinity": "∞",
}
_NAMES = "|".join(_SYMBOL)
_SYMBOLS = re.compile(rf"\{{\\({_NAMES})\}}|\\({_NAMES})(?![A-Za-z])(?:\{{\}})?")
_OPERATORS = re.compile(
    r"\\(log|ln|exp|sin|cos|tan|max|min|arg|argmax|argmin|lim|sup|inf|det|Pr|gcd|poly|polylog)"
    r"(?![A-Za-z])"
)
_ROOT = re.compile(r"\\sqrt\s*\{([^{}]+)\}")

_TEXT_SCRIPT = re.compile(
    r"(?<=[A-Za-z0-9)\]])\^(?:([+-]?[0-9]{1,4}(?![0-9])|[+*-](?!\w)|[A-Za-z](?![A-Za-z])|[∘⊤∗†])"
    r"|(\\?circ(?![a-z])))"
)
_BRACED_SCRIPT = re.compile(
    r"(?<=[\w)\]|}′])([\^_])\{([^{}]{1,60})\}()|(?<=\w)(\^)\(([0-9+-]{1,4})\)()"
)
_RAISED = re.compile(r"\\text(?:superscript|subscript)\s*\{([^{}]{1,20})\}")
_CODE_POINT = re.compile(r"\\unicode\{x([0-9A-Fa-f]{2,5})\}")
_SIZED = re.compile(
    rf"\\(?:left|right|middle|[bB]igg?[lrm]?|{_SWITCHES}|displaystyle|textstyle|limits|nolimits)"
    r"(?![A-Za-z])\s*(?:(?<=left)\.|(?<=right)\.)?|\\(?:mkern|mskip|kern)\s*-?[\d.]+\s?mu(?![a-z])"
)
_FRACTION = re.compile(
    rf"\\[dtc]?frac\s*(?:{_GROUP}|([0-9]|\\?[A-Za-z]+))\s*(?:{_GROUP}|([0-9]|\\?[A-Za-z]+))"
)
_TILDE = re.compile(r"([A-Za-z0-9.,;:)%]+)~(?=[A-Za-z0-9(\\$])")


@lru_cache(maxsize=4096)  # a title is shown in a card, a subject and a list
def to_unicode(text: str) -> str:
    """A title or an abstract as plain text in one line; never HTML, never raises."""
    clean = _plain(text)
    if not any(sign in clean for sign in ("\\", "$", "^", "~", "`", "''", "--", "_{", "{,}")):
        return clean
    cut = len(clean) if len(clean) <= LONGEST else clean.rfind(" ", 1, LONGEST)
    cut = LONGEST if cut < 0 else cut
    try:
        return _plain(_converted(clean[:cut])) + clean[cut:]
    except Exception:
        return clean


def _plain(text: str) -> str:
    """One line without controls; mathematical letters beyond the BMP as the plain ones.

    Many phones show those as boxes, and screen readers spell them out.
    """
    shown = _LONE.sub("\ufffd", _INVISIBLE.sub("", _CONTROL.sub(" ", text)))
    shown = _STYLED.sub(lambda found: unicodedata.normalize("NFKC", found[0]), shown)
    return " ".join(shown.split())


def _converted(text: str) -> str:
    text = _undressed(text)
    pieces: list[str] = []
    last = 0
    for kept in _VERBATIM.finditer(text):
        link = kept[0] if kept["told"] is None else kept["told"]
        pieces += (_segment(text[last : kept.start()]), _ESCAPED_IN_LINK.sub(r"\1", link))
        last = kept.end()
    pieces.append(_segment(text[last:]))
    return "".join(pieces)


def _undressed(text: str) -> str:
    """Without commands around words; links come after, for they may stand inside."""
    text = _HREF.sub(r"\2", text)
    if "\\" not in text:
        return text
    text = _CITED.sub("", text)
    text = _DROPPED.sub("", text)
    text = _SHORTENED.sub(_abbreviated, text)
    text = _CODE_POINT.sub(lambda found: chr(int(found[1], 16)), text)
    text = _RAISED.sub(_script_of_text, text)
    text = _unwrapped(text)
    text = _HREF.sub(r"\2", text)  # once more: its words may have been dressed twice
    text = _URL_COMMAND.sub("\0\\1\0", text)
    return _FOOTNOTE.sub(lambda found: f" ({found[1].strip()})" if found[1].strip() else "", text)


def _abbreviated(found: re.Match[str]) -> str:
    after = found.string[found.end() : found.end() + 1]
    return _SHORT[found[1]] + (" " if after.isalnum() or after in ("$", "`") else "")


def _unwrapped(text: str) -> str:
    for _ in range(4):  # nesting deeper than this is nobody's title
        text, wrapped = _WRAPPER.subn(_bare, text)
        text, switched = _SWITCH.subn(r"\1", text)
        if not wrapped + switched:
            break
    return text


def _bare(found: re.Match[str]) -> str:
    return f"{found[1]} {found[2]}" if found[1] else found[2]


def _segment(text: str) -> str:
    pieces: list[str] = []
    last = at = 0
    while found := _MATHS.search(text, at):
        body = found[found.lastgroup or 0]
        if _is_maths(body, found):
            before = re.sub(r"(?<=\S)~$", " ", text[last : found.start()])
            pieces += (_prose(before), _formula(body, found[0]))
            last = at = found.end()
            if text[at : at + 1] == "~":
                pieces.append(" ")
                last = at = at + 1
        else:
            at = found.start() + 1  # what closed no formula may open one: $5 for $x$
    pieces.append(_prose(text[last:]))
    return "".join(pieces)


def _is_maths(body: str, found: re.Match[str]) -> bool:
    """Pandoc's rule, relaxed where a sign of TeX stands inside: "$5 and $10" is money."""
    if found["dollar"] is None:
        return bool(body.strip())
    signs = _ESCAPED.sub("", body)
    if "\\" not in signs and _MONEY.match(signs):
        return False
    signed = any(sign in signs for sign in "\\^_{")
    if (
        not signed
        and " " in body
        and found.string[max(0, found.start() - 1) : found.start()].isdigit()
    ):
        return False  # from 5$ to 7$
    spaced = body[0].isspace() or body[-1].isspace()
    if found.string[found.end() : found.end() + 1].isdigit():
        told = any(sign in signs for sign in "\\^{") or (
            len(body) <= 3 and body[0] not in "0123456789"
        )
        return told and not spaced
    return signed or not spaced


def _formula(body: str, written: str) -> str:
    spoken = _OPERATORS.sub(r" \1 ", _SIZED.sub("", body))
    spoken = _SYMBOLS.sub(_symbol, spoken)  # here, for pylatexenc eats the space after a command
    spoken = re.sub(
        r"\\(?:mathcal|mathbb|mathfrak|mathbf|mathrm|boldsymbol|bm)(?![A-Za-z])\s*([A-Za-z0-9])",
        r" \1",
        spoken,
    )
    spoken = re.sub(r"\\[,;: ]|\\q?quad(?![A-Za-z])", " ", spoken.replace("\\!", ""))
    for _ in range(2):
        spoken = _SCRIPT.sub(_script, spoken)
        spoken = _FRACTION.sub(_fraction, spoken)
    if not _is_known(spoken):
        return written
    try:
        shown = _maths_to_text.latex_to_text(spoken, tolerant_parsing=False)
    except Exception:
        return written
    shown = " ".join(_plain(shown).split())
    shown = re.sub(r"(?<=[(\[|]) | (?=[)\],])", "", shown)
    return re.sub(r"\b(log|exp|sin|cos|tan|poly|polylog|max|min) \(", r"\1(", shown)


def _script(found: re.Match[str]) -> str:
    body = found[2] if found[2] is not None else found[3]
    body = _FRACTION.sub(_fraction, body)
    if not _is_known(body):
        return found[0]
    body = _maths_to_text.latex_to_text(body) if "\\" in body else body
    # {} ends a command before it: \\beta_0
    return "{}" + _placed(found[1], body.strip())


def _is_known(maths: str) -> bool:
    """Whether it can be said whole; pylatexenc drops what it does not know."""
    names = re.findall(r"\\([A-Za-z]+)", maths)
    return all(n != "frac" and _maths_macros.get_macro_spec(n) is not None for n in names)


def _placed(sign: str, body: str) -> str:
    """Raised or lowered where Unicode has every letter of it."""
    table = _SUPER if sign == "^" else _SUB
    if body and all(c in table for c in body) and body.count("(") == body.count(")"):
        return "".join(table[c] for c in body)
    return f"{sign}{body}" if len(body) == 1 else f"{sign}({body})"


def _script_of_text(found: re.Match[str]) -> str:
    table = _SUPER if "super" in found[0] else _SUB
    return "".join(table.get(c, c) for c in found[1])


def _prose(text: str) -> str:
    text = _quoted(text)
    if "\\" in text:
        text = _LETTERS.sub(lambda found: _LETTER[found[1]], text)
        text = _ACCENT.sub(_accented, text)
        text = _SYMBOLS.sub(_symbol, text)
        text = _OPERATORS.sub(r"\1", text)
        text = _FRACTION.sub(_fraction, _ROOT.sub(_root, text))
        text = re.sub(r"\\[,;: ]|(?<!\\)\\\\(?= |$)", " ", text)
    if "^" in text or "_{" in text:
        text = _BRACED_SCRIPT.sub(lambda m: _placed(m[1] or m[4], (m[2] or m[5]).strip()), text)
        text = _TEXT_SCRIPT.sub(
            lambda m: "°" if m[2] else "".join(_SUPER.get(c, "^" + c) for c in m[1]), text
        )
    text = _ESCAPED.sub(r"\1", text).replace("{,}", ",")
    text = re.sub(r"(?<![-!<])---(?![->])", "—", text)
    text = re.sub(r"(?<=[\w\s])--(?=\s)|(?<=\w)--(?=\w)", "–", text)
    return _TILDE.sub(_tied, text)


def _quoted(text: str) -> str:
    text = text.replace("``", "“").replace("\\'\\'", "”").replace("''", "”")
    text = re.sub(r"(?<![\w”])\"(?=\w[^\"”“]*”)", "“", text)  # "ALL'' opens as it closes
    text = re.sub(r"“([^\"“”]{1,300})\"", r"“\1”", text)  # and ``ALL" closes as it opened
    return re.sub(r"(?<![\w\\`])`((?:[^`'\\]|(?<=\w)'(?=\w)){1,200})'(?!\w)", r"‘\1’", text)


def _symbol(found: re.Match[str]) -> str:
    return _SYMBOL[found[1] or found[2]]


def _root(found: re.Match[str]) -> str:
    body = found[1]
    return f"√{body}" if len(body) == 1 or body.isdigit() else f"√({body})"


def _fraction(found: re.Match[str]) -> str:
    return "/".join(
        side if re.fullmatch(r"\\?\w+(?:\{\}\w+)?", side) else f"({side})"
        for side in (found[1] or found[2], found[3] or found[4])
        if side
    )


def _tied(found: re.Match[str]) -> str:
    """A tie is a space; between numbers, "3~5", it is a range."""
    after = found.string[found.end()]
    both = found[1][0].isdigit() and after.isdigit()
    return found[0] if both else found[1] + " "


def _accented(found: re.Match[str]) -> str:
    letter = (found[2] or found[3]).lstrip("\\")
    return unicodedata.normalize("NFC", letter + _MARKS[found[1]])
