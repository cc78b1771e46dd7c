"""Papers imported a second, against the loop one would write first.

Run: python -m benchmarks.imports [--papers 10000] [--rounds 3]

Both read the same .jsonl file, as `newsletter papers export` writes it, of papers made from the 70
of the saved page, into an empty store of ours: the same tables, indexes and durability. Ours is
`newsletter collect FILE`'s own verb, run again over what is there. The baseline takes each line
with `json.loads` and writes the same rows by `executemany`, a transaction each 500: it believes
the file, asks the store nothing, merges nothing, and its foreign keys are not checked. At the end
the two stores must hold the same rows, or the program fails. Each run is a process of its own, so
that memory can be told; rounds alternate, the median counts.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.metering import peak
from newsletter import pipeline, sources
from newsletter.identity import title_id
from newsletter.papers import Observation, Paper, PaperId
from newsletter.records import line
from newsletter.resources import folder
from newsletter.sources.files import FileOptions
from newsletter.sources.page import PageSource
from newsletter.sources.port import NEWS, Answer
from newsletter.store.database import Database

NOW = datetime(2026, 3, 12, tzinfo=UTC)
TABLES = ("papers", "paper_names", "paper_records", "observations")
# How the columns of our tables are filled from a line of the file.
_PLAIN = ("id", "title", "abstract", "published", "url", "pdf_url", "code_url")
_COLUMNS = {*_PLAIN, "authors", "classes"}
_SEEN = ("position", "of", "listed", "votes", "comments", "stars")


def papers(number: int) -> Iterator[Paper]:
    """Papers as sources tell them: real titles and abstracts, each with an id of its own."""
    page = PageSource("page", FileOptions(path=folder("seeds") / "trending-papers.txt"))
    (request,) = page.requests(NEWS, {}, NOW)
    with Path(request.location).open("rb") as body:
        (harvest,) = page.read(request, Answer(where="page", body=body), NOW)
    for at in range(number):
        seed = harvest.papers[at % len(harvest.papers)]
        arxiv = f"{20 + at // 480_000:02}{at // 40_000 % 12 + 1:02}.{at % 40_000:05}"
        title = f"{seed.title} {at}"
        yield Paper(
            id=PaperId(f"arxiv:{arxiv}"),
            aliases=(title_id(title),),
            title=title,
            abstract=seed.abstract,
            authors=tuple(
                f"Author {hashlib.sha256(f'{at}/{n}'.encode()).hexdigest()[:8]}" for n in range(6)
            ),
            classes=("cs.CL", "cs.LG"),
            published=date(2026, 3, 1),
            url=f"https://arxiv.org/abs/{arxiv}",
            pdf_url=f"https://arxiv.org/pdf/{arxiv}",
            keywords=("language models", "benchmarks"),
        )


def write(file: Path, number: int) -> None:
    """The file that both read."""
    with file.open("wb") as out:
        for at, paper in enumerate(papers(number)):
            seen = Observation(
                paper_id=paper.id,
                source="huggingface",
                at=NOW - timedelta(minutes=at),
                listed=date(2026, 3, 11),
                votes=at % 200,
                comments=at % 7,
            )
            out.write(line(paper, [seen], NOW))


def prepare(database: Path) -> None:
    """An empty store: to make one is no part of an import."""
    store = Database(f"sqlite:///{database}")
    store.prepare()
    store.close()


def ours(database: Path, file: Path) -> None:
    """Our verb."""
    store = Database(f"sqlite:///{database}")
    fetcher = sources.Fetcher(sources.Http(sources.Limits(agent="benchmark"), sources.NoTurns()))
    chosen = [sources.build("jsonl", {"path": str(file)}, file.parent)]
    (done,) = pipeline.collect(store, fetcher, chosen, NOW)
    if done.error or done.refused:
        raise SystemExit(f"not all was read: {done}")
    store.close()


def baseline(database: Path, file: Path) -> None:
    """The obvious loop: it believes the file, and knows beforehand how our tables hold things."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous = FULL")  # and the file is in WAL mode, as ours

    def keep(rows: list[dict[str, Any]]) -> None:
        papers, names, records, seen = [], [], [], []
        for row in rows:
            own = row["id"]
            seen += [
                (own, one["source"], _instant(one["at"]), *map(one.get, _SEEN))
                for one in row.pop("observations")
            ]
            announced = _instant(row["announced"])
            rest = json.dumps({name: row[name] for name in row if name not in _COLUMNS})
            authors, classes = json.dumps(row["authors"]), json.dumps(row["classes"])
            papers.append((*map(row.get, _PLAIN), authors, classes, rest, announced))
            names.append((own, own))
            names += [(name, own) for name in row["aliases"]]
            records.append((own, "jsonl", 40, _instant(NOW.isoformat()), json.dumps(row)))
        for table, written in (
            (f"papers ({', '.join(_PLAIN)}, authors, classes, detail, first_seen_at)", papers),
            ("paper_names (name, paper_id)", names),
            ("paper_records (paper_id, source, trust, at, record)", records),
            (f"observations (paper_id, source, at, {', '.join(_SEEN)})", seen),
        ):
            marks = ", ".join("?" * (table.count(",") + 1))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", written)
        connection.commit()

    rows: list[dict[str, Any]] = []
    with file.open("rb") as lines:
        for one in lines:
            rows.append(json.loads(one))
            if len(rows) == 500:
                keep(rows)
                rows = []
    keep(rows)


