"""The noun db."""

from __future__ import annotations

from pathlib import Path

import click

from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import say
from newsletter.errors import StoreError
from newsletter.store import backups
from newsletter.store.database import HEAD


@click.group()
def db() -> None:
    """The database and its schema."""


@db.command("upgrade", epilog="Example: newsletter db upgrade")
@pass_app
def upgrade(app: App) -> None:
    """Make the schema current. The embedded database does so by itself."""
    before = app.bare_database.revision()
    app.bare_database.upgrade()
    if before == HEAD:
        say(f"{app.bare_database.shown} was at schema {HEAD} already.")
    else:
        say(f"{app.bare_database.shown} went from schema {before or 'none'} to {HEAD}.")


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
