"""Which commands keep a log: those that run for long, and others where the settings ask for it."""

from __future__ import annotations

import os
import sys

import newsletter
from newsletter import logs
from newsletter.app import App
from newsletter.log_events import Event, Level

SERVICES = ("run", "serve", "worker")


def keep(app: App, command: str | None) -> None:
    """Keeps a log as [log] says, where this command keeps one.

    Services always do; sending does where [log] is set, and any other command where besides nobody
    watches it on a terminal, as in a timer of a machine that collects logs.
    """
    own = app.settings.log
    watched = sys.stderr.isatty()
    wished = bool({"log.format", "log.level"} & app.config.origins.keys())
    if not _keeps(command, watched=watched, wished=wished):
        return
    people = own.format == "console" or (own.format == "auto" and watched)
    coloured = watched and not os.environ.get("NO_COLOR")
    logs.keep(people=people, level=Level[own.level.upper()], colours=coloured)
    if command in SERVICES:
        file = app.config.file
        number = len(app.config.origins)
        logs.tell(Event.CONFIG_LOADED, file=file, settings=number, version=newsletter.__version__)


def _keeps(command: str | None, *, watched: bool, wished: bool) -> bool:
    if command in SERVICES:
        return True
    return wished and (command == "send" or not watched)
