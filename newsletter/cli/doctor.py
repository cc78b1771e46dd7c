"""doctor: examines the installation, and tells what to do about what it found."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import click

from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import as_json, counted, dump, say, table
from newsletter.doctor.findings import State
from newsletter.errors import NewsletterError


@click.command(epilog="Example: newsletter doctor --json")
@click.option("--dns", "anyway", is_flag=True, help="Ask the DNS where mail stays here, too.")
@as_json
@click.pass_context
@pass_app
def doctor(app: App, context: click.Context, anyway: bool, as_json: bool) -> None:
    """Examine the sender's DNS: SPF, DKIM, DMARC, MX, and the name mail leaves under.

    Nothing is sent or changed. Ends with exit code 1 where there are errors; warnings, and what
    could not be asked, end with 0. doctor.nameservers names other DNS servers than the system's.
    """
    findings = app.dns(anyway=anyway)
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
        rows = [[one.state, one.check, one.what, one.do] for one in findings]
        table(["State", "Check", "What", "What to do"], rows)
        words = {State.ERROR: "error", State.WARNING: "warning"}
        told = [counted(counts[state], word) for state, word in words.items() if counts[state]]
        told += [f"{counts[one]} {one}" for one in (State.OK, State.SKIPPED) if counts[one]]
        say(", ".join(told) + ".")
    if counts[State.ERROR]:
        context.exit(NewsletterError.exit_code)
