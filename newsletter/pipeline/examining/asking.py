"""Asks several questions side by side, none for longer than it may take."""

from __future__ import annotations

import threading
from time import monotonic

from newsletter.doctor.findings import Area, Finding, error, placed
from newsletter.pipeline.examining.parts import Check, guarded


class Question:
    """One that is asked in a thread of its own, which does not hold the program's end up."""

    def __init__(self, area: Area, name: str, check: Check, seconds: float) -> None:
        self.area = area
        self._name = name
        self._seconds = seconds
        self._found: tuple[Finding, ...] = ()
        self._ends = monotonic() + seconds
        self._thread = threading.Thread(target=self._ask, args=(check,), daemon=True)
        self._thread.start()

    def _ask(self, check: Check) -> None:
        self._found = guarded(self.area, self._name, check)

    def found(self) -> tuple[Finding, ...]:
        """What came of it, waited for no longer than it may take."""
        self._thread.join(max(self._ends - monotonic(), 0))
        if not self._thread.is_alive():
            return self._found
        what = f"There was no answer in {self._seconds:g} seconds."
        do = "Try again; if it stays so, look at the network, or whoever is asked."
        return placed(self.area, [error(self._name, what, do)])
