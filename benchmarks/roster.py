"""Subscribers imported a second, against the loop one would write first.

Run: python -m benchmarks.roster [--rows 1000000]

Both read the same CSV of five columns into a new SQLite file with the product's own tables, indexes
and durability. The baseline is `csv.reader` and `executemany` of the same columns of `subscribers`,
a transaction each 1,000 rows: it judges no address, looks for nobody who left, finds no duplicates
but those that the index refuses, and keeps no events. Ours is the verb of `newsletter subscribers
import`; "again" imports the same file over what is there. Each run is a process of its own, so that
memory can be told.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from newsletter import pipeline
from newsletter.store.database import Database
from subscribers import store
from subscribers.model import Preferences
from subscribers.roster import Reader
from subscribers.roster_columns import layout
from subscribers.roster_entries import Judge, Terms
from subscribers.tokens import Signer

NOW = datetime(2026, 3, 12, tzinfo=UTC)
TOPICS = [f"topic-{number}" for number in range(40)]
DOMAINS = 2000
BATCH = 1000


def write(file: Path, rows: int) -> None:
    """The file that both read."""
    with file.open("w", encoding="utf-8", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(["email", "topics", "at", "zone", "consent_at"])
        for at in range(rows):
            lines.writerow(
                [
                    f"reader.{at * 7919 % 10**8}.{at}@d{at % DOMAINS}.example.org",
                    f"{TOPICS[at % 40]},{TOPICS[at % 39]}",
                    f"{at % 24:02}:00",
                    ("UTC", "Europe/Oslo", "Asia/Tokyo")[at % 3],
                    f"2024-01-{at % 28 + 1:02} 12:00:00",
                ]
            )


def ours(database: Path, file: Path) -> None:
    """Our verb."""
    opened = Database(f"sqlite:///{database}")
    opened.prepare()
    terms = Terms(consent="benchmark", now=NOW)
    with file.open("rb") as source:
        reader = Reader(source)
        judge = Judge(layout(reader.header, None, {}), terms)
        done = pipeline.import_subscribers(opened, Signer(b"benchmark"), reader, judge, terms)
    if done.error or done.refused:
        raise SystemExit(f"not all was read: {done}")
    opened.close()


def baseline(database: Path, file: Path) -> None:
    """The obvious loop, into the same tables."""
    opened = Database(f"sqlite:///{database}")
    opened.prepare()
    opened.close()
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    same = store.preferences_row(Preferences())
    names = ["address", "address_key", "domain", "state", "consent_at", "consent_form", *same]
    marks = ", ".join("?" * len(names))
    statement = f"INSERT OR IGNORE INTO subscribers ({', '.join(names)}) VALUES ({marks})"

    def values(row: Sequence[str]) -> list[object]:
        address, topics, at, zone, consent = row
        wants = same | {"follows": json.dumps(sorted(topics.split(","))), "at": at, "zone": zone}
        domain = address.partition("@")[2]
        return [address, address.lower(), domain, "confirmed", consent, "csv", *wants.values()]

    with file.open(encoding="utf-8", newline="") as source:
        rows: Iterator[list[str]] = csv.reader(source)
        next(rows)
        while batch := list(islice(rows, BATCH)):
            connection.executemany(statement, map(values, batch))
            connection.commit()
    connection.close()


RUNS: dict[str, Callable[[Path, Path], None]] = {"ours": ours, "again": ours, "baseline": baseline}


def measured(name: str, database: Path, file: Path) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak MiB of one run in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.roster", "--run", name, str(database), str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, cpu, peak = map(float, done.stdout.split())
    return wall, cpu, peak


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--run", nargs=3, metavar=("NAME", "DATABASE", "FILE"))
    asked = parser.parse_args(arguments)
    if asked.run:
        name, database, file = asked.run
        started, cpu = time.perf_counter(), time.process_time()
        RUNS[name](Path(database), Path(file))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(time.perf_counter() - started, time.process_time() - cpu, peak)
        return
    with tempfile.TemporaryDirectory(prefix="newsletter-") as place:
        file = Path(place) / "in.csv"
        write(file, asked.rows)
        print(f"{asked.rows:,} rows, {file.stat().st_size / 2**20:.0f} MiB:")
        found = {}
        for name in ("baseline", "ours", "again"):
            database = Path(place) / ("plain.db" if name == "baseline" else "ours.db")
            found[name] = wall, cpu, peak = measured(name, database, file)
            print(
                f"  {name:9} {asked.rows / wall:8,.0f} rows/s  {wall:6.1f} s"
                f"  {cpu / asked.rows * 1e6:5.0f} us CPU a row  {peak:4.0f} MiB"
            )
        for name in ("ours", "again"):
            wall, cpu = (found[name][at] / found["baseline"][at] for at in range(2))
            print(f"  {name} against the baseline: {wall:.1f} x the time, {cpu:.1f} x the CPU")


if __name__ == "__main__":
    main()
