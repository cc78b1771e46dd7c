"""Digests made and sent, end to end, beside what one would write first; all into the same sink.

Run: python -m benchmarks.digests [--readers 5000,20000] [--rounds 3] [--dkim ed25519]

Ours freezes, composes (choosing and the ledger included), and sends over 40 connections. The plain
Python loop and Node with nodemailer's pool are given each reader's ten cards ready and keep no
ledger. They are measured on some of the readers: what a digest costs them does not depend on how
many there are. `smtp-source` sends one message of ours again and again. Programs alternate, each
run is a process of its own; medians count. CPU is the client's, all its processes together, without
that of the sink and of a database server.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks import canned, given, nodemailer, ours, plain_loop, results
from benchmarks.metering import alternated, machine
from benchmarks.publication import Manner, prepare
from benchmarks.results import OURS, Result, Round, times
from benchmarks.sinks import kind, tool

PLAIN, NODE, CANNED = "plain Python loop", "Node, nodemailer", "smtp-source, one message"
NEAREST = 0.8  # how large a baseline's messages have to be beside ours, and no more than 1 / that


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures every N, prints a table and ratios, and keeps the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--readers", type=results.numbers, default=[5000, 20_000], metavar="N,N")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=300, help="digests of the plain loop")
    parser.add_argument("--node-sample", type=int, default=2000, help="digests of Node")
    parser.add_argument("--connections", type=int, default=40)
    parser.add_argument("--workers", type=int, default=1, help="sending processes")
    parser.add_argument("--quick-sink", action="store_true", help="send into the sink of sink.c")
    parser.add_argument("--dkim", action="append", choices=("ed25519", "rsa"), default=[])
    parser.add_argument("--database", metavar="URL", help="a PostgreSQL server; databases are made")
    parser.add_argument("--results", type=Path, metavar="FILE", help="where lines of JSON are kept")
    asked = parser.parse_args(arguments)
    manner = Manner(
        connections=asked.connections,
        workers=asked.workers,
        database=asked.database,
        quick=asked.quick_sink,
    )
    found: list[Result] = []
    for readers in asked.readers:
        with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as place:
            found += _one(Path(place), readers, manner, asked)
    results.keep(asked.results, found)
    results.show(found)
    _tell(found)


def _one(place: Path, readers: int, manner: Manner, asked: argparse.Namespace) -> list[Result]:
    """All programs for one N."""
    few = {PLAIN: min(asked.sample, readers), NODE: min(asked.node_sample, readers)}
    ready = _given(place, max(few.values()))
    seed = prepare(place / "seed", readers, manner)
    programs: dict[str, Callable[[], Round]] = {OURS: partial(ours.measured, seed, readers, manner)}
    for key in asked.dkim:
        signed = replace(manner, dkim=key)
        programs[f"{OURS}, signed {key}"] = partial(ours.measured, seed, readers, signed)
    programs[PLAIN] = partial(plain_loop.measured, ready, few[PLAIN], quick=manner.quick)
    missing = nodemailer.missing()
    if missing:
        print(f"Without Node: {missing}.")
    else:
        programs[NODE] = partial(nodemailer.measured, ready, few[NODE], quick=manner.quick)
    if tool("smtp-source") is None:
        print(f"Without smtp-source: {canned.MISSING}.")
    else:
        mail = (ready / "ours.eml").read_bytes()
        programs[CANNED] = partial(
            canned.measured, mail, readers, manner.connections, quick=manner.quick
        )
    try:
        rounds = alternated(programs, asked.rounds)
    finally:
        seed.remove()
    terms = {
        "database": "PostgreSQL" if manner.database else "SQLite",
        "connections": manner.connections,
        "workers": manner.workers,
        "sink": kind(quick=manner.quick),
        **machine(),
    }
    return [
        Result(
            bench="digests",
            program=name,
            number=readers,
            measured=few.get(name, readers),
            rounds=found,
            terms=terms,
        )
        for name, found in rounds.items()
    ]


def _given(place: Path, number: int) -> Path:
    """The digests of some readers, for baselines that are given them ready."""
    seed = prepare(place / "few", number, Manner())
    app = seed.app(seed.place, port=25, manner=Manner())
    given.write(app, number, seed.place)
    app.close()
    return seed.place


def _tell(found: Sequence[Result]) -> None:
    """The ratios that are to be kept an eye on."""
    for one in found:
        mine = results.ours(found, one.number)
        if mine is None or one is mine:
            continue
        told = f"{times(one, mine):.2f} x our CPU"
        if one.phases:
            told += f", {times(one, mine, 'repeated'):.2f} x but for freezing"
        if one.program == CANNED:
            told += f"; our rate is {times(mine, one, 'rate'):.2f} of its"
        near = NEAREST <= one.size / mine.size <= 1 / NEAREST
        told += "" if near else f"; its messages are not as large: {one.size / mine.size:.2f} x"
        print(f"N = {one.number:,}: {one.program}: {told}")
    mine_all = [one for one in found if one.program == OURS]
    for one in mine_all[1:]:
        print(
            f"From N = {mine_all[0].number:,} to {one.number:,}: {one.cpu / mine_all[0].cpu:.2f} x "
            f"our CPU a digest, {one.repeated / mine_all[0].repeated:.2f} x but for freezing"
        )


if __name__ == "__main__":
    main()
