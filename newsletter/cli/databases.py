"""The noun db."""

from __future__ import annotations

import click

from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import say
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
