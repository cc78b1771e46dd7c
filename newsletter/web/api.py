"""The JSON API under /api/v1, described by OpenAPI at /api/v1/openapi.json.

Every request shows a key (`newsletter keys create`) as `Authorization: Bearer KEY`, and the key
has to have the request's scope. Sites named in pages.origins may call it from a browser.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

import newsletter
from newsletter import pipeline
from newsletter.errors import NewsletterError, RequestError, StoreError
from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.papers import Paper
from newsletter.rendering.tex import to_unicode
from newsletter.rules import Rules
from newsletter.scopes import Scope
from newsletter.store import issues, ledger, papers
from newsletter.store.database import Connection
from newsletter.topics import Topic
from newsletter.web import limits, showing_keys, status
from newsletter.web.api_models import (
    Accepted,
    DeliveryOut,
    EventOut,
    Failed,
    Health,
    IssueOut,
    IssueRow,
    PaperOut,
    PreferencesIn,
    SubscribeIn,
    SubscriberOut,
    TopicOut,
)
from newsletter.web.site import Site
from subscribers import event_store
from subscribers import store as subscribers
from subscribers.addresses import normalise
from subscribers.errors import SubscriberError, UnknownSubscriber
from subscribers.model import Consent, Preferences, Subscriber

BY = "api"
MOST = 500  # rows of an answer
BIGGEST = 2**31 - 1  # that the databases' integers hold
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Failed, "description": "It cannot be meant as it stands."},
    401: {"model": Failed, "description": "No key, or one that is not valid."},
    403: {"model": Failed, "description": "The key has not the scope for it."},
    404: {"model": Failed, "description": "There is none."},
    413: {"description": "The request is too large."},
    422: {"model": Failed, "description": "It is not as described."},
    429: {"model": Failed, "description": "It was asked too often."},
}

Limit = Annotated[int, Query(ge=1, le=MOST)]
After = Annotated[int, Query(ge=0, le=BIGGEST, description="The last id that is known.")]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]


def create(site: Site) -> FastAPI:
    """The API as an application of its own, to be mounted."""
    api = FastAPI(
        title=f"{site.title} API",
        version=newsletter.__version__,
        docs_url=None,
        redoc_url=None,
        responses=REFUSALS,
    )
    own = [one.strip() for one in site.app.settings.pages.origins.split(",") if one.strip()]
    if own:
        api.add_middleware(
            CORSMiddleware,
            allow_origins=own,
            allow_methods=["GET", "POST", "PUT"],
            allow_headers=["Authorization", "Content-Type"],
        )
    _reading(api, site)
    _subscribing(api, site)
    _watching(api, site)
    _failures(api)
    return api


def needs(site: Site, scope: Scope) -> Any:
    """What lets a request through whose key has a scope."""

    def check(told: Bearer) -> None:
        key = showing_keys.holder(site, told.credentials) if told else None
        if key is None:
            headers = {"WWW-Authenticate": "Bearer"}
            raise HTTPException(401, "Show a valid key as Authorization: Bearer KEY.", headers)
        if scope not in key.scopes:
            raise HTTPException(403, f"This key has not the scope {scope}.")

    return Depends(check)


def _reading(api: FastAPI, site: Site) -> None:
    read = [needs(site, Scope.READ)]

    @api.get("/topics", dependencies=read)
    def topics() -> list[TopicOut]:
        """The topics that can be followed."""
        return [_topic(site, one) for one in site.current.topics]

    @api.get("/topics/{slug}", dependencies=read)
    def topic(slug: str) -> TopicOut:
        """One topic."""
        found = site.current.catalogue.topics.get(slug)
        if found is None or found.own:
            raise RequestError("There is no such topic.")
        return _topic(site, found)

    @api.get("/papers", dependencies=read)
    def list_papers(
        topic: Annotated[list[str] | None, Query(max_length=50)] = None, limit: Limit = 50
    ) -> list[PaperOut]:
        """Today's papers, the most trending first; of all these topics together if named."""
        wanted = set(topic or ())
        found = [
            one for one in site.current.shown.visible if not wanted or wanted & one.matches.keys()
        ]
        entries = site.current.shown.entries
        return [
            _paper(site, entries[one.paper_id].paper)
            for one in found[:limit]
            if one.paper_id in entries
        ]

    @api.get("/papers/{name:path}", dependencies=read)
    def paper(name: str) -> PaperOut:
        """One paper, by any of its names."""
        with site.app.database.read() as connection:
            return _paper(site, papers.get(connection, name[:300]).paper)

    @api.get("/issues", dependencies=read)
    def list_issues(limit: Limit = 50) -> list[IssueRow]:
        """Issues, the newest first."""
        with site.app.database.read() as connection:
            found = issues.listed(connection, limit, published=True)
        return [
            IssueRow(day=one.day, composed_at=one.composed_at, papers=one.papers) for one in found
        ]

    @api.get("/issues/{day}", dependencies=read)
    def issue(day: date) -> IssueOut:
        """One issue."""
        with site.app.database.read() as connection:
            found = issues.get_published(connection, day)
            shown = pipeline.of_issue(connection, site.app.terms, found)
        return IssueOut(
            day=found.day,
            composed_at=found.composed_at,
            papers=[one.paper_id for one in shown.visible],
        )


