"""Joins a digest's bytes: headers, and both parts from segments encoded when it was composed.

No template engine and no encoder in this loop but for the few words that are a reader's own.
The standard library's `email` is the oracle in tests, not a tool here. Tracking is not there: no
open pixel, no redirected link; a stated choice.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from functools import lru_cache
from html import escape
from urllib.parse import quote

from newsletter.dkim import MailSigner
from newsletter.issue import Digest
from newsletter.papers import PaperId
from newsletter.quoted import SOFT_BREAK, encode, travels
from newsletter.selection import Pick
from newsletter.snapshot import Masthead, Shell, Snapshot

TEXT_WIDTH = 76  # columns of the text part
REASONS_SHOWN = 3  # topics named on a card; more is noise
PREHEADER_TOPICS = 3
GROUPED_FROM = 9  # papers; up to eight are seen at a glance

MOST_READY = 2000  # cards that are kept joined with their reasons, of some 6 KB each

_CRLF = b"\r\n"
_QUOTED = b"Content-Transfer-Encoding: quoted-printable\r\n"
_HTML_TYPE = b"Content-Type: text/html; charset=utf-8\r\n" + _QUOTED
_HTML_PART = _HTML_TYPE + b"\r\n"
_PLAIN_PART = b"Content-Type: text/plain; charset=utf-8\r\n" + _QUOTED + b"\r\n"

_Pieces = list[bytes]
_Ready = tuple[tuple[bytes, ...], tuple[bytes, ...]]  # of a card, as HTML and as text


@dataclass(frozen=True, kw_only=True)
class Message:
    """A finished mail and its envelope."""

    sender: str  # envelope sender, where bounces go
    recipient: str
    message_id: str  # without angle brackets
    subject: str
    content: bytes  # CRLF line ends, 7-bit but for an address that needs SMTPUTF8
    vouched: bool = False  # no other line ends, and no line begins with a dot: by how it was built


class Builder:
    """Builds the messages of one issue, signed if asked to; keeps what its readers share."""

    def __init__(self, snapshot: Snapshot, mail_signer: MailSigner | None = None) -> None:
        self._snapshot = snapshot
        self._mail_signer = mail_signer
        self._masthead = snapshot.masthead
        self._fixed = fixed_headers(snapshot.masthead)
        self._travels = snapshot.travels
        self._ready: dict[tuple[PaperId, tuple[str, ...], str], _Ready] = {}
        self._headings: dict[tuple[str, str], tuple[bytes, bytes]] = {}

    def build(self, digest: Digest) -> Message:
        """The one mail of a digest: the same bytes whenever it is asked for."""
        masthead = self._masthead
        known = digest.language in self._snapshot.shells
        language = digest.language if known else self._snapshot.language
        shell = self._snapshot.shells[language]
        titles = tuple(self._snapshot.cards[pick.paper_id].title for pick in digest.picks)
        html, text = self._parts(digest, shell, language)
        return assemble(
            masthead,
            Headers(
                recipient=digest.address,
                subject=shell.wording.subject(titles, digest.kind),
                at=digest.due_at,
                key=digest.key,
                issue_name=digest.issue_name,
                language=language,
                feedback=f"{digest.issue_name}:{digest.kind}:digest",
                unsubscribe_token=digest.unsubscribe_token,
            ),
            self._fixed,
            html=html,
            text=text,
            sender=envelope_sender(masthead, digest.return_token),
            mail_signer=self._mail_signer,
            vouched=self._travels,
        )

    def _parts(self, digest: Digest, shell: Shell, language: str) -> tuple[_Pieces, _Pieces]:
        wording, pages = shell.wording, self._masthead.pages
        html_cards, text_cards, topics = self._cards(digest, shell, language)
        papers = len(digest.picks)
        html_more = text_more = b""
        view = _token(digest.view_token)
        if digest.beyond and pages:
            more = wording.how_many_more(digest.beyond)
            html_more = shell.more.html.fill({"more": _encoded_html(more), "view": view})
            text_more = shell.more.text.fill({"more": _encoded(more), "view": view})
        since, occasion = wording.day(digest.since), wording.occasions[digest.kind]
        count = wording.count(papers)
        leave = leaving(self._masthead, digest.unsubscribe_token)[0]
        preferences = _token(digest.preferences_token)
        html = shell.mail.html.pieces(
            {
                "preheader": _encoded_html(wording.preheader(papers, topics)),
                "occasion": _encoded_html(occasion),
                "count": _encoded_html(count),
                "more": html_more,
                "address": encode(escape(digest.address)),
                "since": _encoded_html(since),
                "unsubscribe": encode(escape(leave)),
                "preferences": preferences,
                "view": view,
            },
            between="cards",
        )
        text = shell.mail.text.pieces(
            {
                "occasion": _encoded(occasion),
                "count": _encoded(count),
                "more": text_more,
                "address": encode(digest.address),
                "since": _encoded(since),
                "unsubscribe": encode(leave),
                "preferences": preferences,
                "view": view,
            },
            between="cards",
        )
        return _around(html_cards, html), _around(text_cards, text)

    def _cards(
        self, digest: Digest, shell: Shell, language: str
    ) -> tuple[_Pieces, _Pieces, tuple[str, ...]]:
        """Headings and cards as HTML and as text; and the topics that a preheader names."""
        snapshot, picks = self._snapshot, digest.picks
        votes = {
            pick.paper_id: _token(token)
            for pick, token in zip(picks, digest.vote_tokens, strict=False)
        }
        htmls: list[bytes] = []
        texts: list[bytes] = []
        for heading, under in self._groups(digest, shell):
            html, text = self._heading(heading, shell, language)
            htmls.append(html)
            texts.append(text)
            for pick in under:
                htmls_of_it, texts_of_it = self._card(pick, shell, language)
                vote = votes.get(pick.paper_id, b"")
                htmls.append(vote.join(htmls_of_it))
                texts.append(vote.join(texts_of_it))
        slugs = dict.fromkeys([slug for pick in picks for slug in pick.reasons[:1]])
        topics = [snapshot.chips[slug].name for slug in [*slugs][:PREHEADER_TOPICS]]
        return htmls, texts, tuple(topics)

    def _heading(self, heading: str, shell: Shell, language: str) -> tuple[bytes, bytes]:
        ready = self._headings.get((heading, language))
        if ready is None:
            html = shell.heading.html.fill({"heading": _encoded_html(heading)})
            text = shell.heading.text.fill({"heading": _encoded(heading)})
            ready = self._headings[heading, language] = html, text
        return ready

    def _groups(self, digest: Digest, shell: Shell) -> Iterable[tuple[str, Sequence[Pick]]]:
        """The picks under one heading; of a long digest by topic, that of the best paper first."""
        wording = shell.wording
        headed = bool(shell.heading.html.parts)  # issues of version 0.1 have no headings
        if len(digest.picks) < GROUPED_FROM or not headed:
            return [(wording.openings[digest.kind], digest.picks)]
        groups: dict[str, list[Pick]] = {}
        for pick in digest.picks:
            if self._snapshot.cards[pick.paper_id].pinned:
                heading = wording.chosen
            elif pick.reasons:
                heading = self._snapshot.chips[pick.reasons[0]].name
            else:
                heading = wording.trending_now
            groups.setdefault(heading, []).append(pick)
        if len(groups) == 1:
            return [(wording.openings[digest.kind], digest.picks)]
        return groups.items()

    def _card(self, pick: Pick, shell: Shell, language: str) -> _Ready:
        """A card with its reasons, in pieces between which a reader's tokens stand."""
        key = pick.paper_id, pick.reasons[:REASONS_SHOWN], language
        ready = self._ready.get(key)
        if ready is None:
            if len(self._ready) >= MOST_READY:
                self._ready.clear()
            face = self._snapshot.cards[pick.paper_id].faces[language]
            html, text = self._why(pick, shell)
            ready = self._ready[key] = (
                face.html.pieces({"reasons": html}, between="vote"),
                face.text.pieces({"reasons": text}, between="vote"),
            )
        return ready

    def _why(self, pick: Pick, shell: Shell) -> tuple[bytes, bytes]:
        chips = [self._snapshot.chips[slug] for slug in pick.reasons[:REASONS_SHOWN]]
        if chips:
            html = shell.because.fill({"topics": b"".join(one.html for one in chips)})
            names = ", ".join(chip.name for chip in chips)
            words = shell.wording.because.replace("{topics}", names)
        elif self._snapshot.cards[pick.paper_id].pinned:
            html, words = shell.chosen, shell.wording.chosen
        else:
            html, words = shell.trending, shell.wording.trending_now
        return html, encode(textwrap.fill(words, TEXT_WIDTH))


