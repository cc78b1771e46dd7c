"""Our program, in phases: freeze once an issue, compose, dispatch. Run by benchmarks.digests.

Composing and sending are processes of their own, as they are in service, so that the memory of each
can be told. Starting them is not in the figures but for workers, which are started to send.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.metering import Meter, child, peak
from benchmarks.publication import Manner, Seed
from benchmarks.results import Round
from benchmarks.sinks import sink
from newsletter import pipeline
from newsletter.app import App
from newsletter.cli import workers
from newsletter.config import load
from newsletter.delivery import DeliveryState
from newsletter.store import deliveries

PHASES = ("freeze", "compose", "dispatch")
ANY_ISSUE = 2**31 - 1  # higher than the number of any


def measured(seed: Seed, readers: int, manner: Manner) -> Round:
    """One run of all phases for a copy of a publication with that many readers."""
    with sink(quick=manner.quick) as server, seed.copied(server.port, manner) as file:
        made = child("ours", "compose", str(file))
        sent = child("ours", "dispatch", str(file), str(manner.workers))
    done = made | sent
    if not sent["sent"] == server.messages == readers:
        raise SystemExit(f"{sent['sent']} sent, {server.messages} taken, of {readers} readers.")
    each = 1e6 / readers
    return Round(
        cpu=sum(done[f"{name}_cpu"] for name in PHASES) * each,
        wall=sum(done[f"{name}_wall"] for name in PHASES) * each,
        sending=done["dispatch_wall"] * each,
        size=done["size"],
        sink=server.cpu * each,
        peak=max(made["peak"], sent["peak"]),
        sender=sent["peak"],
        phases={name: done[f"{name}_cpu"] * each for name in PHASES},
    )


def compose(app: App) -> dict[str, float]:
    """Freezes and composes, and has all be due now."""
    now = datetime.now(UTC)
    what = (app.database, app.renderer, app.catalogue, app.terms, now)
    with Meter() as frozen:
        pipeline.freeze(*what)
    with Meter() as composed:
        pipeline.compose(*what)
    most = peak()
    with app.database.write() as connection:
        deliveries.bring_forward(connection, now)
    mails = pipeline.rehearse(app.database, app.signer, now, limit=50, mail_signer=app.mail_signer)
    return {
        "size": statistics.mean(len(one.message.content) for one in mails),
        "freeze_cpu": frozen.cpu,
        "freeze_wall": frozen.wall,
        "compose_cpu": composed.cpu,
        "compose_wall": composed.wall,
        "peak": most,
    }


def dispatch(app: App, processes: int) -> dict[str, float]:
    """Sends what is due."""
    post = app.post("benchmark", lambda: datetime.now(UTC))
    signer = app.signer
    with app.database.read():  # opened before
        pass
    with Meter() as meter:
        if processes == 1:
            done = pipeline.dispatch(app.database, signer, post)
            sent = done.states[DeliveryState.SENT]
        else:
            config = ["--config", str(app.config.file)]
            judged = ["--cleared", str(ANY_ISSUE)]  # once an issue, by the process that starts them
            ended = workers.run([*config, "send", "--json", *judged], processes)
            sent = sum(one.counts[DeliveryState.SENT.value] for one in ended)
    return {
        "dispatch_cpu": meter.cpu,
        "dispatch_wall": meter.wall,
        "peak": peak(),
        "sent": sent,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one of the two and prints a line of JSON."""
    name, file, *more = sys.argv[1:] if arguments is None else arguments
    app = App(load(Path(file), {}))
    told = compose(app) if name == "compose" else dispatch(app, int(*more))
    app.close()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
