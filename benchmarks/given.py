"""What the baselines are given ready: the same ten cards for the same readers, chosen by ours.

Choosing, the ledger, tokens and every word are left out of the baselines' figures. What is left to
them is what is compared: templates, the message's bytes, and SMTP.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from newsletter import pipeline
from newsletter.app import App
from newsletter.builder import GROUPED_FROM, PREHEADER_TOPICS, REASONS_SHOWN
from newsletter.issue import Issue
from newsletter.pipeline import showing
from newsletter.rendering.faces import face
from newsletter.rendering.renderer import SHELL_SLOTS
from newsletter.store import ledger
from newsletter.store.ledger import Entry
from newsletter.wording import DigestKind

TOKEN = "k48LtMh8byge0RJTHVtAjw"


def digests(app: App, readers: int) -> dict[str, Any]:
    """An issue of today and its first readers' digests, as values; composes it."""
    now = datetime.now(UTC)
    done = pipeline.compose(app.database, app.renderer, app.catalogue, app.terms, now)
    assert done.issue is not None
    with app.database.read() as connection:
        entries = showing.entries(connection, app.terms, done.issue)
        due = ledger.due(connection, now, limit=readers, early=True)
    language = app.templates.language("en")
    place = {name: at for at, name in enumerate(entries)}
    masthead = app.terms.masthead
    wording = done.issue.snapshot.shells["en"].wording
    return {
        "shell": {
            "title": masthead.title,
            "day": language.weekday(done.issue.day),
            "imprint": app.terms.imprint,
            "pages": masthead.pages,
            "credits": "Nothing in this mail tells anybody that you read it.",
        },
        "look": vars(app.templates.look),
        "sender": f"{masthead.from_name} <{masthead.from_address}>",
        "list": f"{masthead.title} <{masthead.list_id}>",
        "because": wording.because,
        "papers": [asdict(face(entry, language)) for entry in entries.values()],
        "digests": [_digest(one, done.issue, place) for one in due],
    }


def _digest(entry: Entry, issue: Issue, place: dict[Any, int]) -> dict[str, Any]:
    snapshot = issue.snapshot
    wording = snapshot.shells["en"].wording
    picks = ledger.read_picks(entry.picks, issue)
    groups: dict[str, list[dict[str, Any]]] = {}
    for at, pick in enumerate(picks):
        topics = [snapshot.chips[slug].name for slug in pick.reasons[:REASONS_SHOWN]]
        heading = topics[0] if topics and len(picks) >= GROUPED_FROM else "Trending now"
        card = {
            "paper": place[pick.paper_id],
            "topics": topics,
            "vote": f"{entry.id}-1-{at}.{TOKEN}",
        }
        groups.setdefault(heading, []).append(card)
    firsts = list(dict.fromkeys(heading for heading in groups))
    titles = tuple(snapshot.cards[pick.paper_id].title for pick in picks)
    pages = snapshot.masthead.pages
    return {
        "address": entry.address,
        "subject": wording.subject(titles, DigestKind.DAILY),
        "preheader": wording.preheader(len(picks), tuple(firsts[:PREHEADER_TOPICS])),
        "occasion": wording.occasions[DigestKind.DAILY],
        "count": wording.count(len(picks)),
        "more": wording.how_many_more(entry.beyond) if entry.beyond else "",
        "since": wording.day(entry.since.date()),
        "preferences": f"{entry.id}.{TOKEN}",
        "view": f"{entry.id}-1.{TOKEN}",
        "unsubscribe": f"{pages}/u/{entry.id}.{TOKEN}",
        "key": f"{issue.name}.{entry.id:022}@{snapshot.masthead.domain}",
        "groups": [{"heading": name, "cards": cards} for name, cards in groups.items()],
    }


def compiled_shell(app: App, values: dict[str, Any]) -> str:
    """The digest's MJML compiled once, with Handlebars' tags at a reader's own words."""
    raw = ("cards", "more")
    slots = {
        name: f"{{{{{{{name}}}}}}}" if name in raw else f"{{{{{name}}}}}" for name in SHELL_SLOTS
    }
    marked = {name: Markup(one) for name, one in slots.items()}
    return app.templates.render("digest/shell.mjml", {**values, **marked})


def write(app: App, readers: int, folder: Path) -> None:
    """Writes digests.json, shell.hbs, and ours.eml, a message of ours of the median size."""
    folder.mkdir(parents=True, exist_ok=True)
    told = digests(app, readers)
    (folder / "digests.json").write_text(json.dumps(told), encoding="utf-8")
    (folder / "shell.hbs").write_text(compiled_shell(app, told["shell"]), encoding="utf-8")
    now = datetime.now(UTC)
    mails = pipeline.rehearse(app.database, app.signer, now, limit=min(readers, 200), early=True)
    found = [one.message.content for one in mails]
    found.sort(key=len)
    (folder / "ours.eml").write_bytes(found[len(found) // 2])
