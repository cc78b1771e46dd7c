"""What the programs that are given each reader's digest ready have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.results import Round
from benchmarks.sinks import sink


def measured(
    name: str, digests: int, send: Callable[[int], Mapping[str, float]], *, quick: bool = False
) -> Round:
    """One run of a program that sends so many digests to a port, and tells what that took.

    Raises SystemExit where the sink took another number of them.
    """
    with sink(quick=quick) as server:
        done = send(server.port)
    if server.messages != digests:
        raise SystemExit(f"{name}: {server.messages} taken of {digests}.")
    each = 1e6 / digests
    return Round(
        cpu=done["cpu"] * each,
        wall=done["wall"] * each,
        size=done["size"],
        sink=server.cpu * each,
        peak=done["peak"],
    )
