"""Copies, checks and puts back the embedded database, also while others use it.

PostgreSQL has tools of its own for that.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from newsletter.errors import RequestError, StoreError
from newsletter.store.database import HEAD, Database

PAGES = 1000  # of a database copied at a time, so that writers get their turn
KEPT = ".before-restore"  # what was there


def backup(database: Database, target: Path) -> int:
    """Copies the database as it is at one instant, and checks the copy; its bytes.

    The file is in its place only once it is whole. Raises RequestError or StoreError.
    """
    source = _file(database)
    target = target.resolve()
    if target == source:
        raise RequestError("This is the database itself; name another file.")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(draft)) as copy:
            os.chmod(draft, 0o600)  # noqa: PTH101  it holds addresses
            live.backup(copy, pages=PAGES)
        wrong = _wrong(draft)
        if wrong:
            raise StoreError(f"The copy is broken ({wrong}); nothing was kept of it.")
        draft.replace(target)
        return target.stat().st_size
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"Cannot back up to {target}: {error}.") from error
    finally:
        draft.unlink(missing_ok=True)


def check(database: Database) -> str:
    """What is wrong with the database's file; empty where nothing is."""
    return _wrong(_file(database))


def restore(database: Database, source: Path) -> Path | None:
    """Puts a backup in the database's place; where what was there is now, if anything was.

    Raises RequestError where the file is no whole database of ours, or the present one is in use.
    """
    target, source = _file(database), source.resolve()
    if not source.is_file():
        raise RequestError(f"There is no file {source}.")
    if source == target:
        raise RequestError("This is the database itself; name a backup of it.")
    _must_be_ours(source)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    before = target.with_name(target.name + KEPT) if target.exists() else None
    try:
        with closing(sqlite3.connect(source)) as kept, closing(sqlite3.connect(draft)) as copy:
            kept.backup(copy)
        if before is not None:
            _must_be_idle(target)
            target.replace(before)
        for end in ("-wal", "-shm"):
            target.with_name(target.name + end).unlink(missing_ok=True)
        draft.replace(target)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"Cannot restore {target}: {error}.") from error
    finally:
        draft.unlink(missing_ok=True)
    return before


def _file(database: Database) -> Path:
    file = database.file
    if file is None:
        raise RequestError(
            "This database is PostgreSQL's: pg_dump makes backups, and pg_restore puts them back."
        )
    return file.resolve()


def _wrong(file: Path) -> str:
    if not file.is_file():
        return "there is no file"
    try:
        with closing(sqlite3.connect(file)) as connection:
            told = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
            orphans = connection.execute("PRAGMA foreign_key_check").fetchmany(5)
    except sqlite3.DatabaseError as error:
        return str(error)
    if told != ["ok"]:
        return "; ".join(told)
    return f"{len(orphans)} rows or more refer to what is not there" if orphans else ""


def _must_be_ours(file: Path) -> None:
    wrong = _wrong(file)
    if wrong:
        raise RequestError(f"{file} is no whole database: {wrong}.")
    try:
        with closing(sqlite3.connect(file)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError:
        row = None
    if row is None:
        raise RequestError(f"{file} is no database of ours.")
    if row[0] > HEAD:
        raise RequestError(f"{file} is from a newer version (schema {row[0]}, this is {HEAD}).")


def _must_be_idle(file: Path) -> None:
    """Raises RequestError where somebody else writes or reads the database."""
    try:
        with closing(sqlite3.connect(file, timeout=2, isolation_level=None)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        raise RequestError(
            f"{file} is in use ({error}); stop `newsletter run`, `serve` and `send` first."
        ) from None
