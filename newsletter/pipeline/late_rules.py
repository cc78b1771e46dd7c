"""Readers' own rules that came after an issue was frozen: matched with its papers, and added to it.

Nothing that was composed before is changed by it: no digest names a rule that did not exist. So
who subscribes today gets today what the preview showed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from newsletter import rules
from newsletter.issue import Issue
from newsletter.matching import Matcher
from newsletter.papers import PaperId
from newsletter.pipeline.topics import background
from newsletter.quoted import encode
from newsletter.rendering.renderer import Renderer
from newsletter.snapshot import Chip
from newsletter.store import issues, papers
from newsletter.store import topics as kept
from newsletter.store.database import Connection, Database
from newsletter.text import Embedder
from newsletter.topics import Catalogue, Topic


def admit(
    database: Database,
    renderer: Renderer,
    day: date,
    slugs: Iterable[str],
    embedder: Embedder | None = None,
) -> bool:
    """Adds those of these rules that the issue of a day does not know; whether there were any.

    Costs nothing where it knows them all; else a second, outside of any transaction.
    """
    wanted = {slug for slug in slugs if slug.startswith(rules.OWN)}
    if not wanted:
        return False
    with database.read() as connection:
        issue = issues.find(connection, day)
        if issue is None:
            return False
        new = _unknown(connection, issue, wanted)
        if not new:
            return False
        kept_papers = papers.kept(connection, [one.paper_id for one in issue.candidates])
        older = background(connection, Catalogue(new), issue.composed_at)
    names = [one.paper_id for one in issue.candidates if one.paper_id in kept_papers]
    matcher = Matcher([kept_papers[name].paper for name in names], older, embedder)
    matches: dict[PaperId, dict[str, float]] = {}
    for name, found in zip(names, matcher.match(Catalogue(new)), strict=True):
        if found:
            matches[name] = {match.topic: match.strength for match in found}
    chips = {
        topic.slug: Chip(
            name=topic.name,
            html=encode(renderer.templates.render("digest/chip.html", {"name": topic.name})),
        )
        for topic in new
    }
    with database.write() as connection:
        issues.add_rules(connection, issue.id, matches, chips)
    return True


def _unknown(connection: Connection, issue: Issue, wanted: set[str]) -> list[Topic]:
    missing = sorted(wanted - issue.snapshot.chips.keys())
    found = kept.some(connection, missing)
    return [rules.read(dict(one.definition), own=True) for one in found if not one.removed]