def _instant(text: str) -> str:
    """An instant of the file, in UTC, as SQLite has it in our tables."""
    return f"{text[:10]} {text[11:19]}.000000"


RUNS: dict[str, Callable[[Path, Path], None]] = {"ours": ours, "baseline": baseline}


def measured(name: str, database: Path, file: Path) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak MiB of one run in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.imports", "--run", name, str(database), str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, cpu, most = map(float, done.stdout.split())
    return wall, cpu, most


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--papers", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", nargs=3, metavar=("NAME", "DATABASE", "FILE"))
    args = parser.parse_args(arguments)
    if args.run:
        name, database, file = args.run
        gc.set_threshold(20_000, 20, 50)  # as `App` has it; both have it here
        started, cpu = time.perf_counter(), time.process_time()
        RUNS[name](Path(database), Path(file))
        print(time.perf_counter() - started, time.process_time() - cpu, peak())
        return
    with tempfile.TemporaryDirectory(prefix="newsletter-") as place:
        for number in (args.papers // 4, args.papers, args.papers * 4):
            _compare(Path(place), number, args.rounds)


def _compare(place: Path, number: int, rounds: int) -> None:
    file, empty = place / f"{number}.jsonl", place / "empty.db"
    write(file, number)
    prepare(empty)
    took: dict[str, list[tuple[float, float, float]]] = {"ours": [], "again": [], "baseline": []}
    for at in range(rounds):
        own, plain = (place / f"{number}.{at}.{name}.db" for name in ("ours", "plain"))
        for one in (own, plain):
            shutil.copy(empty, one)
        took["ours"].append(measured("ours", own, file))
        took["baseline"].append(measured("baseline", plain, file))
        took["again"].append(measured("ours", own, file))
        held = same_rows(own, plain)
        own.unlink()
        plain.unlink()
    print(f"{number} papers, {file.stat().st_size / 2**20:.0f} MiB, medians of {rounds}:")
    for name, runs in took.items():
        wall, cpu, most = (statistics.median(one[at] for one in runs) for at in range(3))
        print(
            f"  {name:9} {number / wall:8,.0f} papers/s  {wall:6.2f} s"
            f"  {cpu / number * 1e6:6.0f} us CPU a paper  {most:4.0f} MiB"
        )
    for name in ("ours", "again"):
        ratios = [a[1] / b[1] for a, b in zip(took[name], took["baseline"], strict=True)]
        print(f"  CPU against the baseline, {name}: {statistics.median(ratios):.2f} x")
    print(f"  the same rows in both: {held}", flush=True)


def same_rows(own: Path, plain: Path) -> str:
    """How many rows of papers both stores hold; exits loudly where they are not the same.

    Only ours has a row of how the run went. Nothing else may be in any table of either.
    """
    connection = sqlite3.connect(own)
    connection.execute("ATTACH ? AS plain", [str(plain)])
    counted, wrong = list[str](), list[str]()
    for (table,) in connection.execute(
        "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    ).fetchall():
        mine, theirs = (
            connection.execute(f"SELECT count(*) FROM {schema}.{table}").fetchone()[0]
            for schema in ("main", "plain")
        )
        if table in TABLES:
            counted.append(f"{table} {mine:,}")
            for a, b in (("main", "plain"), ("plain", "main")):
                query = f"SELECT * FROM {a}.{table} EXCEPT SELECT * FROM {b}.{table} LIMIT 1"
                if row := connection.execute(query).fetchone():
                    wrong.append(f"only in {a}.{table}: {row}")
        if mine != theirs + (table == "source_states"):
            wrong.append(f"{table}: {mine:,} rows, the baseline {theirs:,}")
    connection.close()
    if wrong:
        raise SystemExit(
            "THE TWO DO NOT HOLD THE SAME ROWS, the figures mean nothing:\n" + "\n".join(wrong)
        )
    return ", ".join(counted)


if __name__ == "__main__":
    main()
