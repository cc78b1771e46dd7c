"""Papers imported a second, against the loop one would write first.

Run: python -m benchmarks.imports [--papers 10000] [--rounds 3]

Both read the same .jsonl file of papers, made from the 70 of the saved page, into a new SQLite file
with the same tables and the same durability. The baseline takes each line with `json.loads` and
inserts paper and observation by `executemany`, a transaction each 500: it checks nothing, merges
nothing and keeps no record of who said what. Ours is `newsletter collect FILE`'s own verb, into an
empty store, then again over what is there. Each run is a process of its own, so that memory can be
told; rounds alternate, the median counts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from newsletter import pipeline, sources
from newsletter.papers import Observation, Paper, PaperId
from newsletter.records import line
from newsletter.resources import folder
from newsletter.sources.files import FileOptions
from newsletter.sources.page import PageSource
from newsletter.sources.port import NEWS, Answer
from newsletter.store.database import Database

NOW = datetime(2026, 3, 12, tzinfo=UTC)


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


def ours(database: Path, file: Path) -> None:
    """Our verb."""
    store = Database(f"sqlite:///{database}")
    store.prepare()
    fetcher = sources.Fetcher(sources.Http(sources.Limits(agent="benchmark"), sources.NoTurns()))
    chosen = [sources.build("jsonl", {"path": str(file)}, file.parent)]
    (done,) = pipeline.collect(store, fetcher, chosen, NOW)
    if done.error or done.refused:
        raise SystemExit(f"not all was read: {done}")
    store.close()


def baseline(database: Path, file: Path) -> None:
    """The obvious loop."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    names = ("id", "title", "abstract", "authors", "classes", "published", "url", "pdf_url")
    connection.execute(f"CREATE TABLE IF NOT EXISTS papers ({', '.join(names)}, PRIMARY KEY (id))")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS observations (paper_id, source, at, listed, votes, comments, "
        "PRIMARY KEY (paper_id, source, at))"
    )
    marks = ", ".join("?" * len(names))

    def keep(rows: list[dict[str, object]]) -> None:
        connection.executemany(
            f"INSERT OR REPLACE INTO papers VALUES ({marks})",
            [[_flat(row.get(name)) for name in names] for row in rows],
        )
        connection.executemany(
            "INSERT OR REPLACE INTO observations VALUES (?, ?, ?, ?, ?, ?)",
            [
                [
                    row["id"],
                    *(seen.get(name) for name in ("source", "at", "listed", "votes", "comments")),
                ]
                for row in rows
                for seen in row["observations"]  # type: ignore[attr-defined]
            ],
        )
        connection.commit()

    rows: list[dict[str, object]] = []
    with file.open("rb") as lines:
        for one in lines:
            rows.append(json.loads(one))
            if len(rows) == 500:
                keep(rows)
                rows = []
    keep(rows)


def _flat(value: object) -> object:
    return json.dumps(value) if isinstance(value, list) else value


RUNS: dict[str, Callable[[Path, Path], None]] = {"ours": ours, "baseline": baseline}


def measured(name: str, database: Path, file: Path) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak MiB of one run in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.imports", "--run", name, str(database), str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, cpu, peak = map(float, done.stdout.split())
    return wall, cpu, peak


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--papers", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", nargs=3, metavar=("NAME", "DATABASE", "FILE"))
    args = parser.parse_args()
    if args.run:
        name, database, file = args.run
        started, cpu = time.perf_counter(), time.process_time()
        RUNS[name](Path(database), Path(file))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(time.perf_counter() - started, time.process_time() - cpu, peak)
        return
    with tempfile.TemporaryDirectory(prefix="newsletter-") as place:
        for number in (args.papers // 4, args.papers, args.papers * 4):
            _compare(Path(place), number, args.rounds)


def _compare(place: Path, number: int, rounds: int) -> None:
    file = place / f"{number}.jsonl"
    write(file, number)
    took: dict[str, list[tuple[float, float, float]]] = {"ours": [], "again": [], "baseline": []}
    for at in range(rounds):
        took["ours"].append(measured("ours", place / f"{number}.{at}.db", file))
        took["baseline"].append(measured("baseline", place / f"{number}.{at}.plain.db", file))
        took["again"].append(measured("ours", place / f"{number}.{at}.db", file))
    print(f"{number} papers, {file.stat().st_size / 2**20:.0f} MiB, medians of {rounds}:")
    for name, runs in took.items():
        wall, cpu, peak = (statistics.median(one[at] for one in runs) for at in range(3))
        print(
            f"  {name:9} {number / wall:8,.0f} papers/s  {wall:6.2f} s"
            f"  {cpu / number * 1e6:6.0f} us CPU a paper  {peak:4.0f} MiB"
        )
    ratios = [a[1] / b[1] for a, b in zip(took["ours"], took["baseline"], strict=True)]
    print(f"  CPU against the baseline: {statistics.median(ratios):.1f} x")


if __name__ == "__main__":
    main()
