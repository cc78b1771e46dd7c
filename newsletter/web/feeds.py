"""Feeds of today's papers, for all or for any topics: Atom (RFC 4287) and JSON Feed 1.1.

And what machines read of the pages: the sitemap and robots.txt.
"""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from newsletter.errors import RequestError
from newsletter.rendering.faces import Face
from newsletter.selection import Wishes
from newsletter.store import issues
from newsletter.web.site import Site

ENTRIES = 30
MOST_TOPICS = 50
ATOM = "http://www.w3.org/2005/Atom"
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
KEPT = {"Cache-Control": "public, max-age=300", "Vary": "Accept-Language"}

Row = tuple[str, Face, list[str]]


def router(site: Site) -> APIRouter:
    """The routes of feeds."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/feed.atom")
    def atom(request: Request) -> Response:
        """Today's papers as Atom; ?topic=A&topic=B of these topics alone."""
        return _atom(site, request, _topics(site, request))

    @routes.get("/feed.json")
    def as_json(request: Request) -> Response:
        """The same as JSON Feed."""
        return _json(site, request, _topics(site, request))

    @routes.get("/topics/{slug}.atom")
    def topic_atom(request: Request, slug: str) -> Response:
        """A topic's papers as Atom."""
        return _atom(site, request, _known(site, [slug]))

    @routes.get("/topics/{slug}.json")
    def topic_json(request: Request, slug: str) -> Response:
        """A topic's papers as JSON Feed."""
        return _json(site, request, _known(site, [slug]))

    @routes.get("/sitemap.xml")
    def sitemap(request: Request) -> Response:
        """The pages that do not change by themselves."""
        with site.app.database.read() as connection:
            found = issues.listed(connection, 1000, published=True)
        root = ET.Element("urlset", xmlns=SITEMAP)
        places = ["/", "/issues/", "/topics/"]
        places += [f"/issues/{one.day.isoformat()}" for one in found]
        places += [f"/topics/{one.slug}" for one in site.current.topics]
        for place in places:
            ET.SubElement(ET.SubElement(root, "url"), "loc").text = _home(site, request) + place
        return Response(_xml(root), media_type="application/xml", headers=KEPT)

    @routes.get("/robots.txt")
    def robots(request: Request) -> Response:
        """What is not to be listed: everything that is one reader's."""
        own = ("confirm/", "preferences/", "pause/", "change/", "u/", "v/", "d/", "api/")
        also = ("lost", "look", "preview", "status")  # RFC 9309 2.2.2: what begins so
        lines = ["User-agent: *", *(f"Disallow: {site.base}/{one}" for one in (*own, *also))]
        lines += [f"Sitemap: {_home(site, request)}/sitemap.xml", ""]
        return PlainTextResponse("\n".join(lines), headers=KEPT)

    return routes


def _home(site: Site, request: Request) -> str:
    """Where the pages are, as feeds have to name it."""
    return site.pages or str(request.base_url).rstrip("/")


def _topics(site: Site, request: Request) -> frozenset[str]:
    return _known(site, request.query_params.getlist("topic")[:MOST_TOPICS])


def _known(site: Site, slugs: list[str]) -> frozenset[str]:
    for slug in slugs:
        topic = site.current.catalogue.topics.get(slug)
        if topic is None or topic.own:
            raise RequestError(f"There is no topic {slug!r}.")
    return frozenset(slugs)


def _rows(site: Site, request: Request, topics: frozenset[str]) -> list[Row]:
    current, language = site.current, site.language(request)
    picks = current.trials.picks(Wishes(follows=topics, length=ENTRIES)).picks
    return [
        (
            pick.paper_id,
            current.face(pick.paper_id, language),
            [current.name(slug) for slug in pick.reasons],
        )
        for pick in picks
        if pick.paper_id in current.shown.entries
    ]


def _called(site: Site, topics: frozenset[str]) -> str:
    names = ", ".join(sorted(map(site.current.name, topics)))
    return f"{site.title}: {names}" if names else site.title


def _atom(site: Site, request: Request, topics: frozenset[str]) -> Response:
    home, current = _home(site, request), site.current
    own = f"{home}{request.url.path.removeprefix(site.base)}"
    if request.url.query:
        own += f"?{request.url.query}"
    when = current.shown.issue.composed_at if current.shown.issue else current.made_at
    root = ET.Element("feed", xmlns=ATOM)
    for name, text in (("title", _called(site, topics)), ("id", own), ("updated", _instant(when))):
        ET.SubElement(root, name).text = text
    ET.SubElement(root, "link", rel="self", href=own)
    ET.SubElement(root, "link", rel="alternate", href=f"{home}/")
    ET.SubElement(ET.SubElement(root, "author"), "name").text = site.title
    for paper_id, one, names in _rows(site, request, topics):
        entry = ET.SubElement(root, "entry")
        page = f"{home}/papers/{paper_id}"
        for name, text in (
            ("title", one.title),
            ("id", page),
            ("updated", _instant(when)),
            ("summary", f"{one.gist} {one.meta}".strip()),
        ):
            ET.SubElement(entry, name).text = text
        ET.SubElement(entry, "link", rel="alternate", href=page)
        ET.SubElement(entry, "link", rel="related", href=one.url)
        for name in names:
            ET.SubElement(entry, "category", term=name)
    return Response(_xml(root), media_type="application/atom+xml", headers=KEPT)


def _json(site: Site, request: Request, topics: frozenset[str]) -> Response:
    home, current = _home(site, request), site.current
    when = current.shown.issue.composed_at if current.shown.issue else current.made_at
    told: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": _called(site, topics),
        "home_page_url": f"{home}/",
        "items": [
            {
                "id": f"{home}/papers/{paper_id}",
                "url": f"{home}/papers/{paper_id}",
                "external_url": one.url,
                "title": one.title,
                "content_text": f"{one.gist} {one.meta}".strip(),
                "date_published": _instant(when),
                "tags": names,
            }
            for paper_id, one, names in _rows(site, request, topics)
        ],
    }
    body = json.dumps(told, ensure_ascii=False)
    return Response(body, media_type="application/feed+json", headers=KEPT)


def _instant(when: Any) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def _xml(root: ET.Element) -> bytes:
    found: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return found
