"""Backups of the embedded database: made while it is used, checked, put back."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.store.database import Database
from tests.commands import newsletter, prepare, refused


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with one reader."""
    return prepare(tmp_path, ("subscribe", "asa@example.org"))


def readers(place: Path) -> list[str]:
    rows = json.loads(newsletter(place, "subscribers", "list", "--json").stdout)
    return [row["address"] for row in rows]


def test_a_backup_is_put_back(place: Path) -> None:
    """Made while another holds a transaction open; what was there when it is put back stays."""
    with sqlite3.connect(place / "newsletter.db", isolation_level=None) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM subscribers").fetchall()
        done = newsletter(place, "db", "backup", "copy.db")
        assert done.returncode == 0, done.stderr
    other.close()
    assert (place / "copy.db").stat().st_mode & 0o077 == 0
    assert newsletter(place, "subscribe", "bo@example.org").returncode == 0
    assert newsletter(place, "db", "check").returncode == 0
    done = newsletter(place, "db", "restore", "copy.db")
    assert done.returncode == 0, done.stderr
    assert readers(place) == ["asa@example.org"]
    (place / "newsletter.db").unlink()
    (place / "newsletter.db.before-restore").rename(place / "newsletter.db")
    assert readers(place) == ["asa@example.org", "bo@example.org"]


def test_what_an_earlier_restore_put_aside_stays(place: Path) -> None:
    """Who restored the wrong file first has not lost what was there; nobody else may read it."""
    (place / "newsletter.db").chmod(0o600)
    for name in ("wrong.db", "right.db"):
        assert newsletter(place, "db", "backup", name).returncode == 0
    assert newsletter(place, "subscribe", "bo@example.org").returncode == 0
    assert newsletter(place, "db", "restore", "wrong.db").returncode == 0
    second = newsletter(place, "db", "restore", "right.db")
    assert "newsletter.db.before-restore-2." in second.stdout
    assert (place / "newsletter.db").stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(place / "newsletter.db.before-restore")) as first:
        assert first.execute("SELECT count(*) FROM subscribers").fetchone() == (2,)


def test_what_cannot_be_put_back_is_refused(place: Path) -> None:
    """No file, no database, another's database, one that is cut, and a database in use."""
    (place / "text.db").write_text("nothing of ours, but long enough to look at" * 99)
    with sqlite3.connect(place / "other.db") as other:
        other.execute("CREATE TABLE x (y)")
    other.close()
    assert newsletter(place, "db", "backup", "copy.db").returncode == 0
    whole = (place / "copy.db").read_bytes()
    (place / "cut.db").write_bytes(whole[: len(whole) // 2])
    for file, told in (
        ("gone.db", "There is no file"),
        ("text.db", "no whole database"),
        ("other.db", "no database of ours"),
        ("cut.db", "no whole database"),
        ("newsletter.db", "the database itself"),
    ):
        refused(newsletter(place, "db", "restore", file), 2, told)
    refused(newsletter(place, "db", "backup", "newsletter.db"), 2, "the database itself")
    with sqlite3.connect(place / "newsletter.db", isolation_level=None) as user:
        user.execute("BEGIN IMMEDIATE")
        refused(newsletter(place, "db", "restore", "copy.db"), 2, "in use")
    user.close()
    assert readers(place) == ["asa@example.org"]


def test_a_broken_database_is_told(place: Path) -> None:
    """With what to do."""
    file = place / "newsletter.db"
    content = bytearray(file.read_bytes())
    content[4096 * 3 : 4096 * 6] = b"x" * 4096 * 3
    file.write_bytes(bytes(content))
    for end in ("-wal", "-shm"):
        (place / f"newsletter.db{end}").unlink(missing_ok=True)
    refused(newsletter(place, "db", "check"), 5, "is broken", "db restore")


def test_nobody_else_reads_a_database_that_was_made(tmp_path: Path) -> None:
    """It holds addresses, and so does the log beside it."""
    place = tmp_path
    before = os.umask(0o022)
    try:
        database = Database(f"sqlite:///{place}/fresh.db")
        database.prepare()
        with database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE one (two)")
        modes = {file.name: file.stat().st_mode & 0o777 for file in place.glob("fresh.db*")}
        database.close()
    finally:
        os.umask(before)
    assert modes["fresh.db"] == modes["fresh.db-wal"] == 0o600
