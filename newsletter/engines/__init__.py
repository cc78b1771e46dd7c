"""Engines: where the jobs of a publication are done, in this process or by workers anywhere.

The verbs are the same and so is the ledger, which alone knows about readers; an engine only decides
which process does a job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.app import App
from newsletter.errors import ConfigError
from newsletter.jobs import Engine, Here

if TYPE_CHECKING:
    from newsletter.engines.queued import Queued

QUEUE = "procrastinate"
__all__ = ["build", "queue"]


def build(app: App) -> Engine:
    """The engine of schedule.engine, ready to take jobs; raises ConfigError or StoreError."""
    if app.settings.schedule.engine != QUEUE:
        return Here()
    found = queue(app)
    found.prepare()
    return found


def queue(app: App) -> Queued:
    """The queue of this publication; raises ConfigError where the settings have none."""
    own = app.settings.schedule.engine
    if own != QUEUE:
        raise ConfigError(
            f'There is no queue: schedule.engine is "{own}", so `newsletter run` does everything '
            f'itself. Set schedule.engine = "{QUEUE}" on every machine.'
        )
    database = app.bare_database
    if database.embedded:
        raise ConfigError(
            f'schedule.engine = "{QUEUE}" needs PostgreSQL, which many machines can share, and '
            f"database.url is {database.shown}. Name a PostgreSQL database there, or set "
            'schedule.engine = "embedded".'
        )
    try:
        from newsletter.engines.queued import Queued  # here: the library is an extra
    except ModuleNotFoundError as error:
        raise ConfigError(
            f'schedule.engine = "{QUEUE}" needs the package {error.name}; '
            "install it with: pip install 'trending-papers[postgres]'"
        ) from error
    return Queued(database)
