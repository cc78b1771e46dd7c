"""Quoted-printable (RFC 2045 6.7) in segments that can be joined.

An encoder that is right for a whole part is wrong for pieces of it: lines run on across the
joins. Here each segment ends where a line ends: with its own CRLF, or with a soft line break
that the decoder takes away again. So joined segments decode to the joined texts, and encoding
is done once an issue instead of once a reader.
"""

from __future__ import annotations

import binascii
import re

SOFT_BREAK = b"=\r\n"
LONGEST_LINE = 76  # RFC 2045 6.7 rule 5, its "=" counted, its CRLF not

# At the start of a line: "." would need doubling for SMTP (RFC 5321 4.5.2), "From " is mangled
# by mbox stores. Encoded, neither needs a second look.
_AWKWARD_START = re.compile(rb"^(?:\.|From )", re.MULTILINE)


# Short texts that stand for themselves, as most of a reader's own words do.
_PLAIN = re.compile(r"(?!From )[!-\-/-<>-~](?:[ -<>-~]{0,70}[!-<>-~])?")


def encode(text: str) -> bytes:
    """One segment of a text part: CRLF line ends, no line over 76 octets, ready to be joined."""
    if not text:
        return b""
    if _PLAIN.fullmatch(text):
        return text.encode("ascii") + SOFT_BREAK
    canonical = "\r\n".join(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    # b2a_qp breaks lines as the first line end it meets is written: give it one of ours.
    body = binascii.b2a_qp(b"\r\n" + canonical.encode(), istext=True)[2:]
    body = _mended(body)
    lines = body.split(b"\r\n")
    fitted = b"\r\n".join(_fit(line) for line in lines[:-1])
    last = _fit(lines[-1], room=1)
    joined = fitted + b"\r\n" + last if len(lines) > 1 else last
    return joined if not lines[-1] else joined + SOFT_BREAK


def travels(segment: bytes) -> bool:
    """Whether a segment can go over an SMTP line as it is, wherever it is joined to another.

    It ends a line, with CRLF as all its lines do, and no line begins with a dot.
    """
    ends = segment.count(b"\n")
    return not segment or (
        segment.endswith(b"\r\n")
        and ends == segment.count(b"\r") == segment.count(b"\r\n")
        and not segment.startswith(b".")
        and b"\n." not in segment
    )


def _fit(line: bytes, room: int = 0) -> bytes:
    """The line, broken softly where encoding its start (or `room` octets more) made it too long."""
    if len(line) + room <= LONGEST_LINE:
        return line
    cut = LONGEST_LINE - 1
    for back in (1, 2):  # never inside an =XX
        if line[cut - back : cut - back + 1] == b"=":
            cut -= back
    return line[:cut] + SOFT_BREAK + _fit(_mended(line[cut:]), room)


def _mended(lines: bytes) -> bytes:
    """Lines of which none has an awkward start."""
    return _AWKWARD_START.sub(lambda found: b"=%02X" % found[0][0] + found[0][1:], lines)
