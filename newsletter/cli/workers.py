"""Several processes that send beside each other: each is this command again, for itself.

They share nothing but the ledger, which lets each delivery be claimed once.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import IO, Any

from newsletter import logs

LOOK = 0.5  # seconds between two looks at how far they are


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How one process ended."""

    code: int
    told: Mapping[str, Any]  # what its --json says; empty where it came to none
    words: str  # on its standard error, beside its log

    @property
    def counts(self) -> Counter[str]:
        """The numbers of it."""
        return Counter({name: one for name, one in self.told.items() if isinstance(one, int)})


def run(
    arguments: Sequence[str], number: int, look: Callable[[], None] = lambda: None
) -> list[Ended]:
    """Runs `newsletter ARGUMENTS` in `number` processes; a wish to stop is passed on to all.

    `look` is called twice a second while they run.
    """
    outs = [tempfile.TemporaryFile("w+") for _ in range(2 * number)]  # noqa: SIM115  closed below
    try:
        started: list[subprocess.Popen[bytes]] = []
        asked: list[int] = []

        def pass_on(wish: int, _frame: FrameType | None) -> None:
            asked.append(wish)
            for one in started:
                one.send_signal(wish)

        before = {one: signal.signal(one, pass_on) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            for at in range(number):
                if asked:
                    break
                one = subprocess.Popen(
                    [sys.executable, "-m", "newsletter", *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=outs[2 * at],
                    stderr=outs[2 * at + 1],
                    start_new_session=True,  # Ctrl-C reaches them once: from us
                )
                started.append(one)
            codes = [_wait(one, look) for one in started]
        finally:
            for wished, handler in before.items():
                signal.signal(wished, handler)
        return [
            Ended(code=code, told=_told(_read(out)), words=_words(_read(told)))
            for code, out, told in zip(codes, outs[::2], outs[1::2], strict=False)
        ]
    finally:
        for out in outs:
            out.close()


def _wait(process: subprocess.Popen[bytes], look: Callable[[], None]) -> int:
    while True:
        try:
            return process.wait(LOOK)
        except subprocess.TimeoutExpired:
            look()


def _read(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _words(text: str) -> str:
    """What a process said for people; the lines of its log are handed on to ours."""
    lines = text.splitlines()
    logged = [line for line in lines if logs.is_line(line)]
    sys.stderr.writelines(f"{line}\n" for line in logged)
    return "\n".join(line for line in lines if not logs.is_line(line)).strip()


def _told(text: str) -> Mapping[str, Any]:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
