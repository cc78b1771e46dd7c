"""Lines and parts of the bytes (checklist 1b): what every server between has to let through."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.preflight.findings import Finding, fatal
from newsletter.preflight.mail import Mail

LONGEST_LINE = 998  # octets without CRLF: RFC 5322 2.1.1
LONGEST_ENCODED = 76  # of quoted-printable: RFC 2045 6.7 rule 5
PARTS = ("text/plain", "text/html")  # the best comes last: RFC 2046 5.1.4
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_BUILT = "It is built in newsletter/message.py: report it, it is a mistake of the program."


def check(mail: Mail) -> Iterator[Finding]:
    """What is wrong with the lines and the parts of one mail."""
    content = mail.content
    longest = max(map(len, content.split(b"\r\n")))
    if longest > LONGEST_LINE:
        yield fatal(
            "line-length",
            f"A line has more than {LONGEST_LINE} octets (RFC 5322 2.1.1).",
            _BUILT,
            mail.at(f"{longest} octets"),
        )
    if _BARE.search(content) or not content.endswith(b"\r\n"):
        yield fatal(
            "line-ends", "Not every line ends with CRLF (RFC 5321 2.3.8).", _BUILT, mail.at()
        )
    body = content[len(mail.head) :]
    if b"\0" in content or not body.isascii():
        yield fatal("octets", "The body holds octets that are not 7-bit text.", _BUILT, mail.at())
    yield from _parts(mail)


def _parts(mail: Mail) -> Iterator[Finding]:
    whole = mail.parsed.get_content_type()
    kinds = tuple(part.get_content_type() for part in mail.parts)
    if whole != "multipart/alternative" or kinds != PARTS:
        yield fatal(
            "parts",
            "The mail is not text/plain, then text/html, in multipart/alternative.",
            _BUILT,
            mail.at(f"{whole}: {', '.join(kinds)}"),
        )
        return
    if mail.parsed.defects or any(part.defects for part in mail.parts):
        yield fatal("parts", "The mail's parts do not fit together.", _BUILT, mail.at())
    for part, kind in zip(mail.parts, PARTS, strict=True):
        charset = str(part.get_content_charset("")).lower()
        encoding = str(part.get("Content-Transfer-Encoding", "")).lower()
        if charset != "utf-8" or encoding != "quoted-printable":
            yield fatal(
                "encoding",
                f"The {kind} part is not UTF-8 in quoted-printable.",
                _BUILT,
                mail.at(f"{charset} in {encoding}"),
            )
            continue
        encoded = str(part.get_payload())
        if any(len(line) > LONGEST_ENCODED for line in encoded.split("\r\n")):
            yield fatal(
                "encoding",
                f"A line of the {kind} part has more than {LONGEST_ENCODED} characters "
                "(RFC 2045 6.7).",
                _BUILT,
                mail.at(),
            )
        decoded = part.get_payload(decode=True)
        try:
            words = decoded.decode() if isinstance(decoded, bytes) else ""
        except UnicodeDecodeError:
            yield fatal("encoding", f"The {kind} part is no UTF-8.", _BUILT, mail.at())
            continue
        if not words.strip():
            yield fatal("parts", f"The {kind} part is empty.", _BUILT, mail.at())
