"""Writes what was measured into docs/performance.md, between its markers, and draws it.

Run: python -m benchmarks.report .bench/results.jsonl
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import drawing
from benchmarks.results import OURS, Result, kept, ours, times

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
PLOT = "plot"
CANNED = "smtp-source"
_PLACE = re.compile(r"(<!-- figures: ([a-z]+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes tables, the plot and the results they are made of, all beside each other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="lines of JSON that benchmarks kept")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page with the markers")
    asked = parser.parse_args(arguments)
    found = newest(kept(asked.results))
    page: Path = asked.page
    page.write_text(filled(page.read_text(encoding="utf-8"), found), encoding="utf-8")
    drawn = plottable(found)
    if drawn:
        page.with_suffix(".svg").write_text(plot(drawn), encoding="utf-8")
    kept_beside = page.with_suffix(".jsonl")
    if asked.results.resolve() != kept_beside.resolve():
        shutil.copyfile(asked.results, kept_beside)
    print(f"Wrote {page}.")


def newest(found: Sequence[Result]) -> list[Result]:
    """Of results of the same thing, the last one."""
    return list({_named(one): one for one in found}.values())


def _named(one: Result) -> tuple[object, ...]:
    told = (one.terms.get(name) for name in ("database", "workers", "connections", "sink"))
    return (one.bench, one.program, one.number, *told)


def of(found: Sequence[Result], bench: str, database: str | None = None) -> list[Result]:
    """The results of one benchmark (with one database), small N first."""
    chosen = [
        one for one in found if one.bench == bench and database in (None, one.terms.get("database"))
    ]
    return sorted(chosen, key=lambda one: one.number)


def filled(page: str, found: Sequence[Result]) -> str:
    """The page with its tables made anew; of what was not measured, the tables stay."""

    def place(at: re.Match[str]) -> str:
        chosen = plottable(found) if at[2] == PLOT else of(found, at[2])
        if not chosen:
            return at[0]
        return f"{at[1]}\n{TABLES[at[2]](chosen)}\n\n{at[3]}"

    return _PLACE.sub(place, page)


def plottable(found: Sequence[Result]) -> list[Result]:
    """The digests that are drawn: those of SQLite, all measured in the same manner."""
    digests = of(found, "digests", "SQLite")
    return [one for one in digests if _manner(one) == _manner(digests[0])]


def plotted(_: Sequence[Result]) -> str:
    """Where the plot and the results are found, beside the page."""
    words = "Microseconds of CPU a digest, ours beside others, and how ours grow with readers"
    name = PAGE.stem
    return f"![{words}]({name}.svg)\n\nEach round: [{name}.jsonl]({name}.jsonl)."


def digests(found: Sequence[Result]) -> str:
    """For each database and N all programs; then our phases and growth."""
    made = []
    for manner in dict.fromkeys(_manner(one) for one in found):
        mine = [one for one in found if _manner(one) == manner]
        for number in dict.fromkeys(one.number for one in mine):
            chosen = [one for one in mine if one.number == number]
            made.append(f"{_terms(chosen[0])}, N = {number:,}:\n\n{_programs(chosen)}")
        made.append(f"Ours by phases, µs of CPU a digest, {manner}:\n\n{_phases(mine)}")
    return "\n\n".join(made)


def _manner(one: Result) -> str:
    told = one.terms
    several = "" if told.get("workers", 1) == 1 else f", {told['workers']} sending processes"
    return f"{told.get('database')}, {told.get('sink')}{several}"


def pieces(found: Sequence[Result]) -> str:
    """One table of one piece alone, all N in it."""
    return f"{_terms(found[0])}:\n\n{_programs(found)}"


def ledger(found: Sequence[Result]) -> str:
    """A table for each database, and how the cost grows."""
    made = []
    for name in dict.fromkeys(str(one.terms.get("database")) for one in found):
        chosen = of(found, "ledger", name)
        made.append(pieces(chosen))
        mine = [one for one in chosen if one.program == OURS]
        made += [
            f"From {mine[0].number:,} rows to {one.number:,}: {one.cpu / mine[0].cpu:.2f} times "
            "the CPU a delivery."
            for one in mine[1:]
        ]
    return "\n\n".join(made)


TABLES: dict[str, Callable[[Sequence[Result]], str]] = {
    PLOT: plotted,
    "digests": digests,
    "build": pieces,
    "ledger": ledger,
    "send": pieces,
}


def _terms(one: Result) -> str:
    told = one.terms
    parts = [str(told[name]) for name in ("database",) if name in told]
    parts += [str(told[name]) for name in ("sink",) if name in told]
    parts += [f"{told[name]} {name}" for name in ("connections", "cores") if name in told]
    if told.get("workers", 1) != 1:
        parts.append(f"{told['workers']} sending processes")
    parts += [f"Python {told.get('python')}", f"medians of {len(one.rounds)}", str(told.get("day"))]
    return ", ".join(parts)


def _programs(found: Sequence[Result]) -> str:
    several = len({one.number for one in found}) > 1
    heads = ["program", *(["N"] if several else []), f"µs CPU a {found[0].unit}", "times ours"]
    heads += [f"{found[0].unit[:-1]}ies" if found[0].unit[-1] == "y" else f"{found[0].unit}s"]
    heads[-1] += " a second"
    sent, sized = any(one.sink for one in found), any(one.size for one in found)
    heads += ["sink's µs"] if sent else []
    heads += ["peak MiB"] if any(one.peak for one in found) else []
    heads += ["KB a message"] if sized else []
    rows = []
    for one in found:
        mine = ours(found, one.number)
        row = [one.program, *([f"{one.number:,}"] if several else []), _number(one.cpu)]
        row += ["" if mine is None else f"{times(one, mine):.2f}", f"{one.rate:,.0f}"]
        row += [_number(one.sink)] if sent else []
        row += [_number(one.peak) if one.peak else ""] if "peak MiB" in heads else []
        row += [f"{one.size / 1000:.1f}"] if sized else []
        rows.append(row)
    more = [
        f"Our rate is {times(mine, one, 'rate'):.2f} of smtp-source's (N = {one.number:,})."
        for one in found
        if one.program.startswith(CANNED) and (mine := ours(found, one.number)) is not None
    ]
    return "\n\n".join([_table(heads, rows), *more])


def _phases(found: Sequence[Result]) -> str:
    rows = []
    first = next(one for one in found if one.program == OURS)
    for one in found:
        if not one.phases:
            continue
        row = [one.program, f"{one.number:,}", *map(_number, one.phases.values())]
        growth = f"{one.repeated / first.repeated:.2f}" if one.program == OURS else ""
        rows.append([*row, _number(one.cpu), growth, _number(one.peak), _number(one.sender)])
    heads = ["program", "N", *first.phases, "all", "growth but for freezing"]
    heads += ["peak MiB", "MiB of a sending process"]
    return _table(heads, rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---", *("--:" for _ in heads[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def plot(found: Sequence[Result]) -> str:
    """Bars of the largest N that has baselines, and our growth over all N."""
    whole = [one.number for one in found if one.program != OURS]
    number = max(whole, default=found[-1].number)
    bars = {one.program: one.cpu for one in found if one.number == number}
    mine = [one for one in found if one.program == OURS]
    lines = {
        "all": [(one.number, one.cpu) for one in mine],
        "but for freezing": [(one.number, one.repeated) for one in mine],
    }
    titles = (
        f"µs of CPU a digest, N = {number:,} (powers of ten)",
        "Ours: µs of CPU a digest, from few readers to many",
    )
    ordered = dict(sorted(bars.items(), key=lambda pair: -pair[1]))
    return drawing.drawn(ordered, lines, titles)


if __name__ == "__main__":
    main()
