"""What monitors are told: whether pages are ready, the numbers, and a line of the log a request."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from newsletter.metric_table import HTTP_REQUESTS, METRICS, PROCESS
from newsletter.web import Site, create
from newsletter.web.metrics import may_read
from subscribers.tokens import Purpose
from tests.commands import PAGE, newsletter, prepare, start
from tests.web.conftest import HOME, Pages

PATIENCE = 60  # seconds; it takes one
TOKEN = "12.abcdefghijklmnopqrstuv"


@dataclass(frozen=True)
class Served:
    """Pages that are really served, and what was logged meanwhile."""

    url: str
    folder: Path

    def get(self, path: str, **headers: str) -> httpx.Response:
        """An answer."""
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=PATIENCE)

    def samples(self) -> dict[str, float]:
        """The numbers, by their names with labels."""
        lines = self.get("/metrics").text.splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(number) for name, _, number in pairs}

    def logged(self) -> list[dict[str, Any]]:
        """The log."""
        return [json.loads(line) for line in (self.folder / "err").read_text().splitlines()]

    def line_of(self, request: str, event: str = "request.done") -> dict[str, Any]:
        """The line of a request, once it is written."""
        ends_at = time.monotonic() + PATIENCE
        while time.monotonic() < ends_at:
            for line in self.logged():
                if line.get("request") == request and line["event"] == event:
                    return line
            time.sleep(0.02)
        raise AssertionError(f"Nothing was logged of {request}.")


@contextmanager
def serving(place: Path, more: Mapping[str, str]) -> Iterator[str]:
    """Serves a folder's pages, its log on a pipe, and ends that as a service manager does."""
    with (place / "out").open("wb") as out, (place / "err").open("wb") as err:
        running = start(place, ("serve", "--port", "0"), more, out, err)
        ends_at = time.monotonic() + PATIENCE
        while "serve.started" not in (told := (place / "err").read_text()):
            assert running.runs(), told
            assert time.monotonic() < ends_at
            time.sleep(0.02)
        found = re.search(r"http://127\.0\.0\.1:\d+", told)
        assert found is not None
        yield found[0]
        os.kill(running.pid, signal.SIGTERM)
        assert running.wait() == 0
    assert json.loads((place / "err").read_text().splitlines()[-1])["event"] == "serve.stopped"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An installation with an issue and a sent digest, served with its log on a pipe."""
    place = prepare(
        tmp_path_factory.mktemp("served"),
        ("collect", str(PAGE)),
        ("subscribe", "asa@example.org", "--at", "00:00"),
        ("compose",),
        ("send", "--now"),
    )
    with serving(place, {"NEWSLETTER_LOG__LEVEL": "debug"}) as url:
        yield Served(url, place)


def test_a_scrape_has_the_metrics_of_the_table(served: Served) -> None:
    """Those names and kinds, no others, each with its sentence."""
    text = served.get("/metrics").text
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    assert kinds == {one.name: one.kind.value for one in (*METRICS, *PROCESS)}
    says = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE))
    assert {one.name: one.says for one in METRICS}.items() <= says.items()
    labels = {one.name: set(one.labels) for one in METRICS}
    for name, told in re.findall(r"^(newsletter_\w+)\{(.*)\} ", text, re.MULTILINE):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        found = set(re.findall(r"(\w+)=", told)) - {"le"}
        assert found == labels.get(name, labels.get(base)), name


def test_the_numbers_are_those_of_the_installation(served: Served) -> None:
    """As the database has them."""
    found = served.samples()
    assert found["newsletter_database_up"] == 1
    assert found['newsletter_issue_deliveries{state="sent"}'] == 1
    assert found['newsletter_deliveries{state="queued"}'] == 0
    assert found['newsletter_subscribers{state="confirmed"}'] == 1
    assert found["newsletter_papers"] == 70
    assert found["newsletter_deliveries_overdue_seconds"] == 0
    assert found['newsletter_database_bytes{part="file"}'] > 0
    assert found["newsletter_disk_free_bytes"] > 0
    for name in ("compose", "send"):
        at = found[f"newsletter_last_{name}_timestamp_seconds"]
        assert time.time() - 600 < at <= time.time()


def test_only_whom_the_settings_name_may_read_them(served: Served) -> None:
    """What a proxy sends on, which nobody named, is of nobody knows whom."""
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        refused = served.get("/metrics", **{name: "127.0.0.1"})
        assert refused.status_code == 403
        assert "This page is for operators." in refused.text
        assert "newsletter_" not in refused.text


def test_whom_a_proxy_names_is_believed_where_it_is_named(tmp_path: Path) -> None:
    """A visitor through it is judged as who it is; another proxy speaks for nobody."""
    more = {"NEWSLETTER_PAGES__PROXIES": "127.0.0.2"}
    with serving(tmp_path, more) as url:
        for peer, visitor, status in (
            ("127.0.0.2", "203.0.113.9", 403),
            ("127.0.0.2", "127.0.0.1", 200),
            ("127.0.0.1", "127.0.0.1", 403),
        ):
            way = httpx.HTTPTransport(local_address=peer)
            with httpx.Client(transport=way, timeout=PATIENCE) as asking:
                answer = asking.get(f"{url}/metrics", headers={"X-Forwarded-For": visitor})
            assert answer.status_code == status, (peer, visitor)


@pytest.mark.parametrize(
    ("client", "may"),
    [
        ("127.0.0.1", True),
        ("::ffff:127.0.0.1", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("2001:db8::1", False),
        ("testclient", False),
        (None, False),
    ],
)
def test_networks_are_compared_as_networks(client: str | None, may: bool) -> None:
    """IPv4 within IPv6 as what it is; who has no address is refused."""
    networks = "127.0.0.0/8, ::1/128, 10.0.0.0/8"
    assert may_read(networks, client, forwarded=False) is may
    assert not may_read(networks, client, forwarded=True)


def test_a_network_that_is_none_is_told(tmp_path: Path) -> None:
    """By its setting, before anything runs."""
    done = newsletter(tmp_path, "status", METRICS__NETWORKS="127.0.0.1/33")
    assert done.returncode == 3
    assert "metrics.networks" in done.stderr.lower().replace("__", ".")


def test_no_token_is_counted_or_logged(served: Served) -> None:
    """Of a reader's page there is the pattern, in the log as in the numbers."""
    for path, route in (
        (f"/preferences/{TOKEN}", "/preferences/{token}"),
        (f"/u/{TOKEN}?x={TOKEN}", "/u/{token}"),
        (f"/{TOKEN}/none", "(none)"),
        ("/api/v1/subscribers/7", "/api/v1/subscribers/{number}"),
    ):
        answer = served.get(path)
        line = served.line_of(answer.headers["x-request-id"])
        assert list(line)[:3] == ["at", "level", "event"]
        assert (line["route"], line["status"]) == (route, answer.status_code)
        assert (line["method"], line["level"]) == ("GET", "info")
        assert line["ms"] > 0
        labels = f'method="GET",route="{route}",status="{answer.status_code}"'
        assert served.samples()[f"{HTTP_REQUESTS.name}{{{labels}}}"] >= 1
    assert TOKEN not in (served.folder / "err").read_text()
    assert TOKEN not in served.get("/metrics").text


