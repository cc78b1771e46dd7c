"""Looks at a database as it stands, for the doctor: nothing is made, migrated or written."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic

from sqlalchemy import text

from newsletter.store.database import Database

STEPS = 10_000  # of SQLite's machine, between two looks at the time


@dataclass(frozen=True, kw_only=True)
class Health:
    """What there is to see."""

    there: bool  # whether there is a database to ask
    revision: str | None = None
    read_only: bool = False  # a server that takes no writes
    writable: bool = True  # the file of an embedded one
    broken: str = ""  # what the integrity check says
    unchecked: str = ""  # why it was not made
    size: int = 0  # bytes of the file
    free: int | None = None  # bytes on its disk


def is_there(database: Database) -> bool:
    """Whether a database can be asked without being made by that."""
    return database.file is None or database.file.exists()


def look(database: Database, seconds: float) -> Health:
    """How it is; an integrity check is given up after `seconds`. Raises StoreError."""
    file = database.file
    free = _free(file) if file is not None else None
    if not is_there(database):
        return Health(there=False, free=free)
    if file is None:
        return _server(database)
    broken, unchecked = _quick_check(file, seconds)
    return Health(
        there=True,
        revision=None if broken else database.revision(),
        writable=os.access(file, os.W_OK) and os.access(file.parent, os.W_OK),
        broken=broken,
        unchecked=unchecked,
        size=file.stat().st_size,
        free=free,
    )


def clock(database: Database) -> datetime | None:
    """The time by a server's clock; None of a file. Raises StoreError."""
    if database.embedded:
        return None
    with database.read() as connection:
        now: datetime | None = connection.scalar(text("SELECT clock_timestamp()"))
        return now


def _server(database: Database) -> Health:
    revision = database.revision()
    with database.read() as connection:
        read_only = connection.scalar(text("SELECT current_setting('transaction_read_only')"))
    return Health(there=True, revision=revision, read_only=read_only == "on")


def _quick_check(file: Path, seconds: float) -> tuple[str, str]:
    """What is wrong with a file, and why that is not known; both empty where it is whole."""
    ends = monotonic() + seconds
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as own:
            own.set_progress_handler(lambda: monotonic() > ends, STEPS)
            told = [str(row[0]) for row in own.execute("PRAGMA quick_check(5)")]
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            return "", f"it takes longer than {seconds:g} seconds"
        return "", str(error)
    except sqlite3.DatabaseError as error:
        return str(error), ""
    return ("" if told == ["ok"] else "; ".join(told)), ""


def _free(file: Path) -> int | None:
    folder = next((one for one in file.absolute().parents if one.is_dir()), None)
    return None if folder is None else shutil.disk_usage(folder).free
