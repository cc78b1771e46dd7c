"""Who asks, by the key that a request shows."""

from __future__ import annotations

from newsletter.errors import StoreError
from newsletter.store import keys
from newsletter.store.keys import ApiKey
from newsletter.web.site import Site


def holder(site: Site, key_text: str) -> ApiKey | None:
    """Whose key this is; None where it is none. Who shows nothing like one costs no query."""
    if not keys.is_like_one(key_text):
        return None
    now, database = site.clock(), site.app.database
    with database.read() as connection:
        found = keys.look(connection, key_text, now)
    if found is None:
        return None
    key, is_stale = found
    if is_stale:
        try:
            with database.write() as connection:
                keys.note(connection, key, now)
        except StoreError:
            pass  # the next request notes it
    return key
