"""issues hold, approve, skip, retry, pause, resume, cancel: the operator's hand on an issue."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.options import by, chosen_issue, parse_day, pass_app, reason, who
from newsletter.cli.show import as_json, counted, dump, instant, say
from newsletter.delivery import RETRIED, DeliveryState
from newsletter.errors import RequestError
from newsletter.issue import Issue
from newsletter.store import issue_acts, ledger
from newsletter.store.issue_acts import IssueAct

why = click.option("--why", required=True, metavar="TEXT", help="For whoever asks later.")
perhaps_why = click.option("--why", default="", metavar="TEXT", help="For whoever asks later.")


@click.command("hold", epilog="Example: newsletter issues hold 2026-03-11 --why 'a second look'")
@click.argument("issue")
@perhaps_why
@by
@as_json
@pass_app
def hold(app: App, issue: str, why: str, by: str | None, as_json: bool) -> None:
    """Keep ISSUE back until it is approved: nothing of it leaves, and no page shows it.

    The editor (report.editor, else report.to) is asked by mail, once. Messages that are leaving at
    this moment still do. What grows too old meanwhile is not sent.
    """
    name, words, now = who(by), reason(why) if why else "", datetime.now(UTC)
    chosen = _issue(app, issue)
    report = app.settings.report
    done = pipeline.hold(
        app.database, chosen, by=name, why=words, now=now, editor=report.editor or report.to
    )
    if as_json:
        dump({"issue": chosen.name, "held": True, "waiting": _waiting(app, chosen)})
        return
    if done.at != now:
        say(f"Issue {chosen.name} was held already, by {done.by}, {instant(done.at)}.")
        return
    say(
        f"Issue {chosen.name} is held; {_waiting(app, chosen)} of it wait. "
        f"`newsletter issues approve {chosen.name}` lets them go."
    )


@click.command("approve", epilog="Example: newsletter issues approve 2026-03-11")
@click.argument("issue")
@perhaps_why
@by
@as_json
@pass_app
def approve(app: App, issue: str, why: str, by: str | None, as_json: bool) -> None:
    """Let ISSUE go that waits for approval. It is judged by the preflight all the same."""
    name, words, now = who(by), reason(why) if why else "", datetime.now(UTC)
    chosen = _issue(app, issue)
    done = pipeline.approve(app.database, chosen, by=name, why=words, now=now)
    if as_json:
        dump({"issue": chosen.name, "held": False, "waiting": _waiting(app, chosen)})
        return
    if done.at != now:
        say(f"Issue {chosen.name} was approved already, by {done.by}, {instant(done.at)}.")
        return
    say(
        f"Issue {chosen.name} is approved; {_waiting(app, chosen)} of it wait. "
        "`newsletter send` sends what is due."
    )


@click.command("skip", epilog="Example: newsletter issues skip 2026-12-24 --why 'nobody reads'")
@click.argument("day", metavar="DATE")
@perhaps_why
@click.option("--undo", is_flag=True, help="Let the day have its issue after all.")
@by
@as_json
@pass_app
def skip(app: App, day: str, why: str, undo: bool, by: str | None, as_json: bool) -> None:
    """Compose no issue on DATE, a day to come; its papers wait for the next.

    Whoever would have got a digest gets none that day. Days without an issue every week or year
    are settings: issue.days and issue.holidays.
    """
    name, words, now = who(by), reason(why) if why else "", datetime.now(UTC)
    chosen, today = parse_day(day), now.astimezone(app.terms.zone).date()
    if undo:
        pipeline.unskip(app.database, chosen, today)
        if as_json:
            dump({"day": chosen, "skipped": False})
        else:
            say(f"{chosen} is not skipped any more.")
        return
    done = pipeline.skip(app.database, chosen, today, by=name, why=words, now=now)
    if as_json:
        dump({"day": chosen, "skipped": True, "by": done.by, "why": done.why})
    elif done.at != now:
        say(f"{chosen} was skipped already, by {done.by}, {instant(done.at)}.")
    else:
        say(f"{chosen} is skipped. `newsletter issues skip {chosen} --undo` takes that back.")


@click.command(
    "retry",
    epilog="Example: newsletter issues retry 2026-03-11 --domain example.org --why 'they unblocked "
    "us'",
)
@click.argument("issue")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in sorted(RETRIED)]),
    help="What to send again; by default only what failed. May be repeated. An unknown one may "
    "have arrived: it goes as the same message, with the same Message-ID.",
)
@click.option("--to", multiple=True, metavar="ADDRESS", help="Only these; may be repeated.")
@click.option("--domain", help="Only addresses at this domain.")
@why
@by
@as_json
@pass_app
def retry(
    app: App,
    issue: str,
    states: tuple[str, ...],
    to: tuple[str, ...],
    domain: str | None,
    why: str,
    by: str | None,
    as_json: bool,
) -> None:
    """Queue deliveries of ISSUE again that ended unsent: those that failed, or as you say.

    Their tries count from none, and they are news from now on, however old the issue is. What was
    sent is never sent again.
    """
    name, words, now = who(by), reason(why), datetime.now(UTC)
    chosen = _issue(app, issue)
    meant = [DeliveryState(state) for state in states] or [DeliveryState.FAILED]
    done = pipeline.retry(
        app.database,
        chosen,
        meant,
        by=name,
        why=words,
        now=now,
        policy=app.policy,
        addresses=to,
        domain=domain.strip().lower() if domain else None,
    )
    if as_json:
        dump({"issue": chosen.name} | vars(done))
        return
    if not done.queued:
        say(f"Nothing of issue {chosen.name} is {' or '.join(meant)} there; nothing was queued.")
        return
    queued = counted(done.queued, "delivery", "deliveries")
    say(f"{queued} queued again; `newsletter send` sends what is due.")
    if not done.was_news:
        hours = app.settings.issue.news_hours
        say(
            f"Mind: the issue is older than {hours} hours (issue.news_hours) and would not go out "
            "by itself. Because you say so, it is news from now on."
        )
    if done.later:
        say("Mind: a later issue is composed; it may have held some of the same papers.")
    if done.suppressed:
        say(
            f"Mind: {done.suppressed} of what waits are to suppressed addresses and will be "
            "skipped. `newsletter subscribers unsuppress` lets them have mail."
        )
    if done.paused:
        say(
            "Mind: the issue is held; nothing leaves before `newsletter issues approve`."
            if _is_held(app, chosen)
            else "Mind: the issue is paused; nothing leaves before `newsletter issues resume`."
        )


@click.command("pause", epilog="Example: newsletter issues pause 2026-03-11 --why 'a wrong title'")
@click.argument("issue")
@perhaps_why
@by
@as_json
@pass_app
def pause(app: App, issue: str, why: str, by: str | None, as_json: bool) -> None:
    """Hold ISSUE: nothing of it leaves until it is resumed.

    Messages that are leaving at this moment still do. What grows too old meanwhile is not sent.
    """
    chosen = _act(app, issue, IssueAct.PAUSE, why, by)
    if as_json:
        dump({"issue": chosen.name, "paused": True, "waiting": _waiting(app, chosen)})
        return
    say(
        f"Issue {chosen.name} is paused; {_waiting(app, chosen)} of it wait. "
        f"`newsletter issues resume {chosen.name}` lets them go."
    )


@click.command("resume", epilog="Example: newsletter issues resume 2026-03-11")
@click.argument("issue")
@perhaps_why
@by
@as_json
@pass_app
def resume(app: App, issue: str, why: str, by: str | None, as_json: bool) -> None:
    """Let ISSUE go on after a pause."""
    chosen = _act(app, issue, IssueAct.RESUME, why, by)
    if as_json:
        dump({"issue": chosen.name, "paused": False, "waiting": _waiting(app, chosen)})
        return
    say(
        f"Issue {chosen.name} goes on; {_waiting(app, chosen)} of it wait. "
        "`newsletter send` sends what is due."
    )


@click.command(
    "cancel", epilog="Example: newsletter issues cancel 2026-03-11 --why 'sent to the wrong list'"
)
@click.argument("issue")
@why
@click.option("--yes", is_flag=True, help="Do not ask.")
@by
@as_json
@pass_app
def cancel(app: App, issue: str, why: str, yes: bool, by: str | None, as_json: bool) -> None:
    """End ISSUE: what waits is never sent. Cannot be undone.

    What is leaving at this moment ends as it ends; what was sent stays sent.
    """
    name, words = who(by), reason(why)
    chosen = _issue(app, issue)
    number = _waiting(app, chosen)
    if not yes:
        if not sys.stdin.isatty():
            raise RequestError("Nobody can be asked here; --yes cancels without asking.")
        asked = f"Never send the {number} deliveries of issue {chosen.name} that wait?"
        sure = click.confirm(asked, err=True)
        if not sure:
            raise RequestError("Nothing was cancelled.")
    skipped = pipeline.cancel(app.database, chosen, by=name, why=words, now=datetime.now(UTC))
    if as_json:
        dump({"issue": chosen.name, "cancelled": True, "skipped": skipped})
        return
    say(f"Issue {chosen.name} is cancelled; {skipped} of it are not sent.")


COMMANDS = (hold, approve, skip, retry, pause, resume, cancel)


def _issue(app: App, day: str) -> Issue:
    with app.database.read() as connection:
        return chosen_issue(connection, day)


def _is_held(app: App, issue: Issue) -> bool:
    with app.database.read() as connection:
        return issue_acts.standing(connection, issue.id).held


def _act(app: App, day: str, act: IssueAct, why: str, by: str | None) -> Issue:
    name = who(by)
    words = reason(why) if why else ""
    chosen = _issue(app, day)
    pipeline.pause(app.database, chosen, act, by=name, why=words, now=datetime.now(UTC))
    return chosen


def _waiting(app: App, issue: Issue) -> int:
    with app.database.read() as connection:
        counts = ledger.count(connection, issue.id)
    return counts[DeliveryState.QUEUED] + counts[DeliveryState.DEFERRED]
