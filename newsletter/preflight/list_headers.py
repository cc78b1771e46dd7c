"""What mailing lists add to a header: how to leave, the list's name, Feedback-ID (H4, H8 to H10).

That the answer to one click works is for a test of the web pages to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

from newsletter.preflight.findings import Finding, error, fatal
from newsletter.preflight.house import House, host_of
from newsletter.preflight.mail import Mail, unfolded

ONE_CLICK = "List-Unsubscribe=One-Click"  # RFC 8058 3.1, to the letter
_LISTED = ("list-help", "list-archive", "list-subscribe", "list-owner", "list-post")
_URIS = re.compile(r"<[^<>\s]+>(?:,\s+<[^<>\s]+>|,<[^<>\s]+>)*")
_URI = re.compile(r"<([^<>]*)>")
_LIST_ID = re.compile(r"(?:[^<>]*\s)?<([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+)>")  # RFC 2919 3
_SENDER_ID = re.compile(r"[A-Za-z0-9_-]{5,15}")
_BUILT = "It is built in newsletter/message.py: report it, it is a mistake of the program."


def check(mail: Mail, house: House) -> Iterator[Finding]:
    """What is wrong with the list's fields of one mail."""
    for name, value in mail.fields:
        if name.startswith("list-") and b"=?" in value and name != "list-id":
            yield fatal(
                "list-encoded",
                "A List- field holds an encoded word, which no client reads there (RFC 2047 5).",
                _BUILT,
                mail.at(name),
            )
        if name in (*_LISTED, "list-unsubscribe") and not _URIS.fullmatch(unfolded(value)):
            yield fatal(
                "list-uris",
                f"{name.title()} is not a list of <URI>s, folded between them only (RFC 2369 2).",
                _BUILT,
                mail.at(unfolded(value)),
            )
    yield from _unsubscribe(mail, house)
    yield from _names(mail, house)


def across(mails: Iterable[Mail]) -> Iterator[Finding]:
    """What is wrong between mails: the sender's part of Feedback-ID is one and the same."""
    senders = {mail.value("feedback-id").rpartition(":")[2] for mail in mails}
    if len(senders) > 1:
        yield error(
            "feedback-id", "The last part of Feedback-ID differs between mails (H10).", _BUILT
        )


def _unsubscribe(mail: Mail, house: House) -> Iterator[Finding]:
    if not mail.raw("list-unsubscribe"):
        return  # told by `headers`
    uris = _URI.findall(mail.value("list-unsubscribe"))
    schemes = [uri.partition(":")[0].lower() for uri in uris]
    if not house.goes_out:  # pages that are being tried on this machine
        schemes = [
            "https" if _is_here(uri) else one for uri, one in zip(uris, schemes, strict=True)
        ]
    if (
        schemes.count("https") > 1
        or schemes.count("mailto") > 1
        or {*schemes} - {"https", "mailto"}
    ):
        yield fatal(
            "list-unsubscribe",
            "List-Unsubscribe has more than one https or mailto address, or one of another kind.",
            _BUILT,
            mail.at(mail.value("list-unsubscribe")),
        )
    for uri, scheme in zip(uris, schemes, strict=True):
        ours = (
            host_of(uri) in house.web_hosts
            if scheme == "https"
            else unquote(urlsplit(uri).path) == house.reply_to
        )
        if scheme == "https" and not ours and host_of(uri) == house.pages_host:
            yield fatal(
                "list-unsubscribe",
                f"The issue was composed under another pages.url, at {house.pages_host}: where "
                "readers leave is no page of ours now.",
                "Set pages.url back until the issue is sent, or cancel it; issues composed from "
                "now on have the new one.",
                mail.at(uri),
            )
        elif scheme in ("https", "mailto") and not ours:
            yield fatal(
                "list-unsubscribe",
                "List-Unsubscribe leads to somebody else.",
                "Look at sender.reply_to and the web address in the settings.",
                mail.at(uri),
            )
    post = mail.raw("list-unsubscribe-post")
    if post and (unfolded(post[0]) != ONE_CLICK or "https" not in schemes):
        yield fatal(
            "one-click",
            f"List-Unsubscribe-Post is not {ONE_CLICK} beside an https address (RFC 8058 3.1).",
            _BUILT,
            mail.at(unfolded(post[0])),
        )
    if "https" in schemes and not post:
        yield error(
            "one-click",
            "List-Unsubscribe has an https address and there is no List-Unsubscribe-Post.",
            _BUILT,
            mail.at(),
        )


def _is_here(uri: str) -> bool:
    return uri.startswith("http://") and host_of(uri) in ("127.0.0.1", "localhost")


def _names(mail: Mail, house: House) -> Iterator[Finding]:
    found = _LIST_ID.fullmatch(mail.value("list-id"))
    if mail.raw("list-id") and (found is None or found[1] != house.list_id):
        yield fatal(
            "list-id",
            f"List-Id is not a phrase and <{house.list_id}> (RFC 2919 3).",
            _BUILT,
            mail.at(mail.value("list-id")),
        )
    if not mail.raw("feedback-id"):
        return
    parts = mail.value("feedback-id").split(":")
    told = [part for part in parts if part]
    if len(parts) != 4 or len(set(told)) < len(told) or not _SENDER_ID.fullmatch(parts[-1]):
        yield error(
            "feedback-id",
            "Feedback-ID is not three names, or fewer, and a sender's of 5 to 15 characters, "
            "all different (H10).",
            _BUILT,
            mail.at(mail.value("feedback-id")),
        )
    local = mail.value("message-id").strip("<>").partition("@")[0]
    if any(part and (part in local.split(".")[1:] or part == mail.recipient) for part in parts):
        yield error("feedback-id", "Feedback-ID tells one mail from the others.", _BUILT, mail.at())
