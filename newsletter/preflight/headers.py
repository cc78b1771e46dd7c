"""The header's fields on the raw bytes: how many, when, by which name, and nothing smuggled.

H1, H3, H11 and H14 of the checklist. From whom and to whom is `people.py`'s, what mailing lists
add `list_headers.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from email.utils import getaddresses, parsedate_to_datetime

from newsletter.preflight.findings import Finding, error, fatal
from newsletter.preflight.house import House
from newsletter.preflight.mail import Mail, decoded, unfolded, written

ONCE = (  # exactly; RFC 5322 3.6, RFC 2045 4
    *("from", "to", "subject", "date", "message-id", "reply-to", "mime-version", "content-type"),
    *("list-id", "list-unsubscribe", "auto-submitted"),
)
AT_MOST_ONCE = (
    *("sender", "cc", "in-reply-to", "references", "content-transfer-encoding", "precedence"),
    *("list-unsubscribe-post", "list-help", "list-archive", "list-subscribe", "list-owner"),
    *("list-post", "feedback-id", "return-path"),
)
EARLY = timedelta(days=2)  # a reader's hour may lie a day ahead, in a zone a day ahead
LATE = timedelta(days=1)  # before the issue was composed; no hour of it can be
_UTF8 = ("from", "to", "reply-to", "list-unsubscribe")  # fields an SMTPUTF8 address stands in
_ENCODED_WORD = re.compile(r"=\?[^?\s]*\?[bqBQ]\?[^?\s]*\?=")
LONGEST_WORD = 76  # RFC 2047 2 says 75; the standard library's own builder makes one of 76
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@([A-Za-z0-9.-]+)>")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BUILT = "It is built in newsletter/message.py: report it, it is a mistake of the program."


def check(
    mail: Mail, house: House, composed_at: datetime, now: datetime, *, listed: bool = True
) -> Iterator[Finding]:
    """What is wrong with the header of one mail; `listed` where one has to tell how to leave."""
    yield from _counts(mail, listed=listed)
    yield from _octets(mail)
    yield from _identity(mail, house, composed_at, now)


def across(mails: Iterable[Mail]) -> Iterator[Finding]:
    """What is wrong between mails: two readers' must not have one Message-ID."""
    seen: dict[str, str] = {}
    for mail in mails:
        name = mail.value("message-id")
        if name and seen.setdefault(name, mail.recipient) != mail.recipient:
            yield fatal(
                "message-id",
                "Mails to different readers have the same Message-ID.",
                _BUILT,
                mail.at(name),
            )


def _counts(mail: Mail, *, listed: bool) -> Iterator[Finding]:
    names = [name for name, _ in mail.fields]
    for name in ONCE:
        number = names.count(name)
        if number != 1 and (number or listed or name != "list-unsubscribe"):
            yield fatal(
                "once",
                f"{written(name)} stands {number} times in the header; exactly one is right.",
                _BUILT,
                mail.at(),
            )
    for name in AT_MOST_ONCE:
        if names.count(name) > 1:
            yield fatal("once", f"{written(name)} stands more than once.", _BUILT, mail.at())
    if "bcc" in names:
        yield fatal("once", "Bcc stands in the header, for every reader to see.", _BUILT, mail.at())


def _octets(mail: Mail) -> Iterator[Finding]:
    for name, value in mail.fields:
        line = unfolded(value)
        if not name:
            yield fatal("header", "A line of the header is no field.", _BUILT, mail.at(line))
        elif _CONTROL.search(line.replace("\t", " ")) or _CONTROL.search(decoded(line)):
            yield fatal(
                "control-characters",
                f"{written(name)} holds a control character.",
                "Look where its words come from: the title, a paper, the settings.",
                mail.at(repr(line)),
            )
        elif not value.isascii() and (name not in _UTF8 or _is_ascii_mail(mail)):
            yield fatal(
                "ascii", f"{written(name)} is not ASCII (RFC 5322 2.2).", _BUILT, mail.at(line)
            )
        if any(len(word) > LONGEST_WORD for word in _ENCODED_WORD.findall(line)):
            yield error(
                "encoded-word",
                f"{written(name)} has an encoded word of more than 75 characters (RFC 2047 2).",
                _BUILT,
                mail.at(),
            )


def _identity(mail: Mail, house: House, composed_at: datetime, now: datetime) -> Iterator[Finding]:
    found = _MESSAGE_ID.fullmatch(mail.value("message-id"))
    if mail.raw("message-id") and (found is None or found[1] != house.domain):
        yield fatal(
            "message-id",
            f"Message-ID is not <something@{house.domain}> (RFC 5322 3.6.4).",
            _BUILT,
            mail.at(mail.value("message-id")),
        )
    if mail.raw("date"):
        yield from _date(mail, composed_at, now)
    if mail.raw("auto-submitted") and mail.value("auto-submitted") != "auto-generated":
        yield fatal(
            "auto-submitted",
            "Auto-Submitted is not auto-generated (RFC 3834 5).",
            _BUILT,
            mail.at(),
        )
    if mail.raw("mime-version") and mail.value("mime-version") != "1.0":
        yield fatal("mime", "MIME-Version is not 1.0 (RFC 2045 4).", _BUILT, mail.at())


def _date(mail: Mail, composed_at: datetime, now: datetime) -> Iterator[Finding]:
    try:
        date = parsedate_to_datetime(mail.value("date"))
    except ValueError:
        date = None
    if date is None or date.tzinfo is None:
        yield fatal("date", "Date cannot be read (RFC 5322 3.3).", _BUILT, mail.at())
    elif not composed_at - LATE <= date <= max(now, composed_at) + EARLY:
        yield error(
            "date",
            "Date is not an hour of this issue.",
            "Look at the machine's clock, then at the reader's hour and zone.",
            mail.at(mail.value("date")),
        )


def _is_ascii_mail(mail: Mail) -> bool:
    """Whether no address of the mail needs SMTPUTF8 (RFC 6531)."""
    return all(
        address.isascii()
        for name in ("from", "to", "reply-to")
        for _, address in getaddresses([mail.value(name)])
    )
