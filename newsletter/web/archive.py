"""What was published, for everybody: issues, topics, papers, a search; and one's own digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from newsletter import pipeline
from newsletter.errors import RequestError
from newsletter.language import Language
from newsletter.papers import Observation, PaperId
from newsletter.pipeline import Shown
from newsletter.rendering.faces import Entry, Face, face
from newsletter.rendering.tex import to_unicode
from newsletter.selection import Candidate
from newsletter.sparkline import sparkline_svg
from newsletter.store import courses, editor_acts, issue_acts, issues, ledger, papers
from newsletter.store.database import Connection
from newsletter.trending import UNTOLD
from newsletter.web.site import Current, Ended, Site
from subscribers import store as subscribers
from subscribers.errors import TokenError
from subscribers.tokens import Purpose

LISTED = 200  # issues
SHOWN = 30  # papers of a day, a topic, a search
RELATED = 5
MORE = 50  # that matched, beside one's own digest
LONGEST_QUERY = 200

Told = list[tuple[str, Face, list[tuple[str, str]]]]


def router(site: Site) -> APIRouter:
    """The routes of the archive."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/issues")
    def bare() -> RedirectResponse:
        """The list has a slash at its end."""
        return RedirectResponse(f"{site.base}/issues/", 308)

    @routes.get("/issues/")
    def every(request: Request) -> HTMLResponse:
        """The issues there are, the newest first."""
        language = site.language(request)
        with site.app.database.read() as connection:
            found = issues.listed(connection, LISTED, published=True)
        rows = [(one.day.isoformat(), language.weekday(one.day), one.papers) for one in found]
        return site.public(request, "issues.html", {"rows": rows})

    @routes.get("/issues/{day}")
    def issue(request: Request, day: str) -> HTMLResponse:
        """What was trending on a day."""
        with site.app.database.read() as connection:
            found = issues.get_published(connection, _day(day))
            shown = pipeline.of_issue(connection, site.app.terms, found)
            before, after = courses.neighbours(connection, found.day)
        language = site.language(request)
        values = {
            "day": language.weekday(found.day),
            "name": found.name,
            "before": before,
            "after": after,
            "picks": told(site.current, shown, shown.visible[:SHOWN], language),
            "many": len(shown.visible),
        }
        return site.public(request, "issue.html", values)

    @routes.get("/topics/")
    def topics(request: Request) -> HTMLResponse:
        """What can be followed."""
        current = site.current
        values = {"topics": current.topics, "weekly": current.weekly, "courses": _courses(current)}
        return site.public(request, "topics.html", values)

    @routes.get("/topics/{slug}")
    def topic(request: Request, slug: str) -> HTMLResponse:
        """What a topic finds, how it fared, and its papers of today."""
        current, language = site.current, site.language(request)
        found = current.catalogue.topics.get(slug)
        if found is None or found.own:
            raise RequestError(f"There is no topic {slug!r}.")
        mine = [one for one in current.shown.visible if slug in one.matches]
        mine.sort(key=lambda one: -one.matches[slug] * one.trend)
        values = {
            "topic": found,
            "finds": found.in_words({}),
            "weekly": current.weekly.get(slug, 0.0),
            "course": _course(current, slug, found.name, width=320, height=56),
            "picks": told(current, current.shown, mine[:SHOWN], language),
            "day": language.weekday(current.shown.day),
        }
        return site.public(request, "topic.html", values)

    @routes.get("/papers/{name:path}")
    def paper(request: Request, name: str) -> HTMLResponse:
        """One paper: its words, its votes over time, its topics, what is near it."""
        with site.app.database.read() as connection:
            values = _paper(site, connection, name[:300], site.language(request))
        return site.public(request, "paper.html", values)

    @routes.get("/search")
    def search(request: Request) -> HTMLResponse:
        """Papers of late by their words."""
        query = " ".join(request.query_params.get("q", "").split())[:LONGEST_QUERY]
        found = site.current.trials.search(query, SHOWN) if query else []
        language = site.language(request)
        rows = [(one.id, face(Entry(paper=one, trend=UNTOLD), language)) for one in found]
        return site.public(request, "search.html", {"query": query, "rows": rows})

    @routes.get("/d/{token}")
    async def digest(request: Request, token: str) -> Response:
        """A reader's own digest, with what else matched."""
        return await run_in_threadpool(_digest, site, request, token)

    return routes


