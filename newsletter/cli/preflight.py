"""preflight: judges an issue's mails before they leave, and tells what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.options import chosen_issue, pass_app
from newsletter.cli.show import Shown, as_json, counted, dump, grid, show
from newsletter.doctor.findings import State
from newsletter.errors import PreflightError, RequestError
from newsletter.preflight import spam
from newsletter.preflight.accounting import Accounts, Figures
from newsletter.preflight.findings import Level
from newsletter.preflight.report import Report

MOST_TOPICS = 10  # shown to people; --json has them all


@click.command(epilog="Example: newsletter preflight --json")
@click.argument("issue", required=False, metavar="[ISSUE]")
@click.option("--force", is_flag=True, help="End with 0 in spite of what send --force overrides.")
@click.option(
    "--spam/--no-spam",
    "filters",
    default=None,
    help="Ask SpamAssassin and rspamd about the median mail; by default where they are installed.",
)
@as_json
@click.pass_context
@pass_app
def preflight(
    app: App,
    context: click.Context,
    issue: str | None,
    force: bool,
    filters: bool | None,
    as_json: bool,
) -> None:
    """Judge the mails of ISSUE (its date; by default the newest) before they leave.

    Builds the shortest, the longest, the median and a hundred other mails as `send` would, and
    checks headers, size, links, HTML, contrast, signatures, the accounts and, where mail leaves
    this machine, the sender's DNS. Nothing is sent or changed. Ends with exit code 8 where there
    are errors; warnings alone end with 0.
    """
    with app.database.read() as connection:
        chosen = chosen_issue(connection, issue)
    begun = monotonic()
    means = app.means(_filters(filters))
    report = pipeline.preflight(app.database, means, chosen, datetime.now(UTC))
    seconds = monotonic() - begun
    if as_json:
        dump(_as_json(report, seconds))
    else:
        show(_parts(report, seconds))
    if not report.passes(force=force):
        context.exit(PreflightError.exit_code)


def refused(reports: tuple[Report, ...], *, forced: bool) -> PreflightError:
    """Why issues may not be sent, as one line."""
    told = []
    for one in reports:
        fatal, errors = one.levels[Level.FATAL], one.levels[Level.ERROR]
        numbers = counted(fatal + errors, "error")
        first = f", the first: {one.first.says}" if one.first is not None else "."
        told.append(f"Issue {one.issue} does not pass its preflight, with {numbers}{first}")
    last = reports[-1]
    advice = f"`newsletter preflight {last.issue}` tells all of them"
    if not any(one.levels[Level.FATAL] for one in reports):
        advice += "; --force sends in spite of them"
    elif forced:
        advice += "; --force does not override those that are fatal"
    return PreflightError(f"{' '.join(told)} {advice}.")


def _filters(wanted: bool | None) -> Mapping[str, str]:
    found = spam.filters() if wanted is not False else {}
    if wanted and not found:
        raise RequestError("Neither spamassassin nor rspamc is on the PATH; leave --spam out.")
    return found


def _parts(report: Report, seconds: float) -> list[Shown]:
    """What people are shown, in order."""
    parts: list[Shown] = [
        f"Preflight of issue {report.issue}: {counted(len(report.mails), 'mail')} built and "
        f"judged in {seconds:.1f} s."
    ]
    if report.findings:
        rows = [
            [one.level, one.check, one.says, _where(one.where, one.times), one.do]
            for one in report.findings
        ]
        parts.append(grid(["Level", "Check", "What", "Where", "What to do"], rows))
    parts += _accounts(report.accounts)
    for score in report.scores:
        told = f"{score.score:g} of {score.limit:g} points" if not score.trouble else score.trouble
        parts.append(f"{score.filter}: {told}.")
    parts.append(_dns(report))
    if report.before is not None:
        parts.append(_compared(report.figures, report.before))
    levels = report.levels
    told = ", ".join(
        counted(levels[level], what)
        for level, what in (
            (Level.FATAL, "fatal error"),
            (Level.ERROR, "error"),
            (Level.WARNING, "warning"),
        )
        if levels[level]
    )
    if report.passes():
        parts.append(f"Passes{f', with {told}' if told else ': nothing was found'}.")
    elif report.passes(force=True):
        parts.append(f"Does not pass: {told}. `newsletter send --force` sends in spite of it.")
    else:
        parts.append(f"Does not pass: {told}. What is fatal cannot be overridden.")
    return parts


def _where(where: str, times: int) -> str:
    return where if times == 1 else f"{where} (and {times - 1} more)".strip()


def _accounts(accounts: Accounts) -> list[Shown]:
    parts: list[Shown] = [
        f"{counted(accounts.readers, 'reader')}, {accounts.reached:,} with papers, "
        f"{accounts.mean:.1f} on average."
    ]
    if accounts.by_papers:
        rows = [[papers, readers] for papers, readers in accounts.by_papers.items()]
        parts.append(grid(["Papers", "Readers"], rows))
    parts += [f"{number:,} with nothing: {why}." for why, number in accounts.nothing.items()]
    for number, why in (
        (accounts.not_due, "not due: it is not their day, or they came since"),
        (accounts.left, "unsubscribed since it was composed"),
        (accounts.suppressed, "suppressed since it was composed"),
    ):
        if number:
            parts.append(f"{number:,} {why}.")
    topics = list(accounts.by_topic.items())[:MOST_TOPICS]
    told = [f"{slug} {readers:,}" for slug, readers in topics]
    told += [f"no topic {accounts.untopical:,}"] if accounts.untopical else []
    if told:
        more = len(accounts.by_topic) - len(topics)
        parts.append(f"By topic: {', '.join(told)}{f', and {more} topics more' if more else ''}.")
    return parts


def _dns(report: Report) -> str:
    """How the sender's DNS is, in one line; what is wrong with it stands among the findings."""
    counts = Counter(one.state for one in report.dns)
    if set(counts) == {State.SKIPPED}:
        return f"Sender's DNS: not asked. {report.dns[0].what}"
    told = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    return f"Sender's DNS: {told}; `newsletter doctor` tells all of it."


def _compared(now: Figures, before: Figures) -> str:
    return (
        f"Issue {before.issue} had {counted(before.readers, 'reader')}, {before.reached:,} with "
        f"papers, {before.mean:.1f} on average; its median mail {before.octets:,} octets, this "
        f"one's {now.octets:,}."
    )


def _as_json(report: Report, seconds: float) -> dict[str, Any]:
    return {
        "issue": report.issue,
        "passes": report.passes(),
        "passes_with_force": report.passes(force=True),
        "counts": {level.value: number for level, number in report.levels.items()},
        "findings": [asdict(one) for one in report.findings],
        "mails": [asdict(one) for one in report.mails],
        "accounts": asdict(report.accounts) | {"reached": report.accounts.reached},
        "figures": _figures(report.figures),
        "before": None if report.before is None else _figures(report.before),
        "signatures_verified": report.verified,
        "dns": [asdict(one) for one in report.dns],
        "spam": [asdict(one) for one in report.scores],
        "seconds": round(seconds, 2),
    }


def _figures(one: Figures) -> dict[str, Any]:
    return asdict(one) | {
        "mean": round(one.mean, 2),
        "subjects": sorted({subject for _, subject in one.subjects}),
    }
