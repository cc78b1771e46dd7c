"""Reads a mail server's answers: one bounded line each, and whom an answer is about.

Pure. What is said to the server, and when, is `smtp.py`'s.
"""

from __future__ import annotations

from functools import lru_cache

from newsletter.transports.port import Reply

LONGEST_TEXT = 300  # characters; the longest that large providers send has about 250

# Answers that every recipient would get alike, since they judge who sends:
# RFC 3463 3.2: 5.1.7 and 5.1.8, the sender's address is bad; RFC 7372: 5.7.20 to 5.7.26, DKIM,
# SPF, reverse DNS; Gmail: 5.7.26 to 5.7.30; Outlook.com: 5.7.515.
_ABOUT_SENDER = frozenset(
    {"5.1.7", "5.1.8", "5.7.515", *(f"5.7.{detail}" for detail in range(20, 31))}
)
_LOGIN = frozenset({530, 534, 535, 538})  # RFC 4954 6 and its registry: log in first, or better


def read(code: int, words: bytes | str) -> Reply:
    """The reply of these words, its lines joined, without what would garble a terminal."""
    return _known(code, words) if len(words) <= LONGEST_TEXT else _read(code, words)


def _read(code: int, words: bytes | str) -> Reply:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    if "\n" in text:
        enhanced = Reply(code=code, text=text).enhanced
        if enhanced:  # RFC 2034 4 repeats it on every line
            text = text.replace(f"\n{enhanced}", "\n")
    return Reply(code=code, text=line(text))


_known = lru_cache(maxsize=1024)(_read)  # most commands are answered by the same few words


def line(text: str) -> str:
    """The text on one line of at most LONGEST_TEXT characters, control characters removed."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    clean = " ".join(text.split())
    return clean if len(clean) <= LONGEST_TEXT else clean[: LONGEST_TEXT - 1] + "…"


def about_sender(reply: Reply) -> bool:
    """Whether a refusal judges the sender's set-up, so that every recipient would be refused."""
    judged = reply.permanent and reply.enhanced in _ABOUT_SENDER
    return reply.code in _LOGIN or judged


def about_domain(reply: Reply) -> bool:
    """Whether a server closes for now to one recipient's domain, by its policy (RFC 3463 3.8)."""
    return reply.code == 421 and reply.enhanced.startswith("4.7.")
