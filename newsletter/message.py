"""Joins the bytes of a mail: headers, and both parts from segments that are encoded already.

The standard library's `email` is the oracle in tests, not a tool here. Tracking is not there: no
open pixel, no redirected link; a stated choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from newsletter.dkim import MailSigner
from newsletter.quoted import encode, travels
from newsletter.snapshot import Masthead

_CRLF = b"\r\n"
_QUOTED = b"Content-Transfer-Encoding: quoted-printable\r\n"
_HTML_TYPE = b"Content-Type: text/html; charset=utf-8\r\n" + _QUOTED
_HTML_PART = _HTML_TYPE + b"\r\n"
_PLAIN_PART = b"Content-Type: text/plain; charset=utf-8\r\n" + _QUOTED + b"\r\n"


# Of what is made once a message: a frozen dataclass takes several times as long to make.


class Message(NamedTuple):
    """A finished mail and its envelope."""

    sender: str  # envelope sender, where bounces go
    recipient: str
    message_id: str  # without angle brackets
    subject: str
    content: bytes  # CRLF line ends, 7-bit but for an address that needs SMTPUTF8
    vouched: bool = False  # no other line ends, and no line begins with a dot: by how it was built


@dataclass(frozen=True, kw_only=True)
class Attached:
    """A page that is sent beside a letter, to be opened in a browser."""

    name: str  # ASCII, without quotes
    html: str


class Headers(NamedTuple):
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
    return f"mailto:{_quoted(reply_to)}?subject=unsubscribe%20{token}"


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


@lru_cache(maxsize=16_384)  # subjects, above all
def encoded_header(name: str, value: str) -> bytes:
    """A whole unstructured header field, folded at 75 columns, non-ASCII words by RFC 2047."""
    if any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise ValueError(f"control characters cannot stand in {name}: {value!r}")
    if value.isascii() and len(name) + 2 + len(value) <= 76 and "=?" not in value:
        return f"{name}: {value}".encode()
    header = Header(value, charset="utf-8", header_name=name, maxlinelen=75)
    return name.encode() + b": " + header.encode(linesep="\r\n").encode()


@lru_cache(maxsize=512)
def _dated(at: datetime) -> bytes:
    return format_datetime(at).encode()


@lru_cache(maxsize=64)
def _quoted(address: str) -> str:
    return quote(address, safe="@")


def called(issue_name: str, key: str, domain: str) -> str:
    """The Message-ID of a digest, without angle brackets: the same whenever it is built."""
    return f"{issue_name}.{key}@{domain}"
