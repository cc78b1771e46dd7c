"""Makes plain text of what comes from outside: titles, abstracts, names, addresses.

What an upstream sends may hold mark-up, control characters, marks that turn the reading
direction, letters of no width, and far too much of everything. Here it becomes one line or
paragraph of bounded length. TeX is left as it stands; `rendering` reads it.
"""

from __future__ import annotations

import html
import re
import unicodedata

LONGEST_TITLE = 500  # characters; arXiv's longest titles have about 250
LONGEST_TEXT = 20_000  # characters of an abstract; arXiv allows 1,920, journals a few thousand
LONGEST_NAME = 200  # characters of a person's or an organisation's name
LONGEST_URL = 500  # characters; a longer one is no paper's address

# Marks that reorder what is read (UAX #9), and letters of no width that only hide differences.
# The joiners are kept between letters that need them (Persian, Indic, emoji).
_HIDDEN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_JOINERS = "\u200c\u200d"
_LAST_LATIN = "\u024f"
# Where so many in a row are no letters, marks upon marks are noise, and slow to put in order:
# UAX #15, section 13, allows thirty.
_HEAP = re.compile(r"[^\w\s\x00-\x7f]{31,}")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")  # lone halves too
_TAG = re.compile(
    r"<(?:/?(?:jats:|mml:|m:)?(?:a|abbr|article-title|b|big|bold|br|cite|code|div|em|font|h[1-6]|i"
    r"|img|inline-formula|italic|li|math|mathml|mi|mn|mo|mrow|mspace|mstyle|msub|msubsup|msup"
    r"|mtext|ol|p|pre|q|s|sc|script|sec|section|small|span|strike|strong|style|sub|sup|svg|table"
    r"|tbody|td|th|title|tr|tt|u|ul)(?:\s[^<>]{0,2000})?/?)>",
    re.IGNORECASE,
)
_ELEMENT = re.compile(  # stops at the next one of its kind, else many unclosed take for ever
    r"<(script|style)\b[^<>]*>[^<]*+(?:<(?!/?\1\b)[^<]*+)*+</\1\b[^<>]*>", re.IGNORECASE
)
_HUGE_NUMBER = re.compile(r"&#[0-9]{9,};?")  # no character has it, and int() refuses the longest
_PARAGRAPH = re.compile(
    r"</?(?:jats:)?(?:p|br|div|sec|li|tr|h[1-6])\b[^<>]{0,2000}>", re.IGNORECASE
)
_SHOWN = bytes(range(0x20, 0x7F))  # what is printable of ASCII
# Printable ASCII but for " ' < > \ ^ ` { | }
_URL = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?://[!#-&(-;=?-\[\]_a-z~]+")
_LOGIN = re.compile(r"[a-z]+://[^/?#]*@", re.IGNORECASE)


def line(text: str, longest: int = LONGEST_TITLE) -> str:
    """One line of what is plain text: hidden letters gone, white space single, cut to size."""
    text = text[: 4 * longest]
    if len(text) <= longest and is_line(text):
        return text  # as most texts are
    if text.isprintable():  # nothing hidden in it, and no white space but spaces
        if len(text.encode()) - len(text) > 30:  # else too few letters beyond ASCII for a heap
            text = _HEAP.sub(_without_marks, text)
        text = unicodedata.normalize("NFC", text)
        if len(text) <= longest and _is_spaced(text):
            return text
    else:
        text = _HEAP.sub(_without_marks, _HIDDEN.sub("", _CONTROL.sub("", text)))
        text = unicodedata.normalize("NFC", text)
        if any(joiner in text for joiner in _JOINERS):
            text = unicodedata.normalize("NFC", _joined(text))
    clean = " ".join(text.split())
    return clean if len(clean) <= longest else clean[: longest - 1].rstrip() + "…"


def is_line(text: str) -> bool:
    """Whether `line` surely leaves a text as it is, but for its length."""
    return (
        text.isascii()
        and not text.encode().translate(None, _SHOWN)  # three times as fast as isprintable
        and _is_spaced(text)
    )


def _is_spaced(text: str) -> bool:
    """Whether spaces are single, and between words only."""
    return "  " not in text and text[:1] != " " != text[-1:]


def unmarked(text: str, longest: int = LONGEST_TITLE) -> str:
    """One line of what may hold mark-up: tags gone, entities read, then as `line`.

    Knows the tags of HTML, JATS and MathML; "x < y and y > z" and "List<int>" stay as they are.
    """
    return line(_unmarked(text[: 8 * longest]), longest)


def url(text: object, longest: int = LONGEST_URL, *, login: bool = False) -> str | None:
    """The address if it is http(s), ASCII, printable and bounded; else None.

    One with a login is let pass only where `login` says so: a paper's is shown to everybody, and
    https://arxiv.org@elsewhere.example is not arXiv's.
    """
    if not isinstance(text, str):
        return None
    clean = text.strip()
    if len(clean) > longest or not _URL.fullmatch(clean):
        return None
    return clean if login or "@" not in clean or not _LOGIN.match(clean) else None


def _without_marks(heap: re.Match[str]) -> str:
    return "".join(c for c in heap[0] if not unicodedata.combining(c))


def _joined(text: str) -> str:
    """The text without joiners beside a Latin letter, a space or another joiner."""
    kept, needed = list[str](), False
    for c, after in zip(text, text[1:] + " ", strict=True):
        if c in _JOINERS:
            if not needed or after <= _LAST_LATIN or after.isspace() or after in _JOINERS:
                continue
        elif not unicodedata.combining(c):
            needed = c > _LAST_LATIN and not c.isspace()
        kept.append(c)
    return "".join(kept)


def _unmarked(text: str) -> str:
    if "<" in text:
        text = _untagged(text)
    if "&" in text:
        text = html.unescape(_HUGE_NUMBER.sub("\ufffd", text))
        if "<" in text:  # mark-up that was escaped once more on its way
            text = _untagged(text)
    return text


def _untagged(text: str) -> str:
    return _TAG.sub("", _PARAGRAPH.sub(" ", _ELEMENT.sub(" ", _uncommented(text))))


def _uncommented(text: str) -> str:
    """Without comments; by hand, since a pattern would look for the end of each anew."""
    parts, start = list[str](), 0
    while (opened := text.find("<!--", start)) >= 0:
        parts.append(text[start:opened])
        closed = text.find("-->", opened + 4)
        if closed < 0:
            return "".join(parts) + text[opened:]
        start = closed + 3
    return "".join(parts) + text[start:]
