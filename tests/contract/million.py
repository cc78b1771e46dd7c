"""A ledger of a million deliveries, made by the database itself: twenty issues to 50,000 readers.

The newest issue is under way, the others are over. Nothing has a text longer than it needs.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Integer,
    String,
    Table,
    case,
    cast,
    func,
    insert,
    literal,
    literal_column,
    select,
    true,
)

from newsletter.store.database import Database
from newsletter.store.schema import (
    deliveries,
    delivery_events,
    delivery_history,
    issue_papers,
    issues,
    letters,
    papers,
)
from subscribers.schema import Instant, subscribers, suppressions

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
NEWEST = 20
READERS = 50_000
DOMAINS = 400  # as many readers each
DAY = timedelta(days=1)
SNAPSHOT = {
    "masthead": dict.fromkeys(
        ("title", "from_name", "from_address", "reply_to", "bounces", "list_id", "domain"), ""
    ),
    "language": "en",
    "shells": {},
    "chips": {},
}


def fill(database: Database) -> None:
    """Writes all of it into an empty database of the newest schema."""
    with database.write() as connection:
        if database.embedded:
            connection.exec_driver_sql("PRAGMA cache_size = -200000")
        else:  # neither a log that nobody reads, nor a look at each row that is referred to
            for table in (delivery_history, delivery_events, deliveries):
                connection.exec_driver_sql(f"ALTER TABLE {table.name} SET UNLOGGED")
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        _papers_and_issues(connection)
        _readers(connection)
        _deliveries(connection)
        _beside(connection)
        if not database.embedded:  # as its autovacuum does; SQLite counts nothing by itself
            connection.exec_driver_sql("ANALYZE")


def _papers_and_issues(connection: Connection) -> None:
    empty = {"title": "T", "abstract": "", "authors": [], "classes": [], "detail": {}}
    names = [f"p{number}" for number in range(NEWEST * 10)]
    connection.execute(
        insert(papers), [empty | {"id": name, "first_seen_at": NOW} for name in names]
    )
    for number in range(1, NEWEST + 1):
        at = NOW - (NEWEST - number) * DAY - timedelta(hours=6)
        row = {"id": number, "day": at.date(), "composed_at": at, "snapshot": SNAPSHOT}
        connection.execute(insert(issues), row | {"paused": False, "cancelled": False})
        held = {"issue_id": number, "seen": at.date(), "trend": 1.0, "pinned": False}
        held |= {"matches": {"x": 1.0}, "card": {"title": "T", "pinned": False, "faces": {}}}
        connection.execute(
            insert(issue_papers),
            [held | {"place": one, "paper_id": names[number * 10 - 10 + one]} for one in range(10)],
        )


def _readers(connection: Connection) -> None:
    i = _series(READERS).c.i
    name = literal("r") + cast(i, String) + "@d" + cast(i % DOMAINS, String) + ".example.org"
    values: dict[str, ColumnElement[object]] = {
        "id": i,
        "address": name,
        "address_key": name,
        "domain": literal("d") + cast(i % DOMAINS, String) + ".example.org",
        "state": case((i % 50 == 0, "unsubscribed"), else_="confirmed"),
        "follows": literal('["x"]'),
        "mutes": literal("[]"),
        "at": literal("08:00"),
        "zone": literal("UTC"),
        "days": literal("01234"),
        "length": literal(10),
        "language": literal(""),
        "consent_at": _instant(NOW - 90 * DAY),
        "consent_form": literal("test"),
        "next_due_at": case(
            (i % 50 == 0, None),
            (i % 100 == 1, _instant(NOW - timedelta(minutes=5))),
            else_=_instant(NOW + DAY),
        ),
    }
    _insert(connection, subscribers, values)


def _deliveries(connection: Connection) -> None:
    reader, issue = subscribers.c.id, issues.c.id
    new = issue == NEWEST
    tenth = reader % 10
    hour = timedelta(hours=1)
    later = case(*((reader % 7 == n, _instant(NOW + n * hour)) for n in range(1, 7)), else_=None)
    due = case(
        (new & tenth.in_((5, 6)), func.coalesce(later, _instant(NOW + 7 * hour))),
        (new, _instant(NOW - hour)),
        *((issue == n, _instant(NOW - (NEWEST - n) * DAY)) for n in range(1, NEWEST)),
    )
    state = case(
        (new & (reader % 500 == 7), "sending"),
        (new & (reader % 500 == 8), "unknown"),
        (new & tenth.in_((5, 6, 7)), "queued"),
        (new & (tenth == 8), "deferred"),
        (tenth == 9, "skipped"),
        (reader % 50 == 3, "failed"),
        else_="sent",
    )
    waits = new & tenth.in_((5, 6, 7, 8))
    values: dict[str, ColumnElement[object]] = {
        "issue_id": issue,
        "subscriber_id": reader,
        "state": state,
        "reason": case((tenth == 9, "no papers"), (tenth == 8, "450 later"), else_=""),
        "picks": case((tenth == 9, "[]"), else_='[[0,1.0,["x"]],[1,0.5,["x"]]]'),
        "kind": literal("daily"),
        "language": literal(""),
        "beyond": literal(0),
        "due_at": due,
        "next_at": case((new & (tenth == 8), _instant(NOW + hour)), else_=due),
        "tries": literal(0),
        "attempt": case((waits, 0), else_=1),
        "owner": case((new & (reader % 500 == 7), "one"), else_=None),
        "lease_until": case(
            (new & (reader % 500 == 7) & (reader % 1000 < 500), _instant(NOW - hour)),
            (new & (reader % 500 == 7), _instant(NOW + hour)),
            else_=None,
        ),
        "transport": case((waits | (tenth == 9), None), else_="smtp"),
        "sent_at": case((waits | (tenth == 9) | (reader % 50 == 3), None), else_=due),
        "reply": literal("250 ok"),
    }
    query = select(*(value.label(name) for name, value in values.items()))
    query = query.select_from(issues.join(subscribers, true())).order_by(issue, reader)
    connection.execute(insert(deliveries).from_select(list(values), query))


def _beside(connection: Connection) -> None:
    some = deliveries.c.state.in_(("failed", "deferred", "unknown"))
    told = select(
        deliveries.c.id, deliveries.c.due_at, literal(1), literal("failed"), *_texts("no", "", "b")
    )
    names = ["delivery_id", "at", "attempt", "state", "words", "transport", "by"]
    connection.execute(insert(delivery_history).from_select(names, told.where(some)))
    heard = select(
        deliveries.c.id, *_texts("bounced", "5.1.1", "no"), literal(True), deliveries.c.due_at
    )
    names = ["delivery_id", "kind", "code", "words", "permanent", "at"]
    failed = heard.where(deliveries.c.subscriber_id % 10 == 3)
    connection.execute(insert(delivery_events).from_select(names, failed))
    i = _series(READERS // 2).c.i
    letter: dict[str, ColumnElement[object]] = {
        "id": i,
        "key": literal("welcome/") + cast(i, String),
        "kind": literal("welcome"),
        "subscriber_id": i,
        "address": literal("a@example.org"),
        "state": case((i % 1000 == 0, "queued"), else_="sent"),
        "reason": literal(""),
        "tries": literal(1),
        "queued_at": _instant(NOW - DAY),
        "next_at": _instant(NOW - DAY),
    }
    _insert(connection, letters, letter)
    i = _series(READERS // 20).c.i
    silent: dict[str, ColumnElement[object]] = {
        "id": i,
        "address_key": literal("r")
        + cast(i * 20, String)
        + "@d"
        + cast(i * 20 % DOMAINS, String)
        + ".example.org",
        "kind": literal("hard"),
        "reason": literal("bounced"),
        "at": _instant(NOW - DAY),
        "by": literal("bounce"),
        "lifted_by": literal(""),
    }
    _insert(connection, suppressions, silent)


def _texts(*words: str) -> list[ColumnElement[str]]:
    return [literal(one) for one in words]


def _insert(connection: Connection, table: Table, values: dict[str, ColumnElement[object]]) -> None:
    query = select(*(value.label(name) for name, value in values.items()))
    connection.execute(insert(table).from_select(list(values), query))


def _series(last: int) -> CTE:
    """The numbers from 1 on, as the column `i`."""
    one = select(literal_column("1", Integer).label("i")).cte(recursive=True)
    return one.union_all(select(one.c.i + 1).where(one.c.i < last))


def _instant(at: datetime) -> ColumnElement[datetime]:
    return literal(at, Instant)