def told(current: Current, shown: Shown, found: Iterable[Candidate], language: Language) -> Told:
    """Papers as templates tell them, each with the topics it is surest of."""
    known = current.catalogue.topics
    rows: Told = []
    for one in found:
        if one.paper_id not in shown.entries:
            continue
        slugs = [slug for slug in one.matches if slug in known and not known[slug].own]
        slugs.sort(key=lambda slug: -one.matches[slug])
        topics = [(slug, known[slug].name) for slug in slugs[:3]]
        rows.append((one.paper_id, face(shown.entries[one.paper_id], language), topics))
    return rows


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        told = f"There is no issue {text!r}; issues are called by their date."
        raise RequestError(told) from None


def _courses(current: Current) -> Mapping[str, str]:
    return {one.slug: _course(current, one.slug, one.name) for one in current.topics}


def _course(current: Current, slug: str, name: str, width: int = 120, height: int = 24) -> str:
    weeks = current.course.get(slug)
    if not weeks:
        return ""
    title = f"{name}: {', '.join(map(str, weeks))}"
    return sparkline_svg(weeks, title=title, width=width, height=height)


def _paper(site: Site, connection: Connection, name: str, language: Language) -> dict[str, Any]:
    current = site.current
    found = papers.find(connection, name)
    kept = papers.kept(connection, [found])[found]
    hand = editor_acts.hands(connection).get(found)
    if hand is not None and hand.hidden:
        raise RequestError(f"There is no paper {name!r}.")
    entry = current.shown.entries.get(found) or Entry(paper=kept.paper, trend=UNTOLD)
    known = current.catalogue.topics
    candidate = current.candidates.get(found)
    matches = candidate.matches if candidate is not None else {}
    slugs = [slug for slug in matches if slug in known and not known[slug].own]
    slugs.sort(key=lambda slug: -matches[slug])
    votes = _votes(kept.observations)
    return {
        "paper_id": found,
        "face": face(entry, language),
        "authors": ", ".join(to_unicode(one) for one in kept.paper.authors),
        "abstract": to_unicode(kept.paper.abstract),
        "classes": kept.paper.classes,
        "topics": [(slug, known[slug].name) for slug in slugs],
        "votes": votes,
        "drawn": sparkline_svg(
            [many for _, many in votes],
            title=f"{votes[0][1]} – {votes[-1][1]}" if votes else "",
            width=320,
            height=56,
        ),
        "issues": [
            (day.isoformat(), language.long(day)) for day in courses.issues_of(connection, found)
        ],
        "related": [
            (one.id, to_unicode(one.title)) for one in current.trials.related(kept.paper, RELATED)
        ],
    }


def _votes(seen: Iterable[Observation]) -> list[tuple[str, int]]:
    """Votes of the source that tells most of them, look by look."""
    by_source: dict[str, list[tuple[str, int]]] = {}
    for one in seen:
        if one.votes is not None:
            by_source.setdefault(one.source, []).append((f"{one.at:%Y-%m-%d}", one.votes))
    return max(by_source.values(), key=len, default=[])


def _digest(site: Site, request: Request, token: str) -> Response:
    signer, language = site.app.signer, site.language(request)
    number, issue_id = signer.read_all(Purpose.VIEW, token, 2)
    with site.app.database.read() as connection:
        found = issues.by_id(connection, issue_id)
        reader = subscribers.by_id(connection, number)
        held = ledger.entries(connection, issue_id, subscriber_id=number)
        if not held or issue_acts.is_unpublished(connection, issue_id):
            raise TokenError("There is no such digest.")
        if subscribers.is_erased(reader):
            raise Ended
        shown = pipeline.of_issue(connection, site.app.terms, found)
        considered = pipeline.explain(connection, found, reader, learn=False)
    picks = ledger.read_picks(held[0].picks, found)
    mine = {pick.paper_id: pick.reasons for pick in picks}
    more = [one.paper_id for one in considered if one.paper_id not in mine and one.score > 0][:MORE]
    chips = found.snapshot.chips
    rows: Told = [
        (
            name,
            face(shown.entries[name], language),
            [(slug, chips[slug].name) for slug in mine.get(name, ())[:2] if slug in chips],
        )
        for name in (*mine, *more)
        if name in shown.entries
    ]
    names = [PaperId(row[0]) for row in rows]
    votes = signer.sign_votes(number, found.id, map(found.position.__getitem__, names))
    values = {
        "day": language.weekday(found.day),
        "picks": [row for row in rows if row[0] in mine],
        "more": [row for row in rows if row[0] not in mine],
        "votes": dict(zip(names, votes, strict=True)),
        "preferences": signer.sign(Purpose.PREFERENCES, number),
        "unsubscribe": signer.sign(Purpose.UNSUBSCRIBE, number),
    }
    return site.page(request, "digest.html", values)
