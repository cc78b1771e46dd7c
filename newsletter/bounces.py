"""Reads what comes back: returned mail, spam reports, wishes to leave, and the noise among them.

Pure: bytes in, a Report out, whatever the bytes are. It says what a message claims to be; whether
that is so is decided by whoever joins it to a delivery, by a token that only our mail carries
(`pipeline/bounces.py`). Nothing is concluded from words that a person would have to read: reports
are RFC 3464 (returned mail), RFC 6533 (the same with addresses in UTF-8), RFC 5965 (spam reports),
and two older forms that say of themselves what they are, qmail's and Exim's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from enum import StrEnum
from itertools import islice

LARGEST = 2**18  # bytes that are read: five times our mails; a report stands before what it returns
DEEPEST = 30  # parts with parts in them; a report with the returned mail in it has five
LONGEST_TYPE = 2000  # bytes of a Content-Type: `email` takes time that grows with their square
LONGEST_TEXT = 20_000  # characters of text in which a reason is looked for
MOST_FIELDS = 200  # lines of a delivery report that are looked at
LONGEST_WORDS = 300  # characters of a server's words that are kept
LONGEST_ADDRESS = 320  # octets, RFC 3696 errata 1690
MOST_NAMES = 20  # tokens and Message-IDs taken from one message: an honest one has two or three

_CODE = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")  # RFC 3463 2
_REPLY = re.compile(r"(?<![\d.])([45]\d\d)(?=[ -])")  # RFC 5321 4.2
_TYPE = re.compile(
    rb"(?:^|[\r\n])content-(?:type|disposition|transfer-encoding):"
    rb"((?:[^\r\n]++|(?:\r\n|\r|\n)[ \t])*+)",
    re.IGNORECASE,
)
_NESTING = re.compile(rb"\s*(?:multipart|message)/", re.IGNORECASE)
_TOKEN = re.compile(r"\+(\d{1,10}-\d{1,10}-[A-Za-z2-7]{16})@", re.ASCII)  # Signer.sign_return
# message.py: the issue's date, the digest's key.
_MESSAGE_ID = re.compile(r"<(\d{4}-\d\d-\d\d)\.([A-Za-z0-9_-]{22})@[^<>\s]{1,255}>", re.ASCII)
_LEAVE = re.compile(r"(?:\[[^\]]{0,40}\]\s*)?unsubscribe\s+(\d{1,18}\.[A-Za-z0-9_-]{22})\s*", re.I)
_LEAVE_LINK = re.compile(r"\?subject=unsubscribe%20(\d{1,18}\.[A-Za-z0-9_-]{22})(?=[>&])")

# RFC 5965 7.3: what a reader did not want; "not-spam" is the contrary. "opt-out" stood in its
# drafts and is still sent.
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out"})
# What a server adds when it delivers: whom it delivered to, and so our token.
_ENVELOPE = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
_ABOUT = ("In-Reply-To", "References")

QMAIL = "Hi. This is the "  # QSBMF (cr.yp.to/proto/qsbmf.txt): begins so, by a program's name
# Both say by a line that begins with dashes that our mail, as it was sent, follows.
_COPY = re.compile(r"^-{3,} .*$", re.MULTILINE)
_QMAIL_ABOUT = re.compile(r"<([^<>\s]{1,320})>:\n(.{1,2000}?)(?:\n\n|\Z)", re.DOTALL)


class ReportKind(StrEnum):
    """What a message claims to be."""

    BOUNCE = "bounce"  # a mail was not delivered, and will not be
    DELAY = "delay"  # not yet; the server goes on trying
    COMPLAINT = "complaint"  # a reader called it spam
    LEAVE = "leave"  # a reader wants no more
    AUTO_REPLY = "auto-reply"  # a machine answers that somebody is away
    OTHER = "other"  # anything else: a letter, spam, a report of a success


class EventKind(StrEnum):
    """What is kept of a delivery when something came back; `store/schema.py` knows these words."""

    REFUSED = "refused"  # by the next server, while it was being sent
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, kw_only=True)
class Named:
    """A delivery as its Message-ID names it."""

    issue: str  # its date
    key: str  # the digest's


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a message says, and by what it could be joined to a delivery."""

    kind: ReportKind
    recipient: str = ""  # as the report tells it: not to be trusted
    code: str = ""  # RFC 3463 2, such as "5.1.1"
    permanent: bool = False  # of a bounce: trying again does not help
    words: str = ""  # the other server's, one bounded line
    tokens: tuple[str, ...] = ()  # by which our envelope sender may have been known
    named: tuple[Named, ...] = ()  # Message-IDs of ours, if they are
    leave: str = ""  # the token of a wish to leave, or of the List-Unsubscribe in a spam report


