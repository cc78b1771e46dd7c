"""demo: the main job on the saved page, offline, in a folder of its own."""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import click

from newsletter import pipeline, sources
from newsletter.app import App
from newsletter.cli import preview
from newsletter.cli.issues import describe, show_deliveries
from newsletter.cli.show import say
from newsletter.config import load
from newsletter.delivery import DeliveryState
from newsletter.errors import NewsletterError
from newsletter.issue import Issue
from newsletter.resources import folder
from newsletter.store import deliveries, ledger
from subscribers import store as subscribers
from subscribers.model import Consent, Preferences

SETTINGS = """\
# Settings of the demo. Try: newsletter --config {file} status
title = "Trending papers"

[sender]
address = "daily@example.org"
postal_address = "A demonstration on your own machine; nothing leaves it."

[sources.page]
path = {page!r}

[transports.maildir]
path = "mail"
"""


@click.command(epilog="Example: newsletter demo demo")
@click.argument("place", metavar="[FOLDER]", default="demo", type=click.Path(path_type=Path))
@click.option("--pictures/--no-pictures", default=True, help="PNGs, where a browser is found.")
def demo(place: Path, pictures: bool) -> None:
    """Run the main job on a saved page of 70 papers, in FOLDER (by default demo).

    Collects, subscribes five readers, composes, writes previews and sends into a local maildir.
    Run it again: nobody gets anything twice.
    """
    app = App(load(_settings(place), {}))
    try:
        _run(app, place, pictures)
    finally:
        app.close()


def _run(app: App, place: Path, pictures: bool) -> None:
    now = datetime.now(UTC)
    page = folder("seeds") / "trending-papers.txt"
    chosen = [sources.build("page", {"path": str(page)}, place)]
    (got,) = pipeline.collect(app.database, app.fetcher, chosen, now)
    if got.error is not None:
        raise got.error
    say(f"Collected {got.papers} papers from the saved page, {got.new} of them new.")
    readers = _subscribe(app, now)
    say(f"Subscribed {len(readers)} readers.")
    done = pipeline.compose(app.database, app.renderer, app.catalogue, app.terms, now)
    if done.issue is None:
        say("Nothing to publish: these papers were collected too long ago. Remove the folder.")
        return
    issue = done.issue
    say(f"Composed issue {issue.name}: {len(issue.candidates)} candidates.")
    _send(app)
    with app.database.read() as connection:
        entries = ledger.entries(connection, issue.id)
    if done.fresh:
        _previews(app, issue, entries, place / "previews", pictures)
    show_deliveries([describe(issue, one) for one in entries])
    say("")
    say(f"Mail      {place / 'mail' / 'new'}   a maildir; open it with any mail program")
    say(f"Previews  {place / 'previews'}   .html, .txt and .eml of each mail, .png with a browser")
    say(f"Ask more  newsletter --config {place / 'newsletter.toml'} status")
    say(f"Again     newsletter demo {place}   nobody gets anything twice")


def _settings(place: Path) -> Path:
    """The demo's own settings file, written once."""
    file = place / "newsletter.toml"
    try:
        place.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            page = str(folder("seeds") / "trending-papers.txt")
            file.write_text(SETTINGS.format(file=file, page=page), encoding="utf-8")
    except OSError as error:
        raise NewsletterError(f"Cannot write to {place}: {error.strerror}.") from error
    return file


def _subscribe(app: App, now: datetime) -> list[str]:
    cast = tomllib.loads((folder("seeds") / "demo.toml").read_text(encoding="utf-8"))["reader"]
    consent = Consent(at=now, form="demo")
    with app.database.write() as connection:
        for reader in cast:
            wants = Preferences(
                follows=frozenset(app.catalogue.get(slug).slug for slug in reader["follows"]),
                mutes=frozenset(app.catalogue.get(slug).slug for slug in reader.get("mutes", [])),
                length=reader.get("length", Preferences().length),
            )
            subscribers.subscribe(connection, reader["address"], wants, consent)
    return [reader["address"] for reader in cast]


def _send(app: App) -> None:
    now = datetime.now(UTC)
    with app.database.write() as connection:
        deliveries.bring_forward(connection, now)  # the demo does not wait for 08:00
    post = app.post(f"demo/{secrets.token_hex(8)}", lambda: datetime.now(UTC))
    done = pipeline.dispatch(app.database, app.signer, post)
    if done.stranded is not None:
        raise done.stranded
    sent = done.states[DeliveryState.SENT]
    if sent:
        say(f"Sent {sent} digests into the maildir.")
    else:
        say("Sent nothing: everybody has this issue already, and nobody gets it twice.")


def _previews(
    app: App, issue: Issue, entries: Sequence[ledger.Entry], place: Path, pictures: bool
) -> None:
    edition = pipeline.Edition(issue, app.signer, app.mail_signer)
    mails = [(one.address, edition.message(one)) for one in entries if one.picks != "[]"]
    with ThreadPoolExecutor(max_workers=2) as pool:  # the browser is what takes time
        jobs = [
            pool.submit(preview.write, mail, place, address, pictures=pictures)
            for address, mail in mails
        ]
        written = [path for job in jobs for path in job.result()]
    photos = sum(path.suffix == ".png" for path in written)
    say(f"Wrote {len(mails)} previews" + (f" with {photos} pictures." if photos else "."))
