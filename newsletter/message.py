"""Joins a digest's bytes: headers, and both parts from segments encoded when it was composed.

No template engine and no encoder in this loop but for the few words that are a reader's own.
The standard library's `email` is the oracle in tests, not a tool here. Tracking is not there: no
open pixel, no redirected link; a stated choice.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from email.header import Header
from email.utils import format_datetime, formataddr
from functools import lru_cache
from html import escape
from urllib.parse import quote

from newsletter.dkim import MailSigner
from newsletter.issue import Digest
from newsletter.papers import PaperId
from newsletter.quoted import encode
from newsletter.selection import Pick
from newsletter.snapshot import Masthead, Snapshot
from newsletter.subject import count, preheader, subject

TEXT_WIDTH = 76  # columns of the text part
REASONS_SHOWN = 3  # topics named on a card; more is noise
PREHEADER_TOPICS = 3

_CRLF = b"\r\n"


@dataclass(frozen=True, kw_only=True)
class Message:
    """A finished mail and its envelope."""

    sender: str  # envelope sender, where bounces go
    recipient: str
    message_id: str  # without angle brackets
    subject: str
    content: bytes  # CRLF line ends, 7-bit but for an address that needs SMTPUTF8


class Builder:
    """Builds the messages of one issue, signed if asked to; keeps what its readers share."""

    def __init__(self, snapshot: Snapshot, mail_signer: MailSigner | None = None) -> None:
        self._snapshot = snapshot
        self._mail_signer = mail_signer
        self._masthead = snapshot.masthead
        self._fixed = self._fixed_headers()
        self._cards: dict[tuple[PaperId, tuple[str, ...]], tuple[bytes, bytes]] = {}

    def build(self, digest: Digest) -> Message:
        """The one mail of a digest: the same bytes whenever it is asked for."""
        masthead = self._masthead
        message_id = called(digest.issue_name, digest.key, masthead.domain)
        titles = tuple(self._snapshot.cards[pick.paper_id].title for pick in digest.picks)
        line = subject(titles)
        mailto = unsubscribe_address(masthead.reply_to, digest.unsubscribe_token)
        boundary = f"=_{digest.key}".encode()  # "=_" cannot stand in quoted-printable: RFC 2045 6.7
        html, text = self._parts(digest, mailto)
        content = _CRLF.join(
            (
                self._fixed,
                b"To: " + digest.address.encode(),  # RFC 5322 3.6.3; UTF-8 by RFC 6532
                encoded_header("Subject", line),
                b"Date: " + format_datetime(digest.due_at).encode(),  # RFC 5322 3.6.1
                b"Message-ID: <" + message_id.encode() + b">",  # RFC 5322 3.6.4
                b"List-Unsubscribe: <" + mailto.encode() + b">",  # RFC 2369 3.2
                b"MIME-Version: 1.0",  # RFC 2045 4
                b'Content-Type: multipart/alternative; boundary="'
                + boundary
                + b'"',  # RFC 2046 5.1
                b"",
                b"--" + boundary,
                b"Content-Type: text/plain; charset=utf-8",
                b"Content-Transfer-Encoding: quoted-printable",
                b"",
                text,
                b"--" + boundary,
                b"Content-Type: text/html; charset=utf-8",
                b"Content-Transfer-Encoding: quoted-printable",
                b"",
                html,
                b"--" + boundary + b"--",
                b"",
            )
        )
        return Message(
            sender=envelope_sender(masthead, digest.return_token),
            recipient=digest.address,
            message_id=message_id,
            subject=line,
            content=self._mail_signer.sign(content) if self._mail_signer else content,
        )

    def _fixed_headers(self) -> bytes:
        masthead = self._masthead
        return _CRLF.join(
            (
                b"From: " + mailbox(masthead.from_name, masthead.from_address),  # RFC 5322 3.6.2
                b"Reply-To: " + masthead.reply_to.encode(),
                b"List-Id: "
                + mailbox(masthead.title, masthead.list_id),  # RFC 2919 3: phrase and <id>
                b"Auto-Submitted: auto-generated",  # RFC 3834 5: responders stay quiet
            )
        )

    def _parts(self, digest: Digest, mailto: str) -> tuple[bytes, bytes]:
        cards = [self._card(pick) for pick in digest.picks]
        slugs = dict.fromkeys(slug for pick in digest.picks for slug in pick.reasons[:1])
        topics = tuple(self._snapshot.chips[slug].name for slug in slugs)[:PREHEADER_TOPICS]
        papers = len(cards)
        html = self._snapshot.html.fill(
            {
                "preheader": _encoded(escape(preheader(papers, topics))),
                "count": _encoded(count(papers)),
                "cards": b"".join(html for html, _ in cards),
                "address": encode(escape(digest.address)),
                "since": _encoded(_day(digest)),
                "unsubscribe": encode(escape(mailto)),
            }
        )
        text = self._snapshot.text.fill(
            {
                "count": _encoded(count(papers)),
                "cards": b"".join(text for _, text in cards),
                "address": encode(digest.address),
                "since": _encoded(_day(digest)),
                "unsubscribe": encode(mailto),
            }
        )
        return html, text

    def _card(self, pick: Pick) -> tuple[bytes, bytes]:
        reasons = pick.reasons[:REASONS_SHOWN]
        ready = self._cards.get((pick.paper_id, reasons))
        if ready is None:
            snapshot = self._snapshot
            card = snapshot.cards[pick.paper_id]
            chips = [snapshot.chips[slug] for slug in reasons]
            if chips:
                because = snapshot.because.fill({"topics": b"".join(one.html for one in chips)})
                words = "Because you follow " + ", ".join(chip.name for chip in chips)
            elif card.pinned:
                because, words = snapshot.chosen, "Chosen by the editor"
            else:
                because, words = snapshot.trending, "Trending now"
            lines = textwrap.fill(words, TEXT_WIDTH)
            ready = card.html.fill({"reasons": because}), card.text.fill({"reasons": encode(lines)})
            self._cards[pick.paper_id, reasons] = ready
        return ready


def envelope_sender(masthead: Masthead, token: str) -> str:
    """Where a mail comes back to: with VERP, an address of its own below that of bounces."""
    local, _, domain = masthead.bounces.rpartition("@")
    return f"{local}+{token}@{domain}" if masthead.verp else masthead.bounces


def unsubscribe_address(reply_to: str, token: str) -> str:
    """The mailto URL (RFC 6068) that asks to be let go."""
    return f"mailto:{quote(reply_to, safe='@')}?subject=unsubscribe%20{quote(token)}"


def mailbox(name: str, address: str) -> bytes:
    """A display name and an address as RFC 5322 3.4 writes them; RFC 2047 where needed."""
    return formataddr((name, address)).encode()


@lru_cache(maxsize=4096)
def encoded_header(name: str, value: str) -> bytes:
    """A whole unstructured header field, folded at 75 columns, non-ASCII words by RFC 2047."""
    if any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise ValueError(f"control characters cannot stand in {name}: {value!r}")
    if value.isascii() and len(name) + 2 + len(value) <= 76 and "=?" not in value:
        return f"{name}: {value}".encode()
    header = Header(value, charset="utf-8", header_name=name, maxlinelen=75)
    return name.encode() + b": " + header.encode(linesep="\r\n").encode()


@lru_cache(maxsize=4096)
def _encoded(text: str) -> bytes:
    return encode(text)


def _day(digest: Digest) -> str:
    return f"{digest.since.day} {digest.since:%B %Y}"


def called(issue_name: str, key: str, domain: str) -> str:
    """The Message-ID of a digest, without angle brackets: the same whenever it is built."""
    return f"{issue_name}.{key}@{domain}"