def test_what_the_guard_refuses_is_logged_too(served: Served) -> None:
    """It never came to a page, so it has no pattern; a HEAD is one."""
    refused = served.get("/", Host="evil.example")
    assert served.line_of(refused.headers["x-request-id"])["status"] == 421
    head = httpx.head(f"{served.url}/issues/")
    line = served.line_of(head.headers["x-request-id"])
    assert (line["method"], line["route"]) == ("HEAD", "/issues/")
    probe = served.get("/healthz").headers["x-request-id"]
    assert served.line_of(probe, "probe.done")["level"] == "debug"


def test_it_is_ready(served: Served) -> None:
    """In lines, and in JSON for who wants that; a service tells its settings first."""
    lines = served.get("/readyz")
    assert (lines.status_code, lines.headers["cache-control"]) == (200, "no-store")
    assert lines.text == "process: ok\ndatabase: ok\nschema: ok\ntemplates: ok\n"
    told = served.get("/readyz", Accept="application/json").json()
    assert told == {
        "ready": True,
        "parts": dict.fromkeys(("process", "database", "schema", "templates"), "ok"),
    }
    assert served.logged()[0]["event"] == "config.loaded"


def test_it_is_not_ready_once_it_ends(pages: Pages) -> None:
    """From the signal on, while what is under way goes on."""
    pages.site.ending = True
    answer = pages.browser.get("/readyz", headers={"accept": "application/json"})
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert answer.json()["parts"]["process"] == "it is shutting down"
    assert pages.browser.get("/healthz").status_code == 200


