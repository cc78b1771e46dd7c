"""Reads what comes back: returned mail, spam reports, wishes to leave and to come, and the noise.

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
from datetime import UTC, datetime
from email import message_from_string
from email.errors import MessageError
from email.message import Message
from email.utils import parsedate_to_datetime
from enum import StrEnum

from newsletter.mime import MOST_NAMES, decoded, groups, header, inner, opened, parts_of, text_of
from newsletter.server_words import code_of, is_permanent, line

LONGEST_TEXT = 20_000  # characters of text in which a reason is looked for
LONGEST_ADDRESS = 320  # octets, RFC 3696 errata 1690

_TOKEN = re.compile(r"\+(\d{1,10}-\d{1,10}-[A-Za-z2-7]{16})@", re.ASCII)  # Signer.sign_return
# message.py: the issue's date, the digest's key.
_MESSAGE_ID = re.compile(r"<(\d{4}-\d\d-\d\d)\.([A-Za-z0-9_-]{22})@[^<>\s]{1,255}>", re.ASCII)
_LEAVE = re.compile(r"(?:\[[^\]]{0,40}\]\s*)?unsubscribe\s+(\d{1,18}\.[A-Za-z0-9_-]{22})\s*", re.I)
# Of an answer, mail programs put "Re:", "AW:" and the like before it, and perhaps our subject.
_CONFIRM = re.compile(
    r"(?:\[[^\]]{0,40}\]\s*)?(?:\w{2,6}:\s*(?:.{0,200}\s)?)?"
    r"confirm\s+(\d{1,18}-\d{1,18}\.[A-Za-z0-9_-]{22})\s*",
    re.IGNORECASE,
)
_LEAVE_LINK = re.compile(r"\?subject=unsubscribe%20(\d{1,18}\.[A-Za-z0-9_-]{22})(?=[>&])")

# RFC 5965 7.3: what a reader did not want; "not-spam" is the contrary. "opt-out" stood in its
# drafts and is still sent.
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out"})
# What a server adds when it delivers: whom it delivered to, and so our token.
_ENVELOPE = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
_ABOUT = ("In-Reply-To", "References")
_RESPONDERS = ("X-Autoreply", "X-Autorespond", "X-Autoresponder")
_RECEIPTS = frozenset(
    {"message/disposition-notification", "message/global-disposition-notification"}
)

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
    CONFIRM = "confirm"  # the owner of an address says yes to the question we sent
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
    confirm: str = ""  # the token of a yes
    came: datetime | None = None  # when our server took it, of those that have one of both
    posted: datetime | None = None  # the Date of the mail that a spam report returns


def read(content: bytes) -> Report:
    """What the bytes of one message say; raises nothing."""
    try:
        return _read(opened(content))
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


def _read(message: Message) -> Report:
    parts = list(parts_of(message))
    report = (
        _complaint(parts)
        or _delivery_status(parts)
        or _exim(message, parts)
        or _qmail(parts)
        or _leave(message)
        or _automatic(message, parts)
        or _confirm(message)
        or Report(kind=ReportKind.OTHER, words=line(f"subject: {header(message, 'Subject')}"))
    )
    if report.kind in (ReportKind.BOUNCE, ReportKind.DELAY, ReportKind.COMPLAINT):
        tokens, named = _joints(message, parts)
        report = replace(report, tokens=(*report.tokens, *tokens)[:MOST_NAMES], named=named)
    has_token = report.leave or report.confirm
    return replace(report, came=_came(message)) if has_token else report


# The forms.


def _complaint(parts: list[Message]) -> Report | None:
    """A spam report, RFC 5965."""
    for part in parts:
        if part.get_content_type() != "message/feedback-report":
            continue
        fields = next(groups(part), {})
        kind = fields.get("feedback-type", "").lower()
        told = f"{kind or 'no type'}, told by {fields.get('user-agent', 'nobody')}"
        if kind not in _COMPLAINTS:
            return Report(kind=ReportKind.OTHER, words=line(f"feedback of another kind: {told}"))
        sender = fields.get("original-mail-from", "")  # RFC 5965 3.2
        leave, posted = _way_out(parts)
        return Report(
            kind=ReportKind.COMPLAINT,
            recipient=_address(fields.get("original-rcpt-to", "")),
            words=line(told),
            tokens=tuple(_TOKEN.findall(sender)),
            leave=leave,
            posted=posted,
        )
    return None


def _delivery_status(parts: list[Message]) -> Report | None:
    """A delivery report, RFC 3464 or RFC 6533.

    We write to one address a mail. Several recipients stand behind it then, as behind an alias, and
    it is as well as the one of them that is best off.
    """
    for part in parts:
        if part.get_content_type() not in (
            "message/delivery-status",
            "message/global-delivery-status",
        ):
            continue
        blocks = [block for block in groups(part) if "action" in block or "status" in block]
        actions = [_action(block) for block in blocks]
        if actions and set(actions) <= {"failed", "delayed"}:
            kind = ReportKind.DELAY if "delayed" in actions else ReportKind.BOUNCE
            word = "delayed" if kind is ReportKind.DELAY else "failed"
            told_of = [
                _recipient(kind, block)
                for block, action in zip(blocks, actions, strict=True)
                if action == word
            ]
            return min(told_of, key=lambda one: one.permanent)
        told = ", ".join(dict.fromkeys(filter(None, actions))) or "nothing of a recipient"
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
        permanent=kind is ReportKind.BOUNCE and is_permanent(code, words),
        words=line(words),
    )


def _exim(message: Message, parts: list[Message]) -> Report | None:
    """Exim before 4.90 tells in a header whom it could not reach, and in the text why."""
    failed = header(message, "X-Failed-Recipients")
    if not failed or message.is_multipart():
        return None
    text = _COPY.split(text_of(parts))[0][:LONGEST_TEXT]
    return _told(failed.split(",")[0], text.partition("\n\n")[2] or text)


def _qmail(parts: list[Message]) -> Report | None:
    """QSBMF: one recipient a paragraph, as "<address>:" and the reason below."""
    text = text_of(parts)
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
        permanent=is_permanent(code, words),
        words=line(words),
    )


def _leave(message: Message) -> Report | None:
    """The mail that our unsubscribe address opens, ready to send."""
    found = _LEAVE.fullmatch(header(message, "Subject").strip())
    if found is None:
        return None
    return Report(
        kind=ReportKind.LEAVE, recipient=_address(header(message, "From")), leave=found[1]
    )


def _confirm(message: Message) -> Report | None:
    """The mail that a confirmation's button opens, or an answer with the same subject.

    Only a person says yes: what a machine answers was told apart before.
    """
    found = _CONFIRM.fullmatch(header(message, "Subject").strip())
    if found is None:
        return None
    return Report(
        kind=ReportKind.CONFIRM, recipient=_address(header(message, "From")), confirm=found[1]
    )


def _automatic(message: Message, parts: list[Message]) -> Report | None:
    """RFC 3834 5, what was written before it, and receipts that a program gives (RFC 8098)."""
    told = header(message, "Auto-Submitted").split(";")[0].strip().lower()
    if (
        told in ("", "no")
        and not any(header(message, name) for name in _RESPONDERS)
        and not any(part.get_content_type() in _RECEIPTS for part in parts)
    ):
        return None
    return Report(
        kind=ReportKind.AUTO_REPLY,
        recipient=_address(header(message, "From")),
        words=line(f"subject: {header(message, 'Subject')}"),
    )


# What it can be joined by.


def _joints(message: Message, parts: list[Message]) -> tuple[list[str], tuple[Named, ...]]:
    """Tokens from the envelope, and Message-IDs from the headers of what was returned."""
    places = [header(message, name) for name in _ENVELOPE]
    names = [header(message, name) for name in _ABOUT]
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
            for one in inner(part):
                yield " ".join(header(one, name) for name in ("Message-ID", "Return-Path"))
        elif kind == "text/rfc822-headers":
            yield decoded(part)
    yield from _COPY.split(text_of(parts), maxsplit=1)[1:]


def _way_out(parts: list[Message]) -> tuple[str, datetime | None]:
    """The token in the List-Unsubscribe of a mail that was reported, and its Date.

    Providers mask addresses, and leave these.
    """
    for part in parts:
        kind = part.get_content_type()
        heads = inner(part) if kind == "message/rfc822" else []
        if kind == "text/rfc822-headers":
            heads = [message_from_string(decoded(part))]
        for head in heads:
            found = _LEAVE_LINK.search(header(head, "List-Unsubscribe"))
            if found:
                return found[1], _instant(header(head, "Date"))
    return "", None


def _came(message: Message) -> datetime | None:
    """When the last server had it: the uppermost Received is its own (RFC 5321 4.4)."""
    received = header(message, "Received", most=1)
    return _instant(received.rpartition(";")[2])


def _instant(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


# Addresses.


def _typed(text: str) -> str:
    """RFC 3464 2.3.2: "rfc822; address"."""
    kind, semicolon, address = text.partition(";")
    return _address(address if semicolon else kind)


def _address(text: str) -> str:
    found = re.search(r"<([^<>]*)>", text)
    return line(found[1] if found else text, LONGEST_ADDRESS)
