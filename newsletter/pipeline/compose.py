"""compose: freezes the issue of a day, and writes one delivery a reader it is due to.

Repeatable: the issue of a day is frozen once, and a reader has at most one delivery of it. Run
again, it adds only readers who came since, and finishes what a crash left undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from newsletter.errors import RequestError
from newsletter.issue import Issue
from newsletter.pipeline import showing
from newsletter.pipeline.candidates import Terms, running
from newsletter.pipeline.enrolling import Span, enrol
from newsletter.pipeline.letters import ask_editor
from newsletter.rendering.faces import Entry
from newsletter.rendering.renderer import Renderer
from newsletter.selection import Candidate
from newsletter.store import issue_acts, issue_skips, issues
from newsletter.store.database import Database
from newsletter.store.issue_acts import Done, IssueAct
from newsletter.topics import Catalogue, Topic
from subscribers import store as subscribers

BY_SETTING = "issue.hold"  # the setting that has an issue wait


@dataclass(frozen=True, kw_only=True)
class Composed:
    """What composing did."""

    issue: Issue | None  # None: there is nothing to publish
    fresh: bool  # whether the issue was frozen just now
    queued: int  # deliveries written by this call, with papers
    skipped: int  # and without, or to an address that gets nothing
    cancelled: str = ""  # why nobody is added to the issue; empty where it goes out


def compose(
    database: Database,
    renderer: Renderer,
    catalogue: Catalogue,
    terms: Terms,
    now: datetime,
    progress: Callable[[int], None] = lambda _: None,
) -> Composed:
    """Composes the issue of today; raises TemplateError, StoreError, or RequestError where the day
    is skipped.

    `progress` is told how many readers were looked at since it was last told.
    """
    with database.read() as connection:
        calendar = terms.calendar(issue_skips.days(connection))
        day = calendar.today(now)
        issue = issues.find(connection, day)
        skipped = issue_skips.skipped(connection, day)
    if issue is None and skipped is not None:
        raise RequestError(
            f"{day} is to have no issue: {skipped.by} skipped it. "
            f"`newsletter issues skip {day} --undo` lets it have one."
        )
    fresh = issue is None
    if issue is None:
        issue = freeze(database, renderer, catalogue, terms, now)
    if issue is None:
        return Composed(issue=None, fresh=False, queued=0, skipped=0)
    with database.read() as connection:
        if issue_acts.standing(connection, issue.id).cancelled:
            why = issue_acts.reason(connection, issue.id)
            return Composed(issue=issue, fresh=False, queued=0, skipped=0, cancelled=why)
    done = enrol(
        database,
        renderer,
        terms.embedder,
        issue,
        Span(now=now, until=calendar.next_cut_off(now, done=day)),
        progress=progress,
    )
    return Composed(issue=issue, fresh=fresh, queued=done.queued, skipped=done.skipped)


def freeze(
    database: Database, renderer: Renderer, catalogue: Catalogue, terms: Terms, now: datetime
) -> Issue | None:
    """Freezes the issue of today, which nobody gets yet; None where nothing is worth one.

    The first to freeze it wins. With `terms.hold` nothing of it leaves before an editor agrees.
    """
    day = now.astimezone(terms.zone).date()
    with database.read() as connection:
        ranked = running(connection, catalogue, terms, now)
        names = [one.candidate.paper_id for one in ranked]
        new = issues.unpublished(connection, names) if terms.least_papers else len(names)
    if not ranked or new < terms.least_papers:
        return None
    snapshot = renderer.freeze(
        masthead=terms.masthead,
        imprint=terms.imprint,
        day=day,
        entries=[
            Entry(paper=one.paper, trend=one.trend, pinned=one.candidate.pinned, note=one.note)
            for one in ranked
        ],
        topics=_asked(catalogue, (one.candidate for one in ranked)),
        languages=_languages(database, renderer, terms),
        origins=terms.origins,
    )
    snapshot = replace(snapshot, weights=vars(terms.weights))
    with database.write() as connection:
        frozen = issues.freeze(connection, day, now, [one.candidate for one in ranked], snapshot)
        if terms.hold and frozen.composed_at == now:
            held = Done(act=IssueAct.HOLD, by=BY_SETTING, why="", at=now)
            issue_acts.record(connection, frozen.id, held)
            if terms.editor is not None:
                ask_editor(connection, frozen, terms.editor, now)
        return frozen


def draw_again(
    database: Database, renderer: Renderer, catalogue: Catalogue, terms: Terms, issue: Issue
) -> Issue:
    """The issue as templates, settings and papers are now; kept is nothing. For previews."""
    with database.read() as connection:
        entries = showing.entries(connection, terms, issue)
    snapshot = renderer.freeze(
        masthead=terms.masthead,
        imprint=terms.imprint,
        day=issue.day,
        entries=list(entries.values()),
        topics=_asked(catalogue, issue.candidates),
        languages=_languages(database, renderer, terms),
        origins=terms.origins,
    )
    return replace(issue, snapshot=snapshot)


def _asked(catalogue: Catalogue, candidates: Iterable[Candidate]) -> list[Topic]:
    """The topics that some candidate is under: no others can be a reason."""
    slugs = {slug for one in candidates for slug in one.matches}
    return [topic for slug, topic in catalogue.topics.items() if slug in slugs]


def _languages(database: Database, renderer: Renderer, terms: Terms) -> list[str]:
    """The publication's language first, then those that readers chose and that there still are."""
    with database.read() as connection:
        chosen = subscribers.languages(connection)
    there = set(renderer.templates.known_languages())
    return [terms.language, *sorted((chosen & there) - {terms.language})]
