"""How often pages may make a mail go out: by network, by address, by domain."""

from __future__ import annotations

from datetime import datetime, timedelta

from newsletter.app import App
from newsletter.store import request_counts
from newsletter.store.database import Connection
from newsletter.web.security import network
from subscribers import addresses

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class TooOften(Exception):
    """Somebody asked more often than the settings let them."""


def count(
    app: App, connection: Connection, client: str | None, address: str, now: datetime
) -> bool:
    """Counts a wish for a mail to an address; whether the address may be written to.

    Raises TooOften where a network asks too much; None is a program of the operator's. What an
    address or a domain is asked for too often is not told: it would say that others ask too.
    """
    own = app.settings.pages
    key = addresses.key(address)

    def asked(what: str, whose: str, window: timedelta) -> int:
        name = f"{what}/{app.signer.opaque(f'{what}/{whose}')}"
        return request_counts.count(connection, name, window, now)

    if client is not None and asked("network", network(client), HOUR) > own.asks_per_network:
        raise TooOften
    mine = asked("address", key, DAY) <= own.asks_per_address
    theirs = asked("domain", addresses.domain(address), HOUR) <= own.asks_per_domain
    return mine and theirs
