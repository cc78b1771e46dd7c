"""The database: whether it is there, whole, current, and has room."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from newsletter.doctor.findings import Finding, State, error, ok, skipped, warning

REACHED, SCHEMA, WHOLE, ROOM = "database", "schema", "integrity", "room"
LEAST_ROOM, LITTLE_ROOM = 100 * 2**20, 2**30  # bytes free


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A database that could be asked."""

    shown: str  # its URL, without a password
    embedded: bool
    there: bool = True  # the file of an embedded one
    revision: str | None = None
    head: str = ""
    read_only: bool = False  # a server that takes no writes
    writable: bool = True  # the file of an embedded one
    broken: str = ""  # what an integrity check says
    unchecked: str = ""  # why there was none
    size: int = 0  # bytes of the file
    free: int | None = None  # bytes on its disk


def unreachable(words: str, *, embedded: bool) -> Finding:
    """Of a database that has no answer."""
    do = "See whether the file and its folder are the user's that `newsletter` runs as."
    server = "Start the database server, or correct database.url: host, port, user and password."
    return error(REACHED, words, do if embedded else server)


def check(facts: Facts) -> Iterator[Finding]:
    """How it is."""
    if not facts.there:
        yield skipped(
            REACHED,
            f"There is no database yet at {facts.shown}.",
            "The first command that keeps something makes it, such as `newsletter collect`.",
        )
    else:
        yield from _reached(facts)
    if facts.free is not None:
        yield from _room(facts)


def _reached(facts: Facts) -> Iterator[Finding]:
    if facts.broken:
        yield error(
            WHOLE,
            f"The file of {facts.shown} is damaged: {facts.broken}.",
            "Stop what uses it, and restore a backup by `newsletter db restore FILE`.",
        )
        return
    if facts.read_only or not facts.writable:
        yield error(
            REACHED,
            f"{facts.shown} can be read, but not written.",
            "Name the primary server in database.url."
            if facts.read_only
            else "Give the file and its folder to the user that `newsletter` runs as.",
        )
    else:
        yield ok(REACHED, f"{facts.shown} answers.")
    yield _schema(facts)
    if facts.unchecked:
        yield skipped(
            WHOLE, f"The file was not checked: {facts.unchecked}.", "Run `newsletter db check`."
        )
    elif facts.embedded:
        yield ok(WHOLE, f"The file is whole, {facts.size:,} bytes.")


def _schema(facts: Facts) -> Finding:
    found, head = facts.revision, facts.head
    if found == head:
        return ok(SCHEMA, f"The schema is {head}, which this version needs.")
    if found is not None and found > head:
        return error(
            SCHEMA,
            f"The schema is {found}, of a newer version; this one knows {head}.",
            "Upgrade the program.",
        )
    stands = f"The schema is {found}" if found else "There is no schema yet"
    what = f"{stands}; this version needs {head}."
    if facts.embedded:
        return warning(
            SCHEMA,
            what,
            "`newsletter db upgrade` migrates it, and so does any other command; a copy of before "
            "is kept beside it.",
        )
    return error(SCHEMA, what, "Back it up (pg_dump), then run `newsletter db upgrade`.")


def _room(facts: Facts) -> Iterator[Finding]:
    free = facts.free or 0
    what = f"The database's disk has {free // 2**20:,} MiB free."
    if free < LEAST_ROOM:
        yield error(ROOM, what, "Make room now: what is sent cannot be recorded on a full disk.")
    elif free < max(LITTLE_ROOM, facts.size):
        yield warning(
            ROOM, what, "Make room: a backup or a migration needs as much as the database has."
        )
    else:
        yield ok(ROOM, what)


def is_current(found: Iterable[Finding]) -> bool:
    """Whether the database can be asked by this version, as findings about it tell."""
    return any(one.check == SCHEMA and one.state is State.OK for one in found)
