"""explain: why a reader gets a paper, or does not."""

from __future__ import annotations

from typing import Any

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.options import chosen_issue, limit, pass_app
from newsletter.cli.show import as_json, counted, dump, say, table
from newsletter.errors import RequestError
from newsletter.issue import Issue
from newsletter.rendering.tex import to_unicode
from newsletter.selection import Considered
from newsletter.store import issues
from newsletter.store import papers as store
from newsletter.store.database import Connection
from subscribers import store as subscribers
from subscribers.model import Subscriber


@click.command(epilog="Example: newsletter explain asa@example.org 2026-03-05 2603.01234")
@click.argument("address")
@click.argument("issue", required=False)
@click.argument("paper", required=False)
@limit
@as_json
@pass_app
def explain(
    app: App, address: str, issue: str | None, paper: str | None, limit: int, as_json: bool
) -> None:
    """Tell why ADDRESS gets each candidate of ISSUE, or does not, with the numbers that decided.

    ISSUE is a date; without it, the latest. With PAPER, only that one, and all that is known.
    """
    if issue is not None and paper is None and not _is_day(issue):
        issue, paper = None, issue
    with app.database.read() as connection:
        reader = subscribers.get(connection, address)
        shown = chosen_issue(connection, issue)
        select = pipeline.Selector(shown, shown.composed_at, app.embedder)
        told = select.explain(connection, reader)
        wanted = store.find(connection, paper) if paper else None
        if wanted is not None:  # the issue holds it under the name it had then
            wanted = issues.names_of(connection, shown).get(wanted, wanted)
        if wanted is not None:
            _one(app, connection, shown, reader, select, told, wanted, as_json)
            return
    titles = {name: card.title for name, card in shown.snapshot.cards.items()}
    rows = [_row(one, titles[one.paper_id]) for one in told]
    if as_json:
        dump(rows[:limit])
        return
    say(f"{reader.address}, issue {shown.name}: {_wants(app, reader)}.")
    table(
        ["#", "Paper", "Title", "Topic", "Match", "Trend", "Fresh", "Fit", "Score", "Why"],
        [
            [
                one.place or "",
                one.paper_id,
                titles[one.paper_id],
                app.catalogue.called(one.topic),
                f"{one.match:.2f}" if one.match else "",
                f"{one.trend:.2f}",
                f"{one.fresh:.2f}",
                f"{one.fit:.2f}",
                f"{one.score:.3f}" if one.score else "",
                _why(one),
            ]
            for one in told[:limit]
        ],
    )
    picked = sum(one.place > 0 for one in told)
    say(f"{picked} picked of {counted(len(told), 'candidate')}; {min(limit, len(told))} shown.")


def _one(
    app: App,
    connection: Connection,
    issue: Issue,
    reader: Subscriber,
    select: pipeline.Selector,
    told: list[Considered],
    wanted: str,
    as_json: bool,
) -> None:
    found = next((one for one in told if one.paper_id == wanted), None)
    kept = store.get(connection, wanted)
    if found is None:
        raise RequestError(
            f"{wanted} is no candidate of issue {issue.name}: hidden by the editor, nearly the "
            "same as a better one, outside the window, or without any sign of a trend then."
        )
    matches = app.matches(connection, [kept.paper], own=True)[kept.paper.id]
    at_freeze = next(one for one in issue.candidates if one.paper_id == wanted).matches
    row = _row(found, to_unicode(kept.paper.title)) | {
        "matches": [
            {
                "topic": slug,
                "strength": round(strength, 3),
                "followed": slug in reader.preferences.follows,
                "muted": slug in reader.preferences.mutes,
                "evidence": next((m.evidence for m in matches if m.topic == slug), ()),
            }
            for slug, strength in sorted(at_freeze.items(), key=lambda one: -one[1])
        ]
    }
    vote = None
    if found.fit != 1:
        vote = select.leading_vote(connection, reader, found.paper_id)
    if vote is not None:
        row["vote"] = {
            "paper": vote.paper.id,
            "title": to_unicode(vote.paper.title),
            "value": vote.value,
            "at": vote.at,
            "clicked": vote.clicked,
        }
    if as_json:
        dump(row)
        return
    table(
        ["", ""],
        [[name, value] for name, value in row.items() if name not in ("matches", "vote")],
    )
    if vote is not None:
        what = "following a link" if vote.clicked else "more" if vote.value > 0 else "less"
        say(
            f"Its fit is {found.fit:.2f} by votes, first of all by {what} on {vote.at:%Y-%m-%d} "
            f"of {to_unicode(vote.paper.title)!r}."
        )
    table(
        ["Topic", "Strength", "Reader", "By"],
        [
            [
                app.catalogue.called(one["topic"]),
                one["strength"],
                "follows" if one["followed"] else "muted" if one["muted"] else "",
                ", ".join(one["evidence"]),
            ]
            for one in row["matches"]
        ],
    )
    say(f"`newsletter papers show {wanted}` tells the parts of its trend.")


def _row(one: Considered, title: str) -> dict[str, Any]:
    return {
        "paper": one.paper_id,
        "title": title,
        "verdict": one.verdict,
        "place": one.place or None,
        "topic": one.topic or None,
        "match": round(one.match, 4),
        "trend": round(one.trend, 4),
        "fresh": round(one.fresh, 4),
        "fit": round(one.fit, 4),
        "score": round(one.score, 5),
        "better_of_its_topic": one.repeats,
    }


def _why(one: Considered) -> str:
    if one.verdict == "out: others were better" and one.repeats:
        return f"{one.verdict} ({one.repeats} of its topic)"
    return one.verdict


def _wants(app: App, reader: Subscriber) -> str:
    wants, called = reader.preferences, app.catalogue.called
    follows = ", ".join(map(called, sorted(wants.follows))) or "whatever is trending"
    muted = f", without {', '.join(map(called, sorted(wants.mutes)))}" if wants.mutes else ""
    return f"{follows}{muted}; up to {counted(wants.length, 'paper')}"


def _is_day(text: str) -> bool:
    return len(text) == 10 and text[4] == text[7] == "-"
