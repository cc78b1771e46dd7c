"""Takes what says who a reader was out of everything that is kept beside the reader's own row."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from newsletter.store.schema import deliveries, delivery_events, delivery_history, letters, votes

GONE = "erased"


def erase(connection: Connection, subscriber_id: int) -> None:
    """Forgets votes and letters, and what servers said of deliveries: it may hold the address.

    The deliveries themselves stay, without a name, so that an issue's account still balances.
    """
    connection.execute(delete(votes).where(votes.c.subscriber_id == subscriber_id))
    connection.execute(delete(letters).where(letters.c.subscriber_id == subscriber_id))
    mine = deliveries.c.subscriber_id == subscriber_id
    ids = select(deliveries.c.id).where(mine)
    for column in (deliveries.c.reply, deliveries.c.reason):
        connection.execute(update(deliveries).where(mine, column != "").values({column: GONE}))
    for table in (delivery_events, delivery_history):
        held = table.c.delivery_id.in_(ids)
        connection.execute(update(table).where(held).values(words=GONE))
