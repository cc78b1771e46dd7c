"""Readers' pages under load: latency at a fixed rate, against a bare FastAPI page.

Run: python -m benchmarks.pages [--rate 200] [--seconds 60]

Requests come at even times whether earlier ones are answered or not (an open loop), over kept
connections, by a process of its own; half ask for the front page, half for the preview of random
choices, some with a phrase of their own. A request's latency counts from when it should have been
sent (no coordinated omission). The baseline is an `async def` that returns a text as large as the
front page, by the same server, packed the same. Any answer but 200 counts as an error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from newsletter.resources import folder

CONNECTIONS = 32
SETTINGS = """
[sender]
address = "daily@example.org"
postal_address = "1 Loopback Road"
"""
BARE = """
import socket, sys
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.middleware.gzip import GZipMiddleware
app = FastAPI()
app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=4)
text = open(sys.argv[1], encoding="utf-8").read()
@app.get("/{path:path}")
async def page(path: str) -> HTMLResponse:
    return HTMLResponse(text)
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run([listening])
"""
PHRASES = ("reinforcement learning", "diffusion", "retrieval AND NOT survey", "quanti*", "agents")


def main() -> None:
    """Runs both and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="papers-pages-") as name:
        place = Path(name)
        (place / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
        page = str(folder("seeds") / "trending-papers.txt")
        for words in (["collect", page], ["compose"]):
            _run(place, *words)
        with _serving([sys.executable, "-m", "newsletter", "serve", "--port", "0"], place) as ours:
            paths = _paths(place, random.Random(6))
            text = asyncio.run(_fetched(ours, "/"))
            (place / "front.html").write_bytes(text)
            mine = _load(ours, paths, told.rate, told.seconds)
        bare = [sys.executable, "-c", BARE, str(place / "front.html")]
        with _serving(bare, place) as port:
            base = _load(port, lambda: "/", told.rate, told.seconds)
    print(f"{told.rate} requests a second for {told.seconds} s; milliseconds")
    print(f"{'':24}{'p50':>8}{'p90':>8}{'p99':>8}{'most':>8}{'errors':>8}{'CPU s':>8}")
    for name, one in (("readers' pages", mine), ("a bare FastAPI page", base)):
        numbers = "".join(f"{one[key]:8.1f}" for key in ("p50", "p90", "p99", "most"))
        print(f"{name:24}{numbers}{one['errors']:8d}{one['cpu']:8.1f}")
    ratio = {key: mine[key] / base[key] for key in ("p50", "p99", "cpu")}
    print("ratio: " + ", ".join(f"{key} {value:.1f} x" for key, value in ratio.items()))


def _run(place: Path, *words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "newsletter", *words], cwd=place, check=True, capture_output=True
    )


@contextmanager
def _serving(command: Sequence[str], place: Path) -> Iterator[int]:
    """A server in a process of its own, and its port, once it answers."""
    process = subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = int("".join(c if c.isdigit() else " " for c in line).split()[-1])
        for _ in range(200):
            try:
                asyncio.run(_fetched(port, "/"))
                break
            except OSError:
                time.sleep(0.1)
        _PIDS[port] = process.pid
        yield port
    finally:
        process.terminate()
        process.wait(20)


_PIDS: dict[int, int] = {}


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _paths(place: Path, dice: random.Random) -> Callable[[], str]:
    """The next path to ask for."""
    done = subprocess.run(
        [sys.executable, "-m", "newsletter", "topics", "list", "--json"],
        cwd=place,
        check=True,
        capture_output=True,
    )
    slugs = [one["slug"] for one in json.loads(done.stdout)]

    def path() -> str:
        if dice.random() < 0.5:
            return "/"
        chosen: list[tuple[str, str]] = [
            ("topic", slug) for slug in dice.sample(slugs, dice.randint(1, 8))
        ]
        chosen.append(("length", str(dice.randint(3, 15))))
        if dice.random() < 0.2:
            chosen.append(("phrases", dice.choice(PHRASES)))
        return f"/preview?{urlencode(chosen)}"

    return path


def _load(port: int, path: Callable[[], str], rate: int, seconds: int) -> dict[str, Any]:
    pid = _PIDS[port]
    before = _cpu(pid)
    took, errors = asyncio.run(_send(port, path, rate, seconds))
    took.sort()
    cuts = statistics.quantiles(took, n=1000)
    return {
        "p50": 1000 * cuts[499],
        "p90": 1000 * cuts[899],
        "p99": 1000 * cuts[989],
        "most": 1000 * took[-1],
        "errors": errors,
        "cpu": _cpu(pid) - before,
    }


async def _send(
    port: int, path: Callable[[], str], rate: int, seconds: int
) -> tuple[list[float], int]:
    free: asyncio.Queue[_Line] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(_Line(port))
    took: list[float] = []
    errors = 0

    async def one(path: str, planned: float) -> None:
        nonlocal errors
        line = await free.get()
        try:
            status, _ = await line.ask(path)
            errors += status != 200
        except (OSError, ValueError, asyncio.IncompleteReadError):
            errors += 1
            line.close()
        finally:
            free.put_nowait(line)
        took.append(time.perf_counter() - planned)

    start = time.perf_counter()
    waiting = set()
    for at in range(rate * seconds):
        planned = start + at / rate
        await asyncio.sleep(max(0.0, planned - time.perf_counter()))
        task = asyncio.create_task(one(path(), planned))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
    await asyncio.gather(*waiting)
    while not free.empty():
        free.get_nowait().close()
    return took, errors


class _Line:
    """A connection that is kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str) -> tuple[int, bytes]:
        """The status and the body of an answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n"
        writer.write(head.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        fields = answer.lower().split(b"\r\n")
        length = next((f for f in fields if f.startswith(b"content-length:")), None)
        if length is None:
            raise ValueError("an answer without a length")
        body = await reader.readexactly(int(length.partition(b":")[2]))
        return int(fields[0].split()[1]), body

    def close(self) -> None:
        """Ends it; the next request makes another."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


async def _fetched(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2]


if __name__ == "__main__":
    main()
