"""Asks a database how it would run what the code asks of it: which indexes, which whole tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, event

from newsletter.store.schema import deliveries, delivery_events, delivery_history, letters
from subscribers.schema import subscribers

BIG = {one.name for one in (deliveries, delivery_events, delivery_history, letters, subscribers)}
SEARCH = re.compile(
    r"(?P<how>SEARCH|SCAN) (?P<name>\w+)(?: AS \w+)?"
    r"(?: USING (?:COVERING )?(?:INDEX (?P<index>\w+)|(?P<key>INTEGER PRIMARY KEY)))?"
)
AUTO = re.compile(r"sqlite_autoindex_(?P<table>\w+)_1")
UNIQUE = {
    "deliveries": "uq_deliveries_issue_id_subscriber_id",
    "delivery_events": "uq_delivery_events_delivery_id_kind",
    "subscribers": "uq_subscribers_address_key",
}


@dataclass
class Plan:
    """How one statement would be run."""

    statement: str
    indexes: set[str] = field(default_factory=set)  # of big tables, by their names in PostgreSQL
    scanned: set[str] = field(default_factory=set)  # big tables that are read from end to end
    told: list[str] = field(default_factory=list)


def plans(connection: Connection, act: Callable[[Connection], object]) -> list[Plan]:
    """How everything that an act asks of big tables is run, at the moment it asks."""
    found: list[Plan] = []
    asking = False

    def note(_c: Any, cursor: Any, statement: str, given: Any, _x: Any, many: bool) -> None:
        nonlocal asking
        if asking or not any(re.search(rf"\b{name}\b", statement) for name in BIG):
            return
        if statement.startswith(("INSERT", "SAVEPOINT")):
            return
        asking = True
        found.append(_ask(connection, statement, given[0] if many else given))
        asking = False

    event.listen(connection.engine, "before_cursor_execute", note)
    try:
        act(connection)
    finally:
        event.remove(connection.engine, "before_cursor_execute", note)
    return found


def _ask(connection: Connection, statement: str, given: Any) -> Plan:
    plan = Plan(statement)
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
        plan.told = [row[3] for row in rows]
        for line in plan.told:
            _read_line(plan, line)
    else:
        query = f"EXPLAIN (FORMAT JSON) {statement}"
        tree = connection.exec_driver_sql(query, given).scalar_one()[0]["Plan"]
        for node in _nodes(tree):
            _read_node(plan, node)
    return plan


def _read_line(plan: Plan, line: str) -> None:
    met = SEARCH.match(line)
    if met is None:
        return
    names = {met["name"], re.sub(r"_\d+$", "", met["name"])}
    index = met["index"]
    table = next(iter(names & BIG), None)
    if table is None and index is not None:  # by another name
        table = next((one for one in BIG if one in index), None)
    if table is None:
        return
    if met["how"] == "SCAN":
        plan.scanned.add(table)
    elif met["key"]:
        plan.indexes.add(f"pk_{table}")
    elif index is not None:
        plan.indexes.add(UNIQUE[table] if AUTO.fullmatch(index) else index)


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for one in node.get("Plans", []):
        yield from _nodes(one)


def _read_node(plan: Plan, node: dict[str, Any]) -> None:
    kind, table = node["Node Type"], node.get("Relation Name")
    plan.told.append(f"{kind} {table or ''} {node.get('Index Name', '')} {node['Plan Rows']}")
    if kind == "Seq Scan" and table in BIG:
        plan.scanned.add(table)
    index = node.get("Index Name")
    if index is not None and any(one in index for one in BIG):
        plan.indexes.add(index)