def test_it_is_not_ready_on_another_schema(stored_pages: Pages) -> None:
    """A database that was upgraded, or put back, under pages that run."""
    with stored_pages.app.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    answer = stored_pages.browser.get("/readyz")
    assert answer.status_code == 503
    assert re.search(r"schema: it is 0001, this version needs \d{4}\n", answer.text)


def test_it_is_not_ready_with_a_broken_template(pages: Pages, tmp_path: Path) -> None:
    """An operator's own; what is wrong with it is for operators alone."""
    own = tmp_path / "own"
    (own / "pages").mkdir(parents=True)
    (own / "pages" / "home.html").write_text("{% if %}", encoding="utf-8")
    pages.app.templates.folders = (own, *pages.app.templates.folders)
    answer = pages.browser.get("/readyz")
    assert answer.status_code == 503
    assert "templates: one of them cannot be read" in answer.text
    assert str(tmp_path) not in answer.text


def test_a_database_that_is_away_is_told(pages: Pages) -> None:
    """By /readyz in words, by /metrics as a number beside those it can tell."""
    near = TestClient(create(pages.site), base_url=HOME, client=("127.0.0.1", 50000))
    pages.app.database.close()
    file = pages.app.database.file
    assert file is not None
    for one in file.parent.glob(f"{file.name}*"):
        one.unlink()
    file.mkdir()
    answer = near.get("/readyz")
    assert answer.status_code == 503
    assert "database: it does not answer\n" in answer.text
    assert str(file) not in answer.text
    text = near.get("/metrics").text
    assert "\nnewsletter_database_up 0.0\n" in text
    assert "\nnewsletter_build_info{" in text
    assert "\nnewsletter_deliveries_due " not in text
    assert set(re.findall(r"^# TYPE (newsletter_\w+)", text, re.MULTILINE)) == {
        one.name for one in METRICS
    }


def test_a_mistake_of_ours_is_logged_once(
    pages: Pages, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """By one line, the page's pattern, and the number that the reader saw."""
    from newsletter import logs
    from newsletter.log_events import Event

    heard: list[tuple[Event, dict[str, object]]] = []

    def ear(event: Event, fields: Any) -> None:
        heard.append((event, dict(fields)))

    token = pages.token(Purpose.PREFERENCES, pages.subscribed().id)
    with pages.app.database.write() as connection:
        connection.exec_driver_sql("UPDATE subscribers SET days = 'x'")
    logs.hear(ear)
    answer = pages.browser.get(f"/preferences/{token}")
    logs.ignore(ear)
    assert answer.status_code == 500
    assert [event for event, _ in heard] == [Event.PAGE_BROKE, Event.REQUEST_FAILED]
    assert heard[1][1]["request"] == answer.headers["x-request-id"]
    assert {fields["route"] for _, fields in heard} == {"/preferences/{token}"}
    told = capfd.readouterr().err
    assert told.startswith("The page /preferences/{token} could not be shown: ValueError: ")
    assert told.count("\n") == 1


def test_every_site_counts_for_itself(stored_pages: Pages) -> None:
    """What one served is not told by another, nor twice by one that was started again."""
    for _ in range(2):
        site = create(Site(stored_pages.app))
        with TestClient(site, base_url=HOME, client=("::1", 5)) as browser:
            browser.get("/issues/")
            text = browser.get("/metrics").text
            labels = 'method="GET",route="/issues/",status="200"'
            assert f"{HTTP_REQUESTS.name}{{{labels}}} 1.0\n" in text
