"""Waits that end when the process is to end."""

from __future__ import annotations

import time
from collections.abc import Callable

from newsletter.errors import Stopped

LOOK = 0.2  # seconds between looks whether to stop


def pauses(stopped: Callable[[], bool]) -> Callable[[float], None]:
    """What waits for some seconds, and raises Stopped once `stopped` says so."""

    def pause(seconds: float) -> None:
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            if stopped():
                raise Stopped("It was asked to end.")
            time.sleep(min(left, LOOK))

    return pause
