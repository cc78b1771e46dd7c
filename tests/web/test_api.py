"""The JSON API: what each key may, what comes of it, and that it is as OpenAPI describes it."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from starlette.testclient import TestClient

from newsletter.scopes import Scope
from newsletter.store import keys
from newsletter.store.letters import LetterKind
from newsletter.web import api
from subscribers.model import State
from tests.web.conftest import READER, Pages

KEY = "tp_" + "k" * 43
V1 = "/api/v1"
EXAMPLES = 25  # of each operation
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


def allow(pages: Pages, *scopes: Scope) -> dict[str, str]:
    """The field that shows a key with these scopes."""
    with pages.app.database.write() as connection:
        keys.add(connection, KEY, "a test", scopes, pages.now)
    return {"Authorization": f"Bearer {KEY}"}


def test_what_is_published_is_read(pages: Pages) -> None:
    """Topics, papers of some, one paper by its name, issues and their papers."""
    pages.composed()
    key = allow(pages, Scope.READ)

    def get(path: str, **query: Any) -> Any:
        answer = pages.browser.get(f"{V1}{path}", params=query, headers=key)
        assert answer.status_code == 200
        return answer.json()

    topics = {one["slug"]: one for one in get("/topics")}
    assert get("/topics/alignment") == topics["alignment"]
    papers = get("/papers", topic=["alignment"], limit=5)
    assert len(papers) == 5
    assert all("alignment" in one["topics"] for one in papers)
    assert get(f"/papers/{papers[0]['id']}") == papers[0]
    (issue,) = get("/issues")
    assert issue["papers"] == len(get(f"/issues/{issue['day']}")["papers"]) == 70


def test_a_subscription_is_asked_for_changed_and_ended(stored_pages: Pages) -> None:
    """By mail first, as everywhere; events tell what happened."""
    pages = stored_pages
    read, write, events = Scope.SUBSCRIBERS_READ, Scope.SUBSCRIBERS_WRITE, Scope.EVENTS_READ
    key = allow(pages, read, write, events)
    asked = {"address": READER, "preferences": {"topics": ["alignment"], "phrases": ["LoRA"]}}
    answer = pages.browser.post(f"{V1}/subscribe", json=asked, headers=key)
    assert (answer.status_code, answer.json()) == (202, {"accepted": True})
    assert (pages.state(), pages.queued(LetterKind.CONFIRMATION)) == (State.PENDING, 1)
    (found,) = pages.browser.get(
        f"{V1}/subscribers", params={"address": READER}, headers=key
    ).json()
    path = f"{V1}/subscribers/{found['id']}"
    wanted = {"length": 3, "days": "mon,fri", "at": "07:30", "zone": "Asia/Tokyo"}
    changed = pages.browser.put(f"{path}/preferences", json=wanted, headers=key).json()
    assert (changed["length"], changed["days"], changed["topics"]) == (3, [0, 4], found["topics"])
    wrong = pages.browser.put(f"{path}/preferences", json={"at": "25:00"}, headers=key)
    assert (wrong.status_code, "25:00" in wrong.json()["error"]) == (400, True)
    assert pages.browser.get(path, headers=key).json() == changed
    for _ in range(2):
        ended = pages.browser.post(f"{path}/unsubscribe", headers=key).json()
        assert ended["state"] == "unsubscribed"
    told = pages.browser.get(f"{V1}/events", headers=key).json()
    assert [one["kind"] for one in told] == ["subscribed", "changed", "unsubscribed"]
    more = pages.browser.get(f"{V1}/events", params={"after": told[-1]["id"]}, headers=key)
    assert more.json() == []


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/topics", Scope.READ),
        ("/subscribers/1", Scope.SUBSCRIBERS_READ),
        ("/issues/2026-03-11/deliveries", Scope.DELIVERIES_READ),
        ("/events", Scope.EVENTS_READ),
        ("/status", Scope.STATUS),
    ],
)
def test_a_key_opens_what_it_is_for_alone(stored_pages: Pages, path: str, scope: Scope) -> None:
    """No key, another one, a revoked one, and one with every other scope are refused."""
    pages = stored_pages
    assert pages.browser.get(f"{V1}{path}").status_code == 401
    others = allow(pages, *(one for one in Scope if one is not scope))
    assert pages.browser.get(f"{V1}{path}", headers=others).status_code == 403
    with pages.app.database.write() as connection:
        keys.revoke(connection, 1, pages.now)
    assert pages.browser.get(f"{V1}{path}", headers=others).status_code == 401
    for text in ("Bearer", "Bearer tp_", "Bearer é", "Basic YTpi", "Bearer " + "k" * 9000):
        field = {"Authorization": text.encode()}
        assert pages.browser.get(f"{V1}{path}", headers=field).status_code == 401


def test_the_status_is_for_operators(pages: Pages) -> None:
    """As a page and as JSON, behind a key; without one it tells nothing."""
    pages.subscribed()
    pages.composed()
    refused = pages.browser.get("/status")
    assert (refused.status_code, "70" in refused.text) == (401, False)
    key = allow(pages, Scope.STATUS)
    assert "<dd>70</dd>" in pages.browser.get("/status", headers=key).text
    told = pages.browser.get(f"{V1}/status", headers=key).json()
    assert (told["papers"], told["open_deliveries"]) == (70, 1)
    assert told["subscribers"]["confirmed"] == 1


def test_only_sites_that_are_named_may_ask_from_a_browser(pages: Pages) -> None:
    """CORS, as pages.origins says; by default nobody."""
    asks = {"Origin": "https://lab.example.org", "Access-Control-Request-Method": "GET"}
    assert (
        "access-control-allow-origin"
        not in pages.browser.options(f"{V1}/topics", headers=asks).headers
    )
    own = pages.app.settings.pages
    named = own.model_copy(update={"origins": "https://lab.example.org"})
    pages.app.settings.__dict__["pages"] = named
    browser = TestClient(api.create(pages.site))
    allowed = browser.options("/topics", headers=asks).headers
    assert allowed["access-control-allow-origin"] == "https://lab.example.org"
    other = asks | {"Origin": "https://evil.example"}
    assert "access-control-allow-origin" not in browser.options("/topics", headers=other).headers


def test_it_is_as_openapi_describes_it(stored_pages: Pages) -> None:
    """Whatever is sent: no failure of ours, no status and no body but those described."""
    pages = stored_pages
    pages.subscribed()
    own = pages.app.settings.pages
    pages.app.settings.__dict__["pages"] = own.model_copy(update={"asks_per_network": 100_000})
    key = allow(pages, *Scope)
    schema = schemathesis.openapi.from_asgi("/openapi.json", api.create(pages.site))
    asked = set()
    for operation in schema.get_all_operations():
        run = operation.ok()
        asked.add(run.label)

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def look(case: Any) -> None:
            case.call_and_validate(headers=key, checks=CHECKS)

        given(case=run.as_strategy())(look)()
    assert len(asked) == 14
