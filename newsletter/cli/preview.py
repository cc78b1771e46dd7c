"""preview: the very bytes that send would hand over, shown before they leave."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.browser import photograph
from newsletter.cli.options import chosen_issue, pass_app
from newsletter.cli.show import say
from newsletter.cli.watch import serve
from newsletter.errors import NewsletterError, RequestError
from newsletter.message import Message
from newsletter.pipeline import Edition
from newsletter.store import editor_acts, ledger
from subscribers import store as subscribers
from subscribers.model import LONGEST

HEADERS = ("From", "To", "Subject", "Date")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A message taken apart again, by the standard library."""

    headers: dict[str, str]
    text: str
    html: str


@click.command(epilog="Example: newsletter preview asa@example.org --out previews")
@click.argument("address", required=False)
@click.option("--issue", "day", metavar="DATE", help="The issue; by default the newest.")
@click.option("--open", "opened", is_flag=True, help="Open it in your browser.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write .eml, .html, .txt, .png."
)
@click.option("--text", "text_only", is_flag=True, help="Print the text part only.")
@click.option("--length", type=click.IntRange(1, LONGEST), help="As if this many were wanted.")
@click.option("--watch", is_flag=True, help="Serve it, drawn anew whenever a template changes.")
@click.option("--port", type=click.IntRange(0, 65535), default=8025, help="Where --watch serves.")
@click.option("--raw", is_flag=True, help="Print the message byte for byte.")
@pass_app
def preview(
    app: App,
    address: str | None,
    day: str | None,
    opened: bool,
    out: Path | None,
    text_only: bool,
    length: int | None,
    watch: bool,
    port: int,
    raw: bool,
) -> None:
    """Show the digest of ADDRESS, or without one what a reader of no particular topic gets."""
    if raw and (text_only or opened or out is not None):
        raise RequestError("--raw goes without --text, --open and --out.")
    if watch:
        built(app, address, day, length)  # what cannot be shown is told before anything is served
        serve(app, lambda again: _drawn(again, address, day, length), port)
        return
    message = built(app, address, day, length)
    parts = take_apart(message.content)
    if raw:
        sys.stdout.buffer.write(message.content)
        return
    if out is not None:
        written = write(message, out, address or "everybody")
        say("Wrote " + ", ".join(str(path) for path in written) + ".")
        if not any(path.suffix == ".png" for path in written):
            say("No picture: no Chromium was found on the PATH.")
    if opened:
        page = Path(tempfile.mkdtemp(prefix="newsletter-")) / "preview.html"
        page.write_text(parts.html, encoding="utf-8")
        if not webbrowser.open(page.as_uri()):
            raise NewsletterError(f"No browser could be started; the page is {page}.")
        say(f"Opened {page}.")
    if out is None and not opened:
        if not text_only:
            say("\n".join(f"{name}: {value}" for name, value in parts.headers.items()) + "\n")
        say(parts.text.rstrip("\n"))


def built(
    app: App,
    address: str | None,
    day: str | None,
    length: int | None = None,
    *,
    redraw: bool = False,
) -> Message:
    """The message of a reader's delivery, or the general one; raises RequestError.

    With `redraw` as templates and settings would draw it now; `length` as if the reader had
    followed nothing and asked for that many papers.
    """
    if length is not None and address is not None:
        raise RequestError("Name a reader or --length, not both: a reader has a length.")
    with app.database.read() as connection:
        issue = chosen_issue(connection, day)
        if redraw:
            issue = pipeline.draw_again(app.database, app.renderer, app.catalogue, app.terms, issue)
        edition = Edition(issue, app.signer, app.mail_signer)
        if address is None:
            hidden = editor_acts.hidden(connection, issue)
            return edition.general(app.settings.sender.address, hidden, length)
        reader = subscribers.get(connection, address)
        found = ledger.entries(connection, issue.id, subscriber_id=reader.id)
    if not found:
        raise RequestError(
            f"{reader.address} has no delivery of issue {issue.name}. If it is a day the reader "
            "chose, `newsletter compose` adds it."
        )
    if found[0].picks == "[]":
        raise RequestError(f"{reader.address} gets nothing of {issue.name}: {found[0].reason}.")
    return edition.message(found[0])


def _drawn(app: App, address: str | None, day: str | None, length: int | None) -> tuple[str, str]:
    parts = take_apart(built(app, address, day, length, redraw=True).content)
    return parts.html, parts.text


def take_apart(content: bytes) -> Parts:
    """Headers and both parts of a finished message."""
    mail = message_from_bytes(content, policy=policy.default)
    return Parts(
        headers={name: str(mail[name]) for name in HEADERS},
        text=_body(mail, "plain"),
        html=_body(mail, "html"),
    )


def _body(mail: EmailMessage, kind: str) -> str:
    part: Any = mail.get_body((kind,))  # typeshed leaves its content manager open
    return "" if part is None else str(part.get_content()).replace("\r\n", "\n")


def write(message: Message, folder: Path, name: str, *, pictures: bool = True) -> list[Path]:
    """Writes a message as files for people; the picture only where there is a browser."""
    parts = take_apart(message.content)
    stem = "".join(c if c.isalnum() or c in "@.-+_" else "_" for c in name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mail, page, text = (folder / f"{stem}{suffix}" for suffix in (".eml", ".html", ".txt"))
        mail.write_bytes(message.content)
        page.write_text(parts.html, encoding="utf-8")
        text.write_text(parts.text, encoding="utf-8")
    except OSError as error:
        raise NewsletterError(f"Cannot write previews to {folder}: {error.strerror}.") from error
    picture = photograph(page, folder / f"{stem}.png") if pictures else None
    return [mail, page, text, *([picture] if picture else [])]
