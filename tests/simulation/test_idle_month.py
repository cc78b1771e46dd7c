"""A publication that has nothing to do holds no more memory as days go by.

`SIMULATION_IDLE_DAYS` asks for a longer stretch; a month takes half a minute.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.simulation.idle import Held

DAYS = int(os.environ.get("SIMULATION_IDLE_DAYS", "2"))
MOST_KIB = 6 * 1024  # more after a month than at its start: what is looked up once, and no more
MOST_OBJECTS = 8000  # some are kept for a while; one a duty and half hour would be more


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Pages are asked, duties are looked at; the last days hold what the first ones held."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.simulation.idle", tmp_path, str(DAYS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 + 20 * DAYS)
    assert done.returncode == 0, done.stderr
    held = [Held(*map(int, line.split())) for line in done.stdout.splitlines()]
    assert [one.day for one in held] == list(range(1, DAYS + 1))
    first, last = held[: max(1, min(7, DAYS // 2))], held[-max(1, min(7, DAYS // 2)) :]
    grown = max(one.kib for one in last) - max(one.kib for one in first)
    assert grown <= MOST_KIB, held
    assert last[-1].objects - first[-1].objects <= MOST_OBJECTS, held