def _subscribing(api: FastAPI, site: Site) -> None:
    reads, writes = Scope.SUBSCRIBERS_READ, Scope.SUBSCRIBERS_WRITE

    @api.post("/subscribe", status_code=202, dependencies=[needs(site, writes)])
    def subscribe(asked: SubscribeIn) -> Accepted:
        """Asks the owner of an address by mail; the answer tells nothing of the address."""
        address = normalise(asked.address)
        own = _own(asked.preferences)
        wants = _checked(site, asked.preferences, Preferences(), own)
        now, database = site.clock(), site.app.database
        consent = Consent(at=now, form=BY)
        with database.write() as connection:
            if limits.count(site.app, connection, None, address, now):
                pipeline.ask(connection, site.app.signer, address, wants, own, consent)
        site.told(True)
        return Accepted()

    @api.get("/subscribers", dependencies=[needs(site, reads)])
    def list_subscribers(
        address: Annotated[str, Query(max_length=320)],
    ) -> list[SubscriberOut]:
        """Who has an address: one, or nobody."""
        with site.app.database.read() as connection:
            found = subscribers.find(connection, address)
        return [SubscriberOut.of(found)] if found is not None else []

    @api.get("/subscribers/{number}", dependencies=[needs(site, reads)])
    def subscriber(number: int) -> SubscriberOut:
        """One subscriber."""
        with site.app.database.read() as connection:
            return SubscriberOut.of(_reader(connection, number))

    @api.put("/subscribers/{number}/preferences", dependencies=[needs(site, writes)])
    def change(number: int, wanted: PreferencesIn) -> SubscriberOut:
        """Changes what a subscriber gets; what is left out stays."""
        own = _own(wanted)
        with site.app.database.write() as connection:
            before = _reader(connection, number, lock=True)
            wants = _checked(site, wanted, before.preferences, own)
            pipeline.keep_rules(connection, own, site.clock())
            done = subscribers.change(connection, number, wants, site.clock(), BY)
        return SubscriberOut.of(done)

    @api.post("/subscribers/{number}/unsubscribe", dependencies=[needs(site, writes)])
    def unsubscribe(number: int) -> SubscriberOut:
        """Ends a subscription; twice is once."""
        with site.app.database.write() as connection:
            _reader(connection, number)
            subscribers.unsubscribe(connection, number, site.clock(), BY)
            return SubscriberOut.of(_reader(connection, number))


def _watching(api: FastAPI, site: Site) -> None:
    @api.get("/issues/{day}/deliveries", dependencies=[needs(site, Scope.DELIVERIES_READ)])
    def list_deliveries(day: date, after: After = 0, limit: Limit = 100) -> list[DeliveryOut]:
        """What became of an issue's deliveries, by subscriber; `after` one of those."""
        with site.app.database.read() as connection:
            found = issues.get(connection, day)
            held = ledger.entries(connection, found.id, after=after, limit=limit)
        return [
            DeliveryOut(
                id=one.id,
                subscriber_id=one.subscriber_id,
                state=one.state,
                reason=one.reason,
                papers=len(json.loads(one.picks)),
                due_at=one.due_at,
                sent_at=one.sent_at,
            )
            for one in held
        ]

    @api.get("/events", dependencies=[needs(site, Scope.EVENTS_READ)])
    def list_events(after: After = 0, limit: Limit = 100) -> list[EventOut]:
        """What happened to subscriptions after an event, the earliest first."""
        with site.app.database.read() as connection:
            found = event_store.after(connection, after, limit)
        return [EventOut(**vars(one)) for one in found]

    @api.get("/status", dependencies=[needs(site, Scope.STATUS)])
    def health() -> Health:
        """How it is: papers, the newest issue, readers, sources."""
        return status.look(site)


