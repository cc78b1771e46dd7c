"""From the first release to this one, by its commands: everything is kept, and it goes on."""

from __future__ import annotations

import json
import random
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from newsletter.store.database import HEAD, Database
from tests import first_release
from tests.commands import newsletter, refused, start

COPY = f"newsletter.db.before-{HEAD}"
KEPT = {  # what later releases wrote anew of what was there, each by a migration that says so
    "issues": {"snapshot"},
    "issue_papers": {"card"},
}


def same(now: first_release.Rows, before: first_release.Rows) -> None:
    """Row by row and column by column, but for what issues look like inside."""
    for name, rows in before.items():
        passed = KEPT.get(name, set())
        told = [{key: row[key] for key in row if key not in passed} for row in rows]
        assert [{key: row[key] for key in row if key not in passed} for row in now[name]] == told


def test_what_the_first_release_kept_goes_on(database_url: str, tmp_path: Path) -> None:
    """Readers, issues and deliveries are the same, its mail's link holds, no paper comes twice."""
    settings = {"DATABASE__URL": database_url, "SECRET": first_release.SECRET}
    before = first_release.put(database_url)
    database = Database(database_url)
    first = newsletter(tmp_path, "status", **settings)
    if database.embedded:
        told = f"The database went from schema 0001 to {HEAD}; as it was before it is "
        assert first.stderr.startswith(told)
        assert COPY in first.stderr.splitlines()[0]
        with closing(sqlite3.connect(tmp_path / COPY)) as copy:
            assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        assert (tmp_path / COPY).stat().st_mode & 0o077 == 0
    else:
        refused(first, 5, "db upgrade")
        upgraded = newsletter(tmp_path, "db", "upgrade", **settings)
        assert f"went from schema 0001 to {HEAD}" in upgraded.stdout
    same(first_release.rows_of(database, before), before)

    for words in (("collect", str(first_release.PAGE)), ("compose",), ("send", "--now")):
        done = newsletter(tmp_path, *words, **settings)
        assert done.returncode == 0, done.stderr
        assert "schema" not in done.stderr
    had = picks(tmp_path, settings)
    assert all(number == 1 for number in had.values())
    assert Counter(address for address, _ in had) == {
        "Asa@example.org": 12,  # ten of the first release, and the two that were left
        "bo@example.org": 4,
        "cy@example.org": 2,
        "eli@example.org": 10,  # what was refused yesterday comes today
        "fay@example.org": 6,  # three that may have come, and three more
    }
    addressed = Counter(
        line.decode().split()[1].strip("<>")
        for mail in (tmp_path / "mail" / "new").iterdir()
        for line in mail.read_bytes().splitlines()
        if line.startswith(b"To: ")
    )
    # bo and cy get what had waited for their hour; the rest something new each.
    assert addressed == dict.fromkeys({address for address, _ in had}, 1)
    left = newsletter(tmp_path, "unsubscribe", first_release.LEAVE, **settings)
    assert "Asa@example.org is unsubscribed" in left.stdout
    assert newsletter(tmp_path, "subscribe", "gro@example.org", **settings).returncode == 0
    database.close()


def picks(place: Path, settings: Mapping[str, str]) -> Counter[tuple[str, str]]:
    """How often each reader had, or may yet get, each paper of all issues."""
    found: Counter[tuple[str, str]] = Counter()
    listed = json.loads(newsletter(place, "issues", "list", "--json", **settings).stdout)
    assert len(listed) == 2
    for issue in listed:
        shown = newsletter(place, "issues", "show", issue["issue"], "--json", **settings)
        rows: list[dict[str, Any]] = json.loads(shown.stdout)["deliveries"]
        found.update(
            (row["address"], pick["paper"])
            for row in rows
            if row["state"] not in ("failed", "skipped")
            for pick in row["picks"]
        )
    return found


def test_an_upgrade_that_is_killed_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """At whatever moment; run again it is finished, and the copy is of before."""
    chance = random.Random(7)
    url = f"sqlite:///{tmp_path}/newsletter.db"
    before = first_release.put(url)
    old = (tmp_path / "newsletter.db").read_bytes()
    seen = set()
    for _ in range(8):
        for end in ("-wal", "-shm"):
            (tmp_path / f"newsletter.db{end}").unlink(missing_ok=True)
        (tmp_path / "newsletter.db").write_bytes(old)
        (tmp_path / COPY).unlink(missing_ok=True)
        with tempfile.TemporaryFile() as out:
            running = start(tmp_path, ("db", "upgrade"), None, out, out)
            while running.runs() and not (tmp_path / COPY).exists():
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.15))
            with suppress(ProcessLookupError):  # it may have ended
                running.kill()
            running.wait()
        database = Database(url)
        revision = database.revision()
        assert revision in ("0001", HEAD)
        seen.add(revision)
        same(first_release.rows_of(database, before), before)
        database.close()
        assert newsletter(tmp_path, "db", "check").returncode == 0
    assert "0001" in seen
    assert newsletter(tmp_path, "db", "upgrade").returncode == 0
    database = Database(url)
    assert database.revision() == HEAD
    same(first_release.rows_of(database, before), before)
    database.close()
    with closing(sqlite3.connect(tmp_path / COPY)) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)


def test_two_at_once_upgrade_once(tmp_path: Path) -> None:
    """The second waits, finds it done, and does not take the new for a copy of the old."""
    first_release.put(f"sqlite:///{tmp_path}/newsletter.db")
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        both = [start(tmp_path, ("issues", "list"), None, out, err) for _ in range(3)]
        assert [one.wait() for one in both] == [0, 0, 0]
        err.seek(0)
        assert err.read().count(b"went from schema") == 1
    with closing(sqlite3.connect(tmp_path / COPY)) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)


def test_without_a_copy_nothing_is_upgraded(tmp_path: Path) -> None:
    """Where the copy cannot be written the database stays as it was, and that is said."""
    first_release.put(f"sqlite:///{tmp_path}/newsletter.db")
    (tmp_path / COPY).mkdir()
    refused(newsletter(tmp_path, "issues", "list"), 5, "Cannot back up", COPY)
    database = Database(f"sqlite:///{tmp_path}/newsletter.db")
    assert database.revision() == "0001"
    database.close()


@pytest.mark.parametrize("words", [("status",), ("db", "upgrade"), ("db", "prune")])
def test_a_database_of_a_later_version_is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    """With what to do, and untouched."""
    assert newsletter(tmp_path, "db", "upgrade").returncode == 0
    with closing(sqlite3.connect(tmp_path / "newsletter.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    refused(newsletter(tmp_path, *words), 5, "newer version", "9999", HEAD, "Upgrade the program")
