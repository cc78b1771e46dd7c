"""Runs migrations on the connection that `Database.upgrade` hands over."""

from __future__ import annotations

from alembic import context

import newsletter.store.schema  # noqa: F401  the tables register themselves
from subscribers.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
context.run_migrations()