def _around(inner: _Pieces, pieces: Sequence[bytes]) -> _Pieces:
    """Pieces with others between each two of them."""
    first, *others = pieces
    found = [first]
    for other in others:
        found += [*inner, other]
    return found


@dataclass(frozen=True, kw_only=True)
class Attached:
    """A page that is sent beside a letter, to be opened in a browser."""

    name: str  # ASCII, without quotes
    html: str


@dataclass(frozen=True, kw_only=True)
class Headers:
    """What the header of one mail tells beside what all of them do."""

    recipient: str
    subject: str
    at: datetime
    key: str  # opaque; of the Message-ID and the boundary
    issue_name: str  # before the key in the Message-ID
    language: str
    feedback: str = ""  # the first three parts of Feedback-ID
    unsubscribe_token: str = ""  # empty: it is no mail of a list


def assemble(
    masthead: Masthead,
    headers: Headers,
    fixed: bytes,
    *,
    html: Sequence[bytes],
    text: Sequence[bytes],
    sender: str,
    mail_signer: MailSigner | None = None,
    attached: Sequence[Attached] = (),
    vouched: bool = False,
) -> Message:
    """A whole mail of `fixed_headers`, its own headers, and two encoded parts, each in pieces.

    `vouched` says of the pieces that they can go over the line to a server as they are.
    """
    message_id = called(headers.issue_name, headers.key, masthead.domain)
    boundary = f"=_{headers.key}".encode()  # "=_" cannot stand in quoted-printable: RFC 2045 6.7
    lines = [
        fixed,
        b"To: " + headers.recipient.encode(),  # RFC 5322 3.6.3; UTF-8 by RFC 6532
        encoded_header("Subject", headers.subject),
        b"Date: " + _dated(headers.at),  # RFC 5322 3.6.1
        b"Message-ID: <" + message_id.encode() + b">",  # RFC 5322 3.6.4
        b"Content-Language: " + headers.language.encode(),  # RFC 3282 2
    ]
    if headers.unsubscribe_token:
        urls = leaving(masthead, headers.unsubscribe_token)
        folded = ",\r\n ".join([f"<{url}>" for url in urls])  # RFC 2369 2: folds between URIs only
        lines.append(b"List-Unsubscribe: " + folded.encode())  # RFC 2369 3.2
        if masthead.pages:
            lines.append(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click")  # RFC 8058 3.1
    if masthead.feedback_id and headers.feedback:
        lines.append(f"Feedback-ID: {headers.feedback}:{masthead.feedback_id}".encode())
    lines += (b"MIME-Version: 1.0", b"")  # RFC 2045 4
    head = _CRLF.join(lines)
    body: list[bytes] = [
        b'Content-Type: multipart/alternative; boundary="'
        + boundary
        + b'"\r\n\r\n',  # RFC 2046 5.1
        b"--" + boundary + b"\r\n" + _PLAIN_PART,
        *text,
        b"\r\n--" + boundary + b"\r\n" + _HTML_PART,
        *html,
        b"\r\n--" + boundary + b"--\r\n",
    ]
    if attached:
        body = _mixed(headers.key, body, attached)
    content = b"".join([head, *body])
    return Message(
        sender=sender,
        recipient=headers.recipient,
        message_id=message_id,
        subject=headers.subject,
        content=mail_signer.sign(content) if mail_signer else content,
        vouched=vouched and not attached and travels(head),
    )


def _mixed(key: str, body: list[bytes], attached: Sequence[Attached]) -> list[bytes]:
    """A body with pages beside it (RFC 2046 5.1.3)."""
    boundary = f"=_m{key}".encode()
    pages: list[bytes] = []
    for one in attached:
        pages += (
            b"\r\n--" + boundary + b"\r\n" + _HTML_TYPE,
            b'Content-Disposition: attachment; filename="' + one.name.encode("ascii") + b'"\r\n',
            b"\r\n",
            encode(one.html),
        )
    return [
        b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\n',
        b"--" + boundary + b"\r\n",
        *body,
        *pages,
        b"\r\n--" + boundary + b"--\r\n",
    ]


def letter(
    masthead: Masthead,
    headers: Headers,
    *,
    html: str,
    text: str,
    mail_signer: MailSigner | None = None,
    attached: Sequence[Attached] = (),
) -> Message:
    """A mail that is no digest, such as a confirmation."""
    return assemble(
        masthead,
        headers,
        fixed_headers(masthead),
        html=[encode(html)],
        text=[encode(text)],
        sender=masthead.bounces,
        mail_signer=mail_signer,
        attached=attached,
        vouched=True,
    )


def fixed_headers(masthead: Masthead) -> bytes:
    """The headers that all mails of a sender share."""
    return _CRLF.join(
        (
            b"From: " + mailbox(masthead.from_name, masthead.from_address),  # RFC 5322 3.6.2
            b"Reply-To: " + masthead.reply_to.encode(),
            b"List-Id: " + mailbox(masthead.title, masthead.list_id),  # RFC 2919 3: phrase and <id>
            b"List-Help: <mailto:" + quote(masthead.reply_to, safe="@").encode() + b">",  # RFC 2369
            b"Auto-Submitted: auto-generated",  # RFC 3834 5: responders stay quiet
        )
    )


def leaving(masthead: Masthead, token: str) -> tuple[str, ...]:
    """The URLs that end a subscription, the best first; exactly one of https (RFC 8058 3.1)."""
    mailto = unsubscribe_address(masthead.reply_to, token)
    return (f"{masthead.pages}/u/{token}", mailto) if masthead.pages else (mailto,)


def envelope_sender(masthead: Masthead, token: str) -> str:
    """Where a mail comes back to: with VERP, an address of its own below that of bounces."""
    local, _, domain = masthead.bounces.rpartition("@")
    return f"{local}+{token}@{domain}" if masthead.verp else masthead.bounces


def unsubscribe_address(reply_to: str, token: str) -> str:
    """The mailto URL (RFC 6068) that asks to be let go."""
    return f"mailto:{_quoted(reply_to)}?subject=unsubscribe%20{quote(token)}"


def mailbox(name: str, address: str) -> bytes:
    """A display name and an address as RFC 5322 3.4 writes them; RFC 2047 where needed."""
    if name.isascii():
        return formataddr((name, address)).encode()
    # Folded before the address too: a line with an encoded word has 76 characters at most.
    phrase = Header(name, charset="utf-8", header_name="Reply-To", maxlinelen=75)
    words = phrase.encode(linesep="\r\n")
    fits = len(words.rpartition("\n")[2]) + len("Reply-To:  <>") + len(address) <= 76
    gap = " " if fits else "\r\n "
    return f"{words}{gap}<{address}>".encode()


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


@lru_cache(maxsize=4096)
def _encoded_html(text: str) -> bytes:
    return encode(escape(text))


@lru_cache(maxsize=512)
def _dated(at: datetime) -> bytes:
    return format_datetime(at).encode()


@lru_cache(maxsize=64)
def _quoted(address: str) -> str:
    return quote(address, safe="@")


def _token(token: str) -> bytes:
    """A token of ours in a part, as it is: it holds nothing to encode, and fits a line."""
    return token.encode() + SOFT_BREAK if token else b""


def called(issue_name: str, key: str, domain: str) -> str:
    """The Message-ID of a digest, without angle brackets: the same whenever it is built."""
    return f"{issue_name}.{key}@{domain}"
