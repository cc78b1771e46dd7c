"""evaluate: what settings would have sent on days that are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.options import parse_day, pass_app
from newsletter.cli.show import as_json, counted, dump, progress, say, table
from newsletter.config import changed
from newsletter.errors import RequestError
from newsletter.pipeline.backtest import Backtest, days_between
from subscribers import store as subscribers
from subscribers.model import State, Subscriber

LONGEST = 366  # days
MOST_TOPICS = 30  # shown


@click.command(
    epilog="Example: newsletter evaluate --days 14 --set selection.repeat=0.8 "
    "--set issue.window_days=3"
)
@click.option("--since", help="The first day; by default --days before the last.")
@click.option("--until", help="The last day; by default yesterday.")
@click.option("--days", type=click.IntRange(1, LONGEST), default=14, show_default=True)
@click.option(
    "--readers", type=click.IntRange(1), default=1000, show_default=True, help="At most so many."
)
@click.option("--set", "sets", multiple=True, help="KEY=VALUE: compare with this setting changed.")
@as_json
@pass_app
def evaluate(
    app: App,
    since: str | None,
    until: str | None,
    days: int,
    readers: int,
    sets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Tell what the settings would have sent on days that are over. Nothing is kept or sent.

    For the readers there are now: how full digests are, which topics come too short, and how well
    the trend foretold the votes that came later.
    """
    last = parse_day(until) if until else datetime.now(UTC).date() - timedelta(days=1)
    first = parse_day(since) if since else last - timedelta(days=days - 1)
    if not 0 <= (last - first).days < LONGEST:
        raise RequestError(f"Name 1 to {LONGEST} days, the first before the last.")
    if not 1990 <= first.year <= last.year <= datetime.now(UTC).year + 1:
        raise RequestError("There are no papers of such days; name days from 1990 to this year.")
    apps = [app]
    if sets:
        apps.append(App(changed(app.config, _pairs(sets))))
    try:
        with app.database.read() as connection:
            everyone = chain.from_iterable(
                subscribers.in_batches(connection, State.CONFIRMED, min(readers, 1000))
            )
            chosen = list(islice(everyone, readers))
        if not chosen:
            raise RequestError("Nobody is subscribed: there is nobody to evaluate for.")
        found = [_run(one, chosen, days_between(first, last)) for one in apps]
    finally:
        for other in apps[1:]:
            other.close()
    if as_json:
        rows = [_as_json(one) for one in found]
        dump({"settings": rows[0]} | ({"changed": rows[1], "set": list(sets)} if sets else {}))
        return
    _show(app, found, sets)


def _run(app: App, readers: list[Subscriber], days: list[Any]) -> Backtest:
    with app.database.read() as connection, progress("Evaluating", len(days)) as advance:
        return pipeline.backtest(
            connection, app.catalogue, app.terms, days, readers, progress=advance
        )


def _pairs(sets: tuple[str, ...]) -> dict[str, str]:
    pairs = dict(one.partition("=")[::2] for one in sets)
    wrong = [one for one in sets if "=" not in one]
    if wrong:
        raise RequestError(f"--set {wrong[0]}: write KEY=VALUE, such as selection.repeat=0.8.")
    return pairs


def _show(app: App, found: list[Backtest], sets: tuple[str, ...]) -> None:
    before, after = found[0], found[-1]
    table(
        ["Day", "Candidates", "Readers", "Empty", "Papers each", "Agreement", "Hindsight"],
        [
            [
                one.day.isoformat(),
                one.candidates,
                one.readers,
                one.empty,
                _each(one.picks, one.readers),
                _share(one.agreement),
                one.hindsight,
            ]
            for one in after.days
        ],
        title=f"With {', '.join(sets)}" if sets else "",
    )
    totals = _totals(before)
    changed_ = _totals(after)
    table(
        ["", "Now", *(["Changed"] if sets else [])],
        [[name, totals[name], *([changed_[name]] if sets else [])] for name in totals],
    )
    worst = sorted(after.topics.items(), key=lambda one: (one[1].share, -one[1].followers, one[0]))
    table(
        ["Topic", "Followers", "Digests that could have it", "Had it", "Starved twice running"],
        [
            [
                app.catalogue.called(slug),
                one.followers,
                one.digests,
                f"{one.share:.0%}",
                one.starved,
            ]
            for slug, one in worst[:MOST_TOPICS]
        ],
        title="Followed topics, the worst served first",
    )
    say(
        f"{counted(before.readers, 'reader')}. Agreement: nDCG@10 of the trend at the time with "
        "the votes known now. Hindsight: candidates of a day that were only looked at later."
    )


def _totals(one: Backtest) -> dict[str, str]:
    readers = sum(day.readers for day in one.days)
    return {
        "digests": f"{readers - sum(day.empty for day in one.days):,}",
        "empty": f"{sum(day.empty for day in one.days):,}",
        "papers each": _each(sum(day.picks for day in one.days), readers),
        "agreement": _share(one.agreement),
        "of which readers want more": f"{one.liked:,}",
        "of which readers want less": f"{one.disliked:,}",
        "repeats": f"{one.repeats:,}",
        "topics starved twice running": f"{sum(t.starved for t in one.topics.values()):,}",
    }


def _each(picks: int, readers: int) -> str:
    return f"{picks / readers:.1f}" if readers else ""


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _as_json(one: Backtest) -> dict[str, Any]:
    return {
        "days": [vars(day) for day in one.days],
        "topics": {slug: vars(told) | {"share": told.share} for slug, told in one.topics.items()},
        "repeats": one.repeats,
        "liked": one.liked,
        "disliked": one.disliked,
        "readers": one.readers,
        "agreement": one.agreement,
    }