def _topic(site: Site, one: Topic) -> TopicOut:
    return TopicOut(
        slug=one.slug,
        name=one.name,
        description=one.description,
        finds=one.in_words({}),
        papers_a_week=round(site.current.weekly.get(one.slug, 0.0), 2),
    )


def _paper(site: Site, paper: Paper) -> PaperOut:
    current = site.current
    candidate = current.candidates.get(paper.id)
    entry = current.shown.entries.get(paper.id)
    matches = candidate.matches if candidate is not None else {}
    return PaperOut(
        id=paper.id,
        title=to_unicode(paper.title),
        authors=[to_unicode(one) for one in paper.authors],
        abstract=to_unicode(paper.abstract),
        classes=list(paper.classes),
        published=paper.published,
        url=paper.url,
        pdf_url=paper.pdf_url,
        code_url=paper.code_url,
        votes=entry.trend.votes if entry else None,
        trend=round(candidate.trend, 4) if candidate else None,
        topics={
            slug: round(strength, 3)
            for slug, strength in matches.items()
            if not current.is_own(slug)
        },
    )


def _own(wanted: PreferencesIn) -> list[Topic]:
    try:
        return Rules(phrases=wanted.phrases, authors=wanted.authors).own()
    except RequestError as error:
        raise HTTPException(400, str(error)) from None


def _checked(
    site: Site, wanted: PreferencesIn, before: Preferences, own: list[Topic]
) -> Preferences:
    known = site.topics(before.follows).topics
    named = (*(wanted.topics or ()), *(wanted.mutes or ()))
    unknown = [slug for slug in named if slug not in known]
    if unknown:
        raise HTTPException(400, f"There is no topic {unknown[0]!r}.")
    if wanted.language and wanted.language not in site.app.templates.known_languages():
        raise HTTPException(400, "There is no such language here.")
    return wanted.onto(before, frozenset(one.slug for one in own))


def _reader(connection: Connection, number: int, *, lock: bool = False) -> Subscriber:
    if not 0 < number <= BIGGEST:
        raise UnknownSubscriber("There is no such subscriber.")
    found = subscribers.by_id(connection, number, lock=lock)
    if subscribers.is_erased(found):
        raise UnknownSubscriber("There is no such subscriber.")
    return found


def _failures(api: FastAPI) -> None:
    def failed(status: int, words: str) -> JSONResponse:
        return JSONResponse({"error": words}, status, headers={"Cache-Control": "no-store"})

    def answers(kind: type[Exception], status: int, words: Callable[[Exception], str]) -> None:
        def handler(_: Request, error: Exception) -> JSONResponse:
            return failed(status, words(error))

        api.add_exception_handler(kind, handler)

    answers(SubscriberError, 400, str)
    answers(UnknownSubscriber, 404, str)
    answers(RequestError, 404, lambda error: str(error).partition(" `")[0])
    answers(limits.TooOften, 429, lambda _: "That was asked too often.")
    answers(RequestValidationError, 422, _wrong)

    @api.exception_handler(HTTPException)
    def refused(_: Request, error: HTTPException) -> JSONResponse:
        answer = failed(error.status_code, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    @api.exception_handler(StoreError)
    @api.exception_handler(NewsletterError)
    def known_trouble(request: Request, error: Exception) -> JSONResponse:
        route = getattr(request.scope.get("route"), "path", None)
        tell(Event.PAGE_BROKE, trouble=error, route=f"/api/v1{route}")
        return broken(request, error)

    @api.exception_handler(Exception)  # what it is, is told by who watches
    def broken(_: Request, error: Exception) -> JSONResponse:
        status = 503 if isinstance(error, StoreError) else 500
        return failed(status, "It is our fault. Please try again in a while.")


def _wrong(error: Exception) -> str:
    """What is not as described, in one line."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  for the type checker
    told = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return "; ".join(told)[:1000]
