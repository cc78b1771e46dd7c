"""What is for everybody to read: issues, topics, papers, search, feeds."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from newsletter import pipeline
from newsletter.scopes import Scope
from newsletter.store import issues, keys
from subscribers.tokens import Purpose
from tests.web.conftest import HOME, Pages

KEY = "tp_" + "k" * 43
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def published(pages: Pages) -> Pages:
    """With an issue of today for one reader."""
    pages.subscribed(follows=frozenset({"alignment"}), length=5)
    pages.composed()
    return pages


def test_an_issue_leads_to_papers_and_topics(published: Pages) -> None:
    """From the list to the day, from the day to a paper, and on to what is near it."""
    browser, day = published.browser, published.site.today(published.now).isoformat()
    assert f"/issues/{day}" in browser.get("/issues/").text
    issue = browser.get(f"/issues/{day}").text
    with published.app.database.read() as connection:
        found = issues.latest(connection)
    assert found is not None
    name = found.candidates[0].paper_id
    assert f'href="/papers/{name}"' in issue
    paper = browser.get(f"/papers/{name}").text
    assert found.snapshot.cards[name].title in paper.replace("&amp;", "&")
    others = [browser.get(f"/papers/{one.paper_id}").text for one in found.candidates[:20]]
    assert any("Related papers" in one for one in others)
    topic = browser.get("/topics/alignment").text
    assert "<svg" in topic
    assert "Follow it by mail" in topic
    assert "/topics/alignment" in browser.get("/topics/").text


def test_a_search_finds_papers_by_their_words(published: Pages) -> None:
    """And says so where there are none."""
    assert "/papers/" in published.browser.get("/search", params={"q": "video language"}).text
    none = published.browser.get("/search", params={"q": "xyzzy"}).text
    assert "No paper of late says that." in none


@pytest.mark.parametrize(
    "path", ["/feed.atom", "/topics/alignment.atom", "/feed.atom?topic=agents"]
)
def test_atom_feeds_hold_what_rfc_4287_wants(published: Pages, path: str) -> None:
    """An id, a title and an instant in the feed and in each entry, every address absolute."""
    answer = published.browser.get(path)
    assert answer.headers["content-type"].startswith("application/atom+xml")
    root = ET.fromstring(answer.text)
    for one in (root, *root.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert one.findtext(f"{ATOM}{name}")
        for link in one.findall(f"{ATOM}link"):
            assert link.attrib["href"].startswith("http")
    assert len(root.findall(f"{ATOM}entry")) > 0


def test_a_json_feed_is_of_the_topics_asked_for(published: Pages) -> None:
    """Of several together too; an unknown one is told."""
    told = published.browser.get("/feed.json", params={"topic": ["alignment", "agents"]}).json()
    assert told["version"] == "https://jsonfeed.org/version/1.1"
    assert {tag for one in told["items"] for tag in one["tags"]} <= {"Alignment", "LLM agents"}
    assert all(one["url"].startswith(HOME) for one in told["items"])
    assert published.browser.get("/feed.json", params={"topic": "no-such"}).status_code == 404


def test_ones_own_digest_is_shown_with_what_else_matched(published: Pages) -> None:
    """Behind its signed link: the picks in their order, more, and links to vote by."""
    reader = published.reader()
    page = published.browser.get(f"/d/{published.token(Purpose.VIEW, reader.id, 1)}").text
    assert page.count('<li class="paper">') > 5
    assert "More that matched" in page
    assert page.count("/more") == page.count("/less")


def test_machines_are_told_what_is_not_for_them(published: Pages) -> None:
    """The sitemap has the issues; robots.txt leaves out what is one reader's."""
    day = published.site.today(published.now).isoformat()
    assert f"{HOME}/issues/{day}" in published.browser.get("/sitemap.xml").text
    robots = published.browser.get("/robots.txt").text
    assert "Disallow: /preferences/" in robots
    assert f"Sitemap: {HOME}/sitemap.xml" in robots


@pytest.mark.parametrize(
    "path",
    [
        *("/issues/2020-01-01", "/issues/yesterday", "/topics/none", "/papers/none", "/papers/"),
        *("/none", "/static/none.css", "/topics/none.atom", "/%00", "/papers/" + "x" * 5000),
    ],
)
def test_what_is_not_there_is_told(published: Pages, path: str) -> None:
    """By a page of ours, without a trace of what happened inside."""
    answer = published.browser.get(path)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert "Traceback" not in answer.text


def test_a_held_issue_is_shown_to_nobody(published: Pages) -> None:
    """Not in lists, feeds, the sitemap, the API, nor to readers; once approved, it is."""
    app, browser, now = published.app, published.browser, published.now
    day = published.site.today(now).isoformat()
    with app.database.read() as connection:
        found = issues.latest(connection)
    assert found is not None
    name = found.candidates[0].paper_id
    with app.database.write() as connection:
        keys.add(connection, KEY, "a test", [Scope.READ], now)
    mine = f"/d/{published.token(Purpose.VIEW, published.reader().id, found.id)}"
    auth = {"Authorization": f"Bearer {KEY}"}

    def shown() -> list[bool]:
        """Whether each place knows the issue."""
        published.site._current = published.site.look()
        return [
            f"/issues/{day}" in browser.get("/issues/").text,
            browser.get(f"/issues/{day}").status_code == 200,
            f"/issues/{day}" in browser.get("/sitemap.xml").text,
            f"/issues/{day}" in browser.get(f"/papers/{name}").text,
            browser.get(mine).status_code == 200,
            day in browser.get("/api/v1/issues", headers=auth).text,
            browser.get(f"/api/v1/issues/{day}", headers=auth).status_code == 200,
            published.site.current.shown.issue is not None,  # of the front page, feeds and topics
        ]

    assert shown() == [True] * 8
    pipeline.hold(app.database, found, by="ida", why="", now=now, editor=None)
    assert published.site._is_old()
    assert shown() == [False] * 8
    assert browser.get("/").status_code == browser.get("/feed.atom").status_code == 200
    pipeline.approve(app.database, found, by="ida", why="", now=now)
    assert published.site._is_old()
    assert shown() == [True] * 8
