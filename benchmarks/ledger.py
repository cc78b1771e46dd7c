"""The ledger alone: a delivery claimed, begun and finished, beside one row at a time.

Run: python -m benchmarks.ledger [--rows 20000,1000000] [--rounds 3] [--database URL]

The rows all wait and are all due. Ours does what a run of sending does, in its groups and
transactions; the baseline takes the next row, marks it as leaving, commits, marks it as sent,
commits: in the same tables, by the same driver, with the same durability. A database server's own
CPU is not in the figures; the wall is.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Table, text

from benchmarks import results
from benchmarks.metering import Meter, alternated, machine
from benchmarks.publication import Manner, Seed, prepare
from benchmarks.results import OURS, Result, Round
from newsletter import pipeline
from newsletter.app import App
from newsletter.delivery import Decision, DeliveryState
from newsletter.pipeline.dispatch import BATCH
from newsletter.store import claiming, deliveries
from newsletter.store.claiming import Finished
from newsletter.store.database import Database
from newsletter.store.schema import deliveries as deliveries_table
from subscribers.schema import subscribers as subscribers_table

ONE_BY_ONE = "one row at a time"
LEASE = timedelta(minutes=15)
REPLY = "250 2.0.0 Ok"

# What is not as in the row that is multiplied.
OWN = {
    "id": "id + n",
    "subscriber_id": "subscriber_id + n",
    "address": "'reader' || n || '@d' || (n % 500) || '.example.org'",
    "address_key": "'reader' || n || '@d' || (n % 500) || '.example.org'",
    "domain": "'d' || (n % 500) || '.example.org'",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures every N, prints a table and growth, and keeps the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=results.numbers, default=[20_000, 1_000_000], metavar="N,N")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=5000, help="deliveries a round")
    parser.add_argument("--connections", type=int, default=40)
    parser.add_argument("--database", metavar="URL", help="a PostgreSQL server; databases are made")
    parser.add_argument("--results", type=Path, metavar="FILE", help="where lines of JSON are kept")
    asked = parser.parse_args(arguments)
    manner = Manner(connections=asked.connections, database=asked.database)
    found: list[Result] = []
    for rows in asked.rows:
        with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as place:
            seed = prepare(Path(place), 1, manner)
            try:
                found += _one(seed, rows, manner, asked)
            finally:
                seed.remove()
    results.keep(asked.results, found)
    results.show(found)
    mine = [one for one in found if one.program == OURS]
    for one in mine[1:]:
        print(f"From {mine[0].number:,} rows to {one.number:,}: {one.cpu / mine[0].cpu:.2f} x CPU")


def _one(seed: Seed, rows: int, manner: Manner, asked: argparse.Namespace) -> list[Result]:
    app = seed.app(seed.place, port=25, manner=manner)
    _fill(app, rows)
    database = app.database
    many = min(asked.sample, rows // (2 * asked.rounds))
    few = max(many // 10, 1)
    programs: dict[str, Callable[[], Round]] = {
        OURS: partial(_measured, _grouped, database, many, manner.connections),
        ONE_BY_ONE: partial(_measured, _one_by_one, database, few, 1),
    }
    rounds = alternated(programs, asked.rounds)
    app.close()
    kind = "PostgreSQL" if manner.database else "SQLite"
    return [
        Result(
            bench="ledger",
            program=name,
            number=rows,
            measured=many if name == OURS else few,
            rounds=some,
            unit="delivery",
            terms={"database": kind, "connections": manner.connections, **machine()},
        )
        for name, some in rounds.items()
    ]


def _fill(app: App, rows: int) -> None:
    """One reader and one delivery of the product's own, multiplied."""
    now = datetime.now(UTC)
    pipeline.compose(app.database, app.renderer, app.catalogue, app.terms, now)
    with app.database.write() as connection:
        deliveries.bring_forward(connection, now)
        for table in (subscribers_table, deliveries_table):
            connection.execute(text(_multiplied(table)), {"most": rows - 1})


def _multiplied(table: Table) -> str:
    names = [column.name for column in table.columns]
    values = [OWN.get(name, f'"{name}"') for name in names]
    listed = ", ".join(f'"{name}"' for name in names)
    return (
        "WITH RECURSIVE numbers(n) AS "
        "(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :most) "
        f"INSERT INTO {table.name} ({listed}) SELECT {', '.join(values)} "
        f"FROM {table.name} CROSS JOIN numbers"
    )


def _measured(
    act: Callable[[Database, int, int], int], database: Database, many: int, connections: int
) -> Round:
    with Meter() as meter:
        done = act(database, many, connections)
    if done != many:
        raise SystemExit(f"{done} deliveries were finished, of {many}.")
    return Round(cpu=meter.cpu * 1e6 / many, wall=meter.wall * 1e6 / many)


def _grouped(database: Database, many: int, connections: int) -> int:
    """As a run of sending does it, whose messages are all taken at once."""
    done = 0
    ended: list[Finished] = []
    while done + len(ended) < many:
        now = datetime.now(UTC)
        most = min(BATCH, many - done - len(ended))
        with database.write() as connection:
            held = claiming.claim(connection, owner="bench", now=now, lease=LEASE, limit=most)
        for start in range(0, len(held), connections):
            group = held[start : start + connections]
            with database.write() as connection:
                done += len(claiming.finish(connection, "bench", ended, now))
                begun = claiming.begin(connection, "bench", group, now, LEASE)
            ended = [
                Finished(
                    claim=one,
                    decision=Decision(state=DeliveryState.SENT, reason=""),
                    transport="smtp",
                    reply=REPLY,
                )
                for one in group
                if one.id in begun
            ]
    with database.write() as connection:
        done += len(claiming.finish(connection, "bench", ended, datetime.now(UTC)))
    return done


def _one_by_one(database: Database, many: int, _: int) -> int:
    take = text(
        "SELECT d.id, d.picks, s.address FROM deliveries d "
        "JOIN subscribers s ON s.id = d.subscriber_id "
        "WHERE d.state = 'queued' AND d.next_at <= :now ORDER BY d.next_at, d.id LIMIT 1"
    ).bindparams(now=_stored(database, datetime.now(UTC) + timedelta(days=1)))
    begin = text("UPDATE deliveries SET state = 'sending' WHERE id = :id")
    end = text("UPDATE deliveries SET state = 'sent', sent_at = :at, reply = :reply WHERE id = :id")
    for _ in range(many):
        with database.write() as connection:
            row = connection.execute(take).one()
            connection.execute(begin, {"id": row.id})
        told = {"id": row.id, "at": _stored(database, datetime.now(UTC)), "reply": REPLY}
        with database.write() as connection:
            connection.execute(end, told)
    return many


def _stored(database: Database, at: datetime) -> datetime | str:
    """An instant as the database keeps it."""
    return at.replace(tzinfo=None).isoformat(" ") if database.embedded else at


if __name__ == "__main__":
    main()
