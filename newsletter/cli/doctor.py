"""doctor: examines the installation, and tells what to do about what it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import as_json, counted, dump, say, table
from newsletter.doctor.findings import Area, Finding, State
from newsletter.errors import NewsletterError, RequestError


@click.command(epilog="Example: newsletter doctor --json")
@click.option("--dns", "anyway", is_flag=True, help="Ask the DNS where mail stays here, too.")
@click.option("--sources", is_flag=True, help="Ask each source once, as `sources test` does.")
@click.option("--offline", is_flag=True, help="Ask nobody over the network but the database.")
@as_json
@click.pass_context
@pass_app
def doctor(
    app: App,
    context: click.Context,
    anyway: bool,
    sources: bool,
    offline: bool,
    as_json: bool,
) -> None:
    """Examine the whole installation, and tell what to do about what is wrong.

    Settings, database, folders, templates, clock, sources, the login to mail servers, the sender's
    DNS (SPF, DKIM, DMARC, MX, PTR), readers' pages. Nothing is sent or changed. Ends with exit code
    1 where there are errors; warnings, and what could not be asked, end with 0.
    """
    if offline and (anyway or sources):
        other = "--dns" if anyway else "--sources"
        raise RequestError(f"--offline asks nobody and {other} somebody; leave out one of them.")
    manner = pipeline.Manner(
        now=lambda: datetime.now(UTC), offline=offline, sources=sources, dns=anyway
    )
    findings = pipeline.examine(app, manner)
    counts = Counter(one.state for one in findings)
    if as_json:
        dump(
            {
                "healthy": not counts[State.ERROR],
                "counts": {state.value: counts[state] for state in State},
                "findings": [asdict(one) for one in findings],
            }
        )
    else:
        _show(findings)
        words = {State.ERROR: "error", State.WARNING: "warning"}
        told = [counted(counts[state], word) for state, word in words.items() if counts[state]]
        told += [f"{counts[one]} {one}" for one in (State.OK, State.SKIPPED) if counts[one]]
        say(", ".join(told) + ".")
    if counts[State.ERROR]:
        context.exit(NewsletterError.exit_code)


def _show(findings: Sequence[Finding]) -> None:
    """A table an area."""
    for area in Area:
        rows = [[one.state, one.check, one.what, one.do] for one in findings if one.area is area]
        if rows:
            title = "DNS" if area is Area.DNS else area.capitalize()
            table(["State", "Check", "What", "What to do"], rows, title=title)
