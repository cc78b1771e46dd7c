"""The benchmarks run: who doubts a figure can measure it again."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import (
    build,
    digests,
    dkim,
    imports,
    ledger,
    matching,
    readers,
    report,
    results,
    selection,
    send,
    sinks,
)

FEW = ["--readers", "4", "--rounds", "1"]  # so few that they cost seconds; such figures say nothing


def test_signatures_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """Each way to sign is told."""
    dkim.main(FEW)
    assert "dkimpy RSA-2048" in capsys.readouterr().out


def test_digests_are_measured_beside_the_obvious_loop(tmp_path: Path) -> None:
    """The baseline sends mails as large as ours: else the figures would not compare."""
    file = tmp_path / "results.jsonl"
    digests.main([*FEW, "--results", str(file)])  # into smtp-sink
    found = {one.program: one for one in results.kept(file)}
    mine, plain = found[results.OURS], found[digests.PLAIN]
    assert mine.number == 4
    assert all(one.cpu > 0 and one.sink > 0 for one in found.values())
    assert mine.size > 40_000
    assert all(0.8 < one.size / mine.size < 1.25 for one in found.values())
    assert plain.phases.keys() < mine.phases.keys() == {"freeze", "compose", "dispatch"}


@pytest.mark.skipif(shutil.which("cc") is None, reason="No C compiler, cc (Debian: gcc).")
def test_the_quick_sink_takes_messages_however_they_come() -> None:
    """Cut anywhere, several at once, with dots that end nothing; it tells how many they were."""
    lines = [b"MAIL FROM:<a@example.org>", b"RCPT TO:<b@example.org>", b"DATA", b"x", b"..", b"."]
    one = b"".join(line + b"\r\n" for line in lines)
    empty = b"DATA\r\n.\r\n"
    said = b"EHLO here\r\n" + one + empty + one
    with sinks.sink(quick=True) as server:
        for cut in range(1, len(said), 7):
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                line.sendall(said[:cut])
                time.sleep(0.002)
                line.sendall(said[cut:] + b"QUIT\r\n")
                heard = b"".join(iter(lambda: line.recv(4096), b""))
            assert heard.count(b"250 2.0.0 Ok") == 3 * 2 + 1, (cut, heard)
            assert heard.count(b"354 ") == 3
            assert heard.endswith(b"221 2.0.0 Bye\r\n")
    assert server.messages == 3 * len(range(1, len(said), 7))


def test_pieces_are_measured_and_written_into_the_page(tmp_path: Path) -> None:
    """What was measured stands between the markers; what was not stays as it is."""
    file, page = tmp_path / "results.jsonl", tmp_path / "performance.md"
    kept = ["--rounds", "1", "--results", str(file)]
    build.main(["--messages", "3", *kept])
    send.main(["--messages", "30", *kept])
    ledger.main(["--rows", "40,400", "--sample", "20", *kept])
    page.write_text(report.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    before = page.read_text(encoding="utf-8")
    report.main([str(file), "--page", str(page)])
    after = page.read_text(encoding="utf-8")
    told = {one.program for one in results.kept(file)}
    assert {results.OURS, build.PLAIN, ledger.ONE_BY_ONE, send.SMTPLIB} < told
    assert all(f"| {program} |" in after for program in told)
    assert "From 40 rows to 400: " in after
    assert _figures(before, "digests") == _figures(after, "digests")
    assert results.kept(page.with_suffix(".jsonl")) == results.kept(file)


def test_imports_are_measured_beside_a_loop_that_writes_the_same(tmp_path: Path) -> None:
    """A store that lacks a row, or has another value, stops the benchmark: it would flatter us."""
    file, mine, plain = (tmp_path / name for name in ("in.jsonl", "ours.db", "plain.db"))
    imports.write(file, 30)
    for one in (mine, plain):
        imports.prepare(one)
    imports.ours(mine, file)
    imports.baseline(plain, file)
    imports.ours(mine, file)
    told = "observations 30, paper_names 60, paper_records 30, papers 30"
    assert ", ".join(sorted(imports.same_rows(mine, plain).split(", "))) == told
    for change in ("UPDATE papers SET url = 'x' WHERE rowid = 3", "DELETE FROM observations"):
        with sqlite3.connect(plain) as connection:
            connection.execute(change)
        with pytest.raises(SystemExit, match="SAME ROWS"):
            imports.same_rows(mine, plain)


def _figures(page: str, name: str) -> str:
    return page.partition(f"<!-- figures: {name} -->")[2].partition("<!-- end")[0]


def test_the_plot_has_a_bar_for_each_program_and_lines_over_n() -> None:
    """Drawn of values alone: the same values are the same picture."""
    found = [
        results.Result(
            bench="digests", program=program, number=number, measured=number, rounds=[one]
        )
        for number in (1000, 10_000)
        for program, one in (
            (results.OURS, results.Round(cpu=300, wall=400, phases={"freeze": 1e5 / number})),
            (digests.PLAIN, results.Round(cpu=8000, wall=9000)),
        )
    ]
    drawn = report.plot(found)
    assert drawn.count("<rect") == 1 + 2
    assert drawn.count("<polyline") == 2
    assert "N = 10,000 (powers of ten)" in drawn
    assert results.times(found[1], found[0]) == pytest.approx(8000 / 300)
    ET.fromstring(drawn)


def test_the_benchmarks_of_selection_print_their_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Small, so that they cost a second each."""
    readers.main(["--readers", "600", "--plain", "5", "--rounds", "1"])
    matching.main(["--papers", "20", "--older", "40", "--topics", "20", "--rounds", "1"])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [sorted(line)[-1] for line in told] == ["world_mb", "topics"]
    assert all(line["ratio"] >= 0 for line in told)


def _case(task: str, votes: dict[str, int]) -> SimpleNamespace:
    return SimpleNamespace(
        task=task,
        now="2026-03-10",
        candidates=[SimpleNamespace(id=paper) for paper in votes],
        signals={
            paper: {"upvotes": count, "comments": None, "media": False}
            for paper, count in votes.items()
        },
    )


def test_the_bridge_gives_each_candidate_its_trend() -> None:
    """In the order of the candidates, the most voted for highest."""
    scores = selection.rank(_case("T3", {"2603.00001": 4, "2603.00002": 40, "2603.00003": 9}))
    assert scores[1] > scores[2] > scores[0]


def _told(name: str, text: str) -> SimpleNamespace:
    return SimpleNamespace(id=name, title=text, abstract=f"{text}. We study {text}.", authors=[])


def test_the_bridge_ranks_by_topic_and_by_likes() -> None:
    """What is about the topic, or like what was liked, is the highest."""
    kinds = ("robot grasping", "protein folding", "speech recognition", "traffic forecast")
    kinds += ("galaxy survey", "theorem proving", "image denoising", "query planning")
    papers = [_told(f"{kind}{at}", f"{kind} {at}") for kind in kinds for at in range(4)]
    case = SimpleNamespace(
        task="T1",
        corpus=SimpleNamespace(papers=papers, cache={}),
        candidates=papers,
        query=SimpleNamespace(name="protein", description="", keywords=["protein", "(", ""]),
        likes=[_told("liked", "speech recognition of vowels")],
    )
    best = max(zip(selection.rank(case), papers, strict=True), key=lambda pair: pair[0])
    assert best[1].title.startswith("protein")
    liked = SimpleNamespace(**{**vars(case), "task": "T2", "query": None})
    best = max(zip(selection.rank(liked), papers, strict=True), key=lambda pair: pair[0])
    assert best[1].title.startswith("speech")
