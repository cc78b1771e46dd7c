"""The noun bounces: what came back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.options import limit, pass_app
from newsletter.cli.show import as_json, counted, dump, progress, say, table
from newsletter.errors import MailboxError, RequestError
from newsletter.mailboxes import IMAPS, Account, Imap, Mailbox, Maildir, MailFile
from newsletter.options import read_secret
from newsletter.pipeline import TakenBack, What

QUIET = (What.KNOWN, What.DELAYED, What.AUTO_REPLY, What.OTHER)  # counted, and told by --json


@click.group()
def bounces() -> None:
    """What came back: returned mail, spam reports, wishes to leave, answers that confirm."""


@bounces.command(epilog="Example: newsletter bounces process --maildir /var/mail/bounces")
@click.option("--maildir", type=click.Path(path_type=Path), help="A maildir: what is in its new/.")
@click.option("--file", "file", metavar="FILE", help='An mbox or one message; "-" reads a pipe.')
@click.option("--imap", "host", metavar="HOST", help="An IMAP server; always over TLS.")
@click.option("--port", type=click.IntRange(1, 65535), default=IMAPS, show_default=True)
@click.option("--user", help="Whom to log in as.")
@click.option(
    "--password-file", type=click.Path(path_type=Path), help="A file whose first line is it."
)
@click.option("--folder", default="INBOX", show_default=True, help="The folder to read.")
@click.option("--move-to", metavar="FOLDER", help="Where done messages go; else they are seen.")
@click.option(
    "--ca-file", type=click.Path(path_type=Path), help="Whose certificates the server may show."
)
@limit
@as_json
@pass_app
def process(
    app: App,
    maildir: Path | None,
    file: str | None,
    host: str | None,
    port: int,
    user: str | None,
    password_file: Path | None,
    folder: str,
    move_to: str | None,
    ca_file: Path | None,
    limit: int,
    as_json: bool,
) -> None:
    """Read returned mail, and silence the addresses that the rule silences.

    Only what carries the token of a mail of ours (see sender.verp) or its Message-ID counts; the
    rest is told as unauthenticated and changes nothing. Reading a mailbox twice changes nothing
    either. Unsubscribe mails and answers to confirmations are followed. Letters stay where they
    are, unread.
    """
    if sum(bool(one) for one in (maildir, file, host)) != 1:
        raise RequestError("Name one of --maildir, --file and --imap.")
    if host is None and any(one is not None for one in (user, password_file, move_to, ca_file)):
        raise RequestError("--user, --password-file, --move-to and --ca-file go with --imap.")
    mailbox: Mailbox
    if maildir is not None:
        mailbox = Maildir(maildir)
    elif file:
        mailbox = MailFile(file)
    else:
        mailbox = _imap(str(host), port, user, password_file, folder, move_to, ca_file)
    try:
        with progress("Reading", None) as advance:
            done = pipeline.take_back(
                app.database,
                app.signer,
                mailbox,
                lambda: datetime.now(UTC),
                advance,
                app.terms.zone,
            )
    finally:
        mailbox.close()
    if as_json:
        dump(_row(done))
    else:
        _tell(done, limit)
    if done.unreadable:
        others = len(done.unreadable) - 1
        like_it = f" So it is with {counted(others, 'other')}." if others else ""
        raise MailboxError(f"{done.unreadable[0]} All that can be read was.{like_it}")


def _imap(
    host: str,
    port: int,
    user: str | None,
    password_file: Path | None,
    folder: str,
    move_to: str | None,
    ca_file: Path | None,
) -> Imap:
    password = read_secret(None, password_file, "password")
    if user is None or password is None:
        raise RequestError("--imap goes with --user and --password-file.")
    return Imap(
        Account(
            host=host,
            port=port,
            user=user,
            password=password,
            folder=folder,
            aside=move_to,
            ca_file=ca_file,
        )
    )


def _tell(done: TakenBack, limit: int) -> None:
    rows = [one for one in done.taken if one.what not in QUIET]
    if rows:
        table(
            ["What", "Reader", "Issue", "Code", "What follows"],
            [
                [one.what, one.address, one.issue, one.code, one.follows or one.words]
                for one in rows[:limit]
            ],
        )
    if len(rows) > limit:
        say(f"{limit} of {len(rows)} shown; --limit shows more.")
    for address, reason in done.lifted:
        say(f"{address} gets mail again: {reason}")
    if done.settled:
        what = "delivery that was" if len(done.settled) == 1 else "deliveries that were"
        say(f"{len(done.settled)} {what} unknown turned out to have been sent.")
    told = ", ".join(f"{done.counts[what]} {what}" for what in What if done.counts[what])
    read = counted(done.counts.total(), "message")
    say(f"{read} read: {told}." if told else "There was nothing to read.")


def _row(done: TakenBack) -> dict[str, Any]:
    return {
        "counts": {what.value: done.counts[what] for what in What},
        "messages": [vars(one) for one in done.taken],
        "settled": len(done.settled),
        "unreadable": done.unreadable,
        "lifted": [{"address": address, "reason": reason} for address, reason in done.lifted],
    }
