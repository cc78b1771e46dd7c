"""The same bytes again and again, by Postfix's `smtp-source`: what sending alone costs in C."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from benchmarks.metering import Meter
from benchmarks.results import Round
from benchmarks.sinks import sink, tool

MISSING = "smtp-source is not installed; it is of Postfix (Debian: postfix)"


def measured(content: bytes, messages: int, connections: int, *, quick: bool = False) -> Round:
    """One run over connections that are kept; raises SystemExit where it is not installed."""
    program = tool("smtp-source")
    if program is None:
        raise SystemExit(MISSING)
    kept = tempfile.TemporaryDirectory(prefix="newsletter-")
    with kept as place, sink(quick=quick) as server:
        file = Path(place) / "mail"
        file.write_bytes(content.replace(b"\r\n", b"\n"))
        command = [program, "-d", "-s", str(connections), "-m", str(messages)]
        command += ["-f", "daily@example.org", "-t", "reader@example.org", "-F", str(file)]
        with Meter() as meter:
            subprocess.run([*command, f"127.0.0.1:{server.port}"], check=True)
    if server.messages != messages:
        raise SystemExit(f"smtp-source: {server.messages} taken of {messages}.")
    each = 1e6 / messages
    return Round(
        cpu=meter.cpu * each,
        wall=meter.wall * each,
        sink=server.cpu * each,
        size=len(content),
    )
