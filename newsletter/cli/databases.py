"""The noun db."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from newsletter import engines
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import as_json, counted, dump, progress, say, table
from newsletter.errors import StoreError
from newsletter.pipeline import pruning
from newsletter.pipeline.pruning import Retention
from newsletter.store import backups
from newsletter.store.database import HEAD


@click.group()
def db() -> None:
    """The database and its schema."""


@db.command("upgrade", epilog="Example: newsletter db upgrade")
@pass_app
def upgrade(app: App) -> None:
    """Make the schema current, and the tables of the queue where schedule.engine has one.

    The embedded database does so by itself.
    """
    before = app.bare_database.revision()
    copy = app.bare_database.upgrade()
    if before == HEAD:
        say(f"{app.bare_database.shown} was at schema {HEAD} already.")
    else:
        kept = f" As it was before it is {copy}." if copy is not None else ""
        say(f"{app.bare_database.shown} went from schema {before or 'none'} to {HEAD}.{kept}")
    if app.settings.schedule.engine == engines.QUEUE and engines.queue(app).make():
        say("The tables of the queue were made; what waited in it is made again by the clock.")


@db.command("show", epilog="Example: newsletter db show")
@pass_app
def show_(app: App) -> None:
    """Tell which database this is, and its schema."""
    found = app.bare_database.revision()
    current = "current" if found == HEAD else f"this version needs {HEAD}"
    say(f"{app.bare_database.shown}: schema {found or 'none'}, {current}.")


@db.command("backup", epilog="Example: newsletter db backup papers-2026-03-11.db")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_app
def backup(app: App, file: Path) -> None:
    """Copy the embedded database into FILE, as it is at one instant, also while it is used.

    Keep the key that signs links (secret.key) with it: without it links in mails stop working.
    """
    size = backups.backup(app.database, file)
    say(f"Copied {app.database.shown} to {file}, {size:,} bytes; the copy is whole.")


@db.command("check", epilog="Example: newsletter db check")
@pass_app
def check(app: App) -> None:
    """Tell whether the embedded database's file is whole."""
    wrong = backups.check(app.bare_database)
    if wrong:
        raise StoreError(
            f"{app.bare_database.shown} is broken: {wrong}. Restore a backup by "
            "`newsletter db restore FILE`."
        )
    say(f"{app.bare_database.shown} is whole.")


@db.command("restore", epilog="Example: newsletter db restore papers-2026-03-11.db")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_app
def restore(app: App, file: Path) -> None:
    """Put the backup FILE in the place of the embedded database.

    What was there stays beside it. Nobody may use the database meanwhile. What was sent since the
    backup is not known afterwards and would be sent again: look at `newsletter status` first.
    """
    before = backups.restore(app.bare_database, file)
    kept = f" What was there is {before}." if before is not None else ""
    say(f"Restored {app.bare_database.shown} from {file}.{kept}")


# What people call the rows of a table.
NAMES = {
    "deliveries": "ended deliveries",
    "delivery_history": "what became of tries of them",
    "delivery_events": "what came back of them",
    "letters": "letters",
    "subscriber_events": "events of subscriptions",
    "address_changes": "changes of address asked for",
    "votes": "votes of erased readers",
    "subscribers": "erased readers",
    "observations": "looks at papers",
    "topics": "own rules that nobody follows",
    "source_pending": "requests that sources left",
    "turns": "turns at hosts",
    "day_counts": "days of transports that warm up",
    "request_counts": "counts of requests",
    "text_vectors": "vectors of texts",
}


@db.command("prune", epilog="Example: newsletter db prune --dry-run")
@click.option("--dry-run", is_flag=True, help="Tell what would go; change nothing.")
@as_json
@pass_app
def prune(app: App, dry_run: bool, as_json: bool) -> None:
    """Forget what is older than [retention] says. `newsletter run` does it each day.

    Issues, papers and suppressions stay, and so does what keeps a paper from coming twice. It can
    be stopped and run again, and beside everything else.
    """
    terms, now = Retention.of(app.settings.retention), datetime.now(UTC)
    if dry_run:
        done = pruning.foresee(app.database, terms, now)
    else:
        with progress("Forgetting", None) as advance:
            done = pruning.prune(app.database, terms, now, advance)
    rows = {name: done.rows.get(name, 0) for name in NAMES}
    if as_json:
        dump({"dry_run": dry_run, "rows": rows, "total": done.total})
        return
    if done.total:
        shown = [[NAMES[name], number] for name, number in rows.items() if number]
        table(["What", "Would go" if dry_run else "Gone"], shown)
    room = " `newsletter db vacuum` gives their room back." if done.total and not dry_run else ""
    told = counted(done.total, "row") if done.total else "Nothing"
    say(f"{told} {'would go' if dry_run else 'gone' if done.total else 'had to go'}.{room}")


@db.command("vacuum", epilog="Example: newsletter db vacuum")
@pass_app
def vacuum(app: App) -> None:
    """Give the room of what was removed back, and have the database plan anew.

    Who writes to the embedded database waits meanwhile, so do it while nothing is sent; it needs
    as much room again as the file has. PostgreSQL keeps the room for what comes.
    """
    before, after = backups.vacuum(app.database)
    say(f"{app.database.shown}: {before:,} bytes before, {after:,} after.")