def read(content: bytes) -> Report:
    """What the bytes of one message say; raises nothing."""
    content = content[:LARGEST]
    nesting = 0
    for found in _TYPE.finditer(content):
        nesting += bool(_NESTING.match(found[1]))
        if nesting > DEEPEST or len(found[1]) > LONGEST_TYPE:
            return Report(kind=ReportKind.OTHER, words="no report is built like this")
    try:
        return _read(message_from_bytes(content))
    except (
        # `email` promises not to raise and, fed with enough nonsense, does.
        MessageError,
        AssertionError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        return Report(kind=ReportKind.OTHER, words=line(f"cannot be read: {error}"))


def line(text: str, most: int = LONGEST_WORDS) -> str:
    """The text on one line of at most `most` characters, control characters removed."""
    text = text[: most * 4]
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def _read(message: Message) -> Report:
    parts = list(_parts(message))
    report = (
        _complaint(parts)
        or _delivery_status(parts)
        or _exim(message, parts)
        or _qmail(parts)
        or _leave(message)
        or _automatic(message)
        or Report(kind=ReportKind.OTHER, words=line(f"subject: {_header(message, 'Subject')}"))
    )
    if report.kind in (ReportKind.BOUNCE, ReportKind.DELAY, ReportKind.COMPLAINT):
        tokens, named = _joints(message, parts)
        report = replace(report, tokens=(*report.tokens, *tokens)[:MOST_NAMES], named=named)
    return report


# The forms.


def _complaint(parts: list[Message]) -> Report | None:
    """A spam report, RFC 5965."""
    for part in parts:
        if part.get_content_type() != "message/feedback-report":
            continue
        fields = next(_blocks(part), {})
        kind = fields.get("feedback-type", "").lower()
        told = f"{kind or 'no type'}, told by {fields.get('user-agent', 'nobody')}"
        if kind not in _COMPLAINTS:
            return Report(kind=ReportKind.OTHER, words=line(f"feedback of another kind: {told}"))
        sender = fields.get("original-mail-from", "")  # RFC 5965 3.2
        return Report(
            kind=ReportKind.COMPLAINT,
            recipient=_address(fields.get("original-rcpt-to", "")),
            words=line(told),
            tokens=tuple(_TOKEN.findall(sender)),
            leave=_leave_link(parts),
        )
    return None


def _delivery_status(parts: list[Message]) -> Report | None:
    """A delivery report, RFC 3464 or RFC 6533. Of several recipients, one that failed."""
    for part in parts:
        if part.get_content_type() not in (
            "message/delivery-status",
            "message/global-delivery-status",
        ):
            continue
        blocks = [block for block in _blocks(part) if "action" in block or "status" in block]
        by_action = {_action(block): block for block in reversed(blocks)}
        for action, kind in (("failed", ReportKind.BOUNCE), ("delayed", ReportKind.DELAY)):
            if action in by_action:
                return _recipient(kind, by_action[action])
        told = ", ".join(filter(None, by_action)) or "nothing of a recipient"
        return Report(kind=ReportKind.OTHER, words=line(f"a delivery report that tells {told}"))
    return None


def _action(block: dict[str, str]) -> str:
    """RFC 3464 2.3.3; some leave it out where the status says it all."""
    told = block.get("action", "").split("(")[0].strip().lower()
    return told or ("failed" if block.get("status", "").startswith("5.") else "")


def _recipient(kind: ReportKind, block: dict[str, str]) -> Report:
    words = block.get("diagnostic-code", "")  # RFC 3464 2.3.6: "smtp; 550 5.1.1 ..."
    words = words.partition(";")[2].strip() or words
    code = code_of(block.get("status", ""))
    said = code_of(words)
    if said and (not code or (code.endswith(".0.0") and code[0] == said[0])):
        code = said  # "5.0.0" is what a server writes that did not look into the answer
    return Report(
        kind=kind,
        recipient=_typed(block.get("final-recipient") or block.get("original-recipient") or ""),
        code=code,
        permanent=kind is ReportKind.BOUNCE and _is_permanent(code, words),
        words=line(words),
    )


def _exim(message: Message, parts: list[Message]) -> Report | None:
    """Exim before 4.90 tells in a header whom it could not reach, and in the text why."""
    failed = _header(message, "X-Failed-Recipients")
    if not failed or message.is_multipart():
        return None
    text = _COPY.split(_text(parts))[0][:LONGEST_TEXT]
    return _told(failed.split(",")[0], text.partition("\n\n")[2] or text)


def _qmail(parts: list[Message]) -> Report | None:
    """QSBMF: one recipient a paragraph, as "<address>:" and the reason below."""
    text = _text(parts)
    if not text.startswith(QMAIL):
        return None
    about = _QMAIL_ABOUT.search(_COPY.split(text)[0][:LONGEST_TEXT])
    if about is None:
        return None
    reason = re.sub(r"\(#(\d\.\d\.\d)\)", r"\1", about[2])  # qmail's way to tell RFC 3463 codes
    return _told(about[1], reason)


def _told(recipient: str, words: str) -> Report:
    """A bounce that is told in text. Both forms are written for failures only."""
    code = code_of(words)
    return Report(
        kind=ReportKind.BOUNCE,
        recipient=_address(recipient),
        code=code,
        permanent=_is_permanent(code, words),
        words=line(words),
    )


def _leave(message: Message) -> Report | None:
    """The mail that our unsubscribe address opens, ready to send."""
    found = _LEAVE.fullmatch(_header(message, "Subject").strip())
    if found is None:
        return None
    return Report(
        kind=ReportKind.LEAVE, recipient=_address(_header(message, "From")), leave=found[1]
    )


def _automatic(message: Message) -> Report | None:
    """RFC 3834 5, and what was written before it."""
    told = _header(message, "Auto-Submitted").split(";")[0].strip().lower()
    if told in ("", "no") and not any(
        _header(message, name) for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder")
    ):
        return None
    return Report(
        kind=ReportKind.AUTO_REPLY,
        recipient=_address(_header(message, "From")),
        words=line(f"subject: {_header(message, 'Subject')}"),
    )


# What it can be joined by.


def _joints(message: Message, parts: list[Message]) -> tuple[list[str], tuple[Named, ...]]:
    """Tokens from the envelope, and Message-IDs from the headers of what was returned."""
    places = [_header(message, name) for name in _ENVELOPE]
    names = [_header(message, name) for name in _ABOUT]
    for returned in _returned(parts):
        places.append(returned)
        names.append(returned)
    tokens = [token for place in places for token in _TOKEN.findall(place)]
    found = [pair for place in names for pair in _MESSAGE_ID.findall(place)]
    named = [Named(issue=issue, key=key) for issue, key in dict.fromkeys(found)]
    return list(dict.fromkeys(tokens)), tuple(named[:MOST_NAMES])


def _returned(parts: list[Message]) -> Iterator[str]:
    """The headers of the mail that came back, wherever this server puts them."""
    for part in parts:
        kind = part.get_content_type()
        if kind in ("message/rfc822", "message/global", "message/global-headers"):
            for one in _inner(part):
                yield " ".join(_header(one, name) for name in ("Message-ID", "Return-Path"))
        elif kind == "text/rfc822-headers":
            yield _decoded(part)
    yield from _COPY.split(_text(parts), maxsplit=1)[1:]


def _leave_link(parts: list[Message]) -> str:
    """The token in the List-Unsubscribe of a mail that was reported: addresses are masked there."""
    for part in parts:
        kind = part.get_content_type()
        texts = [_header(one, "List-Unsubscribe") for one in _inner(part)]
        if kind == "text/rfc822-headers":
            texts = [_decoded(part)]
        elif kind != "message/rfc822":
            continue
        for text in texts:
            found = _LEAVE_LINK.search(text)
            if found:
                return found[1]
    return ""


# MIME, without trust.


def _parts(message: Message) -> Iterator[Message]:
    """The parts of a message, but not those of the mail that it returns."""
    yield message
    if message.get_content_maintype() != "multipart":
        return
    for part in _inner(message):
        yield from _parts(part)


def _inner(part: Message) -> list[Message]:
    payload = part.get_payload()
    if not isinstance(payload, list):
        return []
    return [one for one in payload if isinstance(one, Message)]


def _blocks(part: Message) -> Iterator[dict[str, str]]:
    """The groups of fields of a report, by small names; the first of a name counts."""
    if not part.is_multipart():
        yield from _text_blocks(_decoded(part))
    for one in _inner(part):
        first = list(islice(one.raw_items(), MOST_FIELDS))
        yield {name.lower(): line(_utf8(str(value))) for name, value in reversed(first)}
        if not one.is_multipart():  # of types that `email` does not know to be groups of fields
            yield from _text_blocks(_decoded(one))


def _text_blocks(text: str) -> Iterator[dict[str, str]]:
    unfolded = re.sub(r"\r?\n[ \t]+", " ", text)
    block: dict[str, str] = {}
    for field in unfolded.splitlines()[:MOST_FIELDS]:
        name, colon, value = field.partition(":")
        if colon:
            block.setdefault(name.strip().lower(), line(value))
        elif block and not field.strip():
            yield block
            block = {}
    if block:
        yield block


def _text(parts: list[Message]) -> str:
    """The first part of plain text, its lines ended by a line feed."""
    for part in parts:
        if part.get_content_type() == "text/plain" and not part.is_multipart():
            return _decoded(part).replace("\r\n", "\n")
    return ""


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _header(message: Message, name: str) -> str:
    """A header's text, its encoded words read where they can be; several of a name, joined."""
    found = (_utf8(str(value)) for one, value in message.raw_items() if one.lower() == name.lower())
    return " ".join(_unencoded(one) for one in islice(found, MOST_NAMES))


def _utf8(text: str) -> str:
    """Bytes beyond ASCII, which `email` keeps as surrogates, as RFC 6532 means them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _unencoded(text: str) -> str:
    text = text[: LONGEST_WORDS * 20]
    try:
        return str(make_header(decode_header(text))) if "=?" in text else text
    except (MessageError, LookupError, ValueError):  # no such charset, or not in it
        return text


# Words and codes.


def code_of(text: str) -> str:
    """The first code of RFC 3463 in a text; empty where there is none."""
    found = _CODE.search(text)
    return found[1] if found else ""


def _is_permanent(code: str, words: str) -> bool:
    """By the code, else by the reply's number. A server that tells neither gave up waiting."""
    if code:
        return code.startswith("5")
    reply = _REPLY.search(words)
    return reply is not None and reply[1].startswith("5")


def _typed(text: str) -> str:
    """RFC 3464 2.3.2: "rfc822; address"."""
    kind, semicolon, address = text.partition(";")
    return _address(address if semicolon else kind)


def _address(text: str) -> str:
    found = re.search(r"<([^<>]*)>", text)
    return line(found[1] if found else text, LONGEST_ADDRESS)
