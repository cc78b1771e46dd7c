"""Copies a file of the embedded database as it is at one instant, also while others use it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from newsletter.errors import StoreError

PAGES = 1000  # of a database copied at a time, so that writers get their turn


def copy(source: Path, target: Path) -> int:
    """Copies a database, and checks the copy; its bytes.

    The file is in its place only once it is whole. Raises StoreError.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(draft)) as made:
            os.chmod(draft, 0o600)  # noqa: PTH101  it holds addresses
            live.backup(made, pages=PAGES)
        found = wrong(draft)
        if found:
            raise StoreError(f"The copy is broken ({found}); nothing was kept of it.")
        flush(draft)
        draft.replace(target)
        flush(target.parent)
        return target.stat().st_size
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"Cannot back up to {target}: {error}.") from error
    finally:
        draft.unlink(missing_ok=True)


def wrong(file: Path) -> str:
    """What is wrong with a database's file; empty where nothing is."""
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


def flush(path: Path) -> None:
    """Waits until a file, or what a folder lists, is on the disk."""
    held = os.open(path, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)
