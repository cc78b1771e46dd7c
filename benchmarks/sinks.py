"""The SMTP server all programs send to: it takes every message and forgets it.

`smtp-sink` of Postfix, a fresh one for each run, in a process of its own; where it is not
installed, one of Python, which brakes more. Or a quick one in C (`sink.c`), which leaves the
machine to who sends. What it costs is told beside each figure.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BACKLOG = "1000"
TOOLS = os.pathsep.join(("/usr/sbin", "/usr/lib/postfix/sbin", "/usr/libexec/postfix"))

# It tells how many messages it took in the words of smtp-sink.
PYTHON = """
import socketserver, sys
taken = 0
class Sink(socketserver.StreamRequestHandler):
    wbufsize = 0
    def handle(self):
        global taken
        self.wfile.write(b"220 sink\\r\\n")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"EHLO":
                self.wfile.write(b"250-sink\\r\\n250-PIPELINING\\r\\n250 8BITMIME\\r\\n")
                continue
            if word == b"DATA":
                self.wfile.write(b"354 go\\r\\n")
                while self.rfile.readline() != b".\\r\\n":
                    pass
                taken += 1
                print(f"mesg={taken}", flush=True)
            self.wfile.write(b"221 bye\\r\\n" if word == b"QUIT" else b"250 ok\\r\\n")
            if word == b"QUIT":
                return
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
Server(("127.0.0.1", int(sys.argv[1])), Sink).serve_forever()
"""


@dataclass(kw_only=True)
class Sink:
    """A server that runs; once it ended, what it took."""

    port: int
    messages: int = 0
    cpu: float = 0.0  # seconds


def tool(name: str) -> str | None:
    """Where a program of Postfix is; None where it is not installed."""
    return shutil.which(name) or shutil.which(name, path=TOOLS)


def kind(*, quick: bool = False) -> str:
    """What the sink is called."""
    if quick:
        return "a quick sink"
    return "smtp-sink" if tool("smtp-sink") else "a sink in Python"


@contextmanager
def sink(*, quick: bool = False) -> Iterator[Sink]:
    """A server on loopback in a process of its own; raises SystemExit where it does not start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        made = Sink(port=probe.getsockname()[1])
    with tempfile.TemporaryFile("w+") as out:
        command = _command(made.port, quick=quick)
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            _answers(process, made.port)
            yield made
        finally:
            process.send_signal(signal.SIGTERM)
            _, _, spent = os.wait4(process.pid, 0)
            process.returncode = 0  # it is waited for
            made.cpu = spent.ru_utime + spent.ru_stime
        out.seek(0)
        counts = re.findall(r"mesg=(\d+)", out.read())
        made.messages = int(counts[-1]) if counts else 0


def _command(port: int, *, quick: bool) -> list[str]:
    if quick:
        return [str(_compiled()), str(port)]
    found = tool("smtp-sink")
    if found is None:
        return [sys.executable, "-c", PYTHON, str(port)]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    return [found, "-c", *user, f"127.0.0.1:{port}", BACKLOG]


@cache
def _compiled() -> Path:
    """The quick one, compiled for this run; raises SystemExit where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise SystemExit("The quick sink needs a C compiler, cc (Debian: gcc).")
    place = tempfile.mkdtemp(prefix="newsletter-sink-")
    atexit.register(shutil.rmtree, place)
    made = Path(place) / "sink"
    source = Path(__file__).with_name("sink.c")
    subprocess.run([compiler, "-O2", "-o", str(made), str(source)], check=True)
    return made


def _answers(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(200):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"The sink does not answer on port {port}.")
