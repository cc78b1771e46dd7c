"""Copies, checks, puts back and tidies databases.

PostgreSQL has tools of its own for all but the last.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

from newsletter.errors import RequestError, StoreError
from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.store import copies
from newsletter.store.database import HEAD, Database

KEPT = ".before-restore"  # what was there
WAIT = 2.0  # seconds for who writes at the moment


def backup(database: Database, target: Path) -> int:
    """Copies the database as it is at one instant, and checks the copy; its bytes.

    The file is in its place only once it is whole. Raises RequestError or StoreError.
    """
    source = _file(database)
    target = target.resolve()
    if target == source:
        raise RequestError("This is the database itself; name another file.")
    size = copies.copy(source, target)
    tell(Event.BACKUP_MADE, file=target, bytes=size)
    return size


def check(database: Database) -> str:
    """What is wrong with the database's file; empty where nothing is."""
    return copies.wrong(_file(database))


def restore(database: Database, source: Path) -> Path | None:
    """Puts a backup in the database's place; where what was there is now, if anything was.

    Whoever could read that can read the new one, nobody else. At every instant there is one of
    the two, and what an earlier restore put aside stays. Raises RequestError where the file is no
    whole database of ours, or the present one is in use.
    """
    target, source = _file(database), source.resolve()
    if not source.is_file():
        raise RequestError(f"There is no file {source}.")
    if source == target:
        raise RequestError("This is the database itself; name a backup of it.")
    _must_be_ours(source)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    before = _aside(target) if target.exists() else None
    try:
        with closing(sqlite3.connect(source)) as kept, closing(sqlite3.connect(draft)) as copy:
            _let_in(draft, target if before is not None else None)
            kept.backup(copy)
        copies.flush(draft)
        if before is not None:
            _must_be_idle(target)
            _put_aside(target, before)
        for end in ("-wal", "-shm"):
            target.with_name(target.name + end).unlink(missing_ok=True)
        draft.replace(target)
        copies.flush(target.parent)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"Cannot restore {target}: {error}.") from error
    finally:
        draft.unlink(missing_ok=True)
    tell(Event.DATABASE_RESTORED, file=source, copy=before)
    return before


def _aside(target: Path) -> Path:
    """A name that is free for what is there."""
    names = (f"{target.name}{KEPT}{f'-{at}' if at > 1 else ''}" for at in count(1))
    return next(path for path in map(target.with_name, names) if not path.exists())


def _let_in(draft: Path, like: Path | None) -> None:
    """Gives a new file to whom another one is, or to nobody else: it holds addresses."""
    if like is None:
        draft.chmod(0o600)
        return
    known = like.stat()
    with suppress(PermissionError):  # only root gives files away
        os.chown(draft, known.st_uid, known.st_gid)
    draft.chmod(stat.S_IMODE(known.st_mode))


def _put_aside(target: Path, before: Path) -> None:
    """Has a file by another name too; where a disk knows no such thing, by that alone."""
    try:
        before.hardlink_to(target)
    except OSError:
        target.replace(before)


def vacuum(database: Database) -> tuple[int, int]:
    """Gives the room that removed rows had back, and counts for plans anew; bytes before and after.

    Raises RequestError where somebody writes, StoreError where it cannot be done.
    """
    if database.embedded:
        return _vacuum_file(_file(database))
    before = database.size()
    database.vacuum()
    return before, database.size()


def _vacuum_file(file: Path) -> tuple[int, int]:
    before = _bytes(file)
    try:
        with closing(sqlite3.connect(file, timeout=WAIT, isolation_level=None)) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA optimize = 0x10002")  # all tables, as after a large change
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise RequestError(
                f"{file} is being written ({error}); try again when `newsletter send`, `compose` "
                "or `collect` is done."
            ) from None
        raise StoreError(f"Cannot tidy {file}: {error}.{_room(error)}") from error
    except sqlite3.DatabaseError as error:
        raise StoreError(f"Cannot tidy {file}: {error}.") from error
    return before, _bytes(file)


def _room(error: sqlite3.Error) -> str:
    return " It needs as much room again as the file has." if "full" in str(error) else ""


def _bytes(file: Path) -> int:
    """Of a database with its log of changes."""
    log = file.with_name(f"{file.name}-wal")
    return file.stat().st_size + (log.stat().st_size if log.exists() else 0)


def _file(database: Database) -> Path:
    file = database.file
    if file is None:
        raise RequestError(
            "This database is PostgreSQL's: pg_dump makes backups, and pg_restore puts them back."
        )
    return file.resolve()


def _must_be_ours(file: Path) -> None:
    wrong = copies.wrong(file)
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
        with closing(sqlite3.connect(file, timeout=WAIT, isolation_level=None)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        raise RequestError(
            f"{file} is in use ({error}); stop `newsletter run`, `serve` and `send` first."
        ) from None
