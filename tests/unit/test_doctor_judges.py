"""What the doctor concludes from facts that no test can bring about on this machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from newsletter.doctor import (
    certificates,
    clocks,
    databases,
    drawings,
    files,
    installation,
    mail_servers,
    upstreams,
    web_pages,
)
from newsletter.doctor.findings import Area, Finding, State, placed
from newsletter.doctor.web_pages import Answer

NOW = datetime(2026, 3, 11, 12, tzinfo=UTC)
URL = "https://papers.example.org"
MIB = 2**20


def told(found: Iterable[Finding]) -> dict[str, State]:
    """The state of each check, the worst where it has several."""
    order = [State.SKIPPED, State.OK, State.WARNING, State.ERROR]
    states: dict[str, State] = {}
    for one in found:
        assert one.what.endswith("."), one
        assert one.state in (State.OK, State.SKIPPED) or one.do, one
        states[one.check] = max(states.get(one.check, one.state), one.state, key=order.index)
    return states


@pytest.mark.parametrize(
    ("left", "state"),
    [(60, State.OK), (21, State.OK), (20, State.WARNING), (3, State.WARNING), (2, State.ERROR)],
)
def test_a_certificate_is_renewed_in_time(left: int, state: State) -> None:
    """A warning under 21 days, an error under 3."""
    found = certificates.check("c", "mail", NOW + timedelta(days=left, hours=1), NOW)
    assert (found.state, f"{left} days" in found.what) == (state, True)


GOOD = installation.Settings(
    file="newsletter.toml",
    given=9,
    leaves=True,
    sender="daily@paperlab.io",
    postal_address="1 Example Road",
    pages="https://papers.paperlab.io",
    proxies=True,
    hsts_seconds=1,
    report_to="ida@paperlab.io",
)


@pytest.mark.parametrize(
    ("change", "check", "state"),
    [
        ({}, "sender", State.OK),
        ({"sender": "daily@example.org"}, "sender", State.ERROR),
        ({"sender": "daily@example.org", "leaves": False}, "sender", State.SKIPPED),
        ({"postal_address": " "}, "postal-address", State.WARNING),
        ({"pages": ""}, "pages", State.WARNING),
        ({"report_to": ""}, "report", State.WARNING),
        ({"report_to": "", "hold": True}, "editor", State.WARNING),
        ({"report_to": "", "hold": True, "editor": "e@paperlab.io"}, "editor", None),
        ({"contact": False}, "contact", State.WARNING),
        ({"contact": False, "asks_network": False}, "contact", None),
        ({"metrics": ("127.0.0.0/8", "0.0.0.0/0")}, "metrics", State.WARNING),
        ({"pages_hosts": ("www.paperlab.io",)}, "hosts", State.ERROR),
        ({"pages_hosts": ("Papers.paperlab.io",)}, "hosts", None),
        ({"proxies": False}, "proxies", State.WARNING),
        ({"hsts_seconds": 0}, "hsts", State.WARNING),
        ({"hsts_seconds": 0, "pages": "http://localhost:8080"}, "hsts", None),
        ({"secret_length": 20}, "key", State.WARNING),
        ({"older_keys_until": (date(2026, 3, 14),)}, "rotation", State.WARNING),
        ({"older_keys_until": (date(2026, 6, 1),)}, "rotation", State.OK),
        ({"older_keys_until": (date(2026, 3, 1),)}, "rotation", None),
    ],
)
def test_settings_that_contradict_or_lack_something(
    change: dict[str, Any], check: str, state: State | None
) -> None:
    """Each is told by its own check, and nothing else is."""
    found = told(installation.check(replace(GOOD, **change), NOW.date()))
    assert found.get(check) is state
    bad = {name for name, one in found.items() if one in (State.WARNING, State.ERROR)}
    assert bad <= {check, "report"}


WHOLE = databases.Facts(
    shown="sqlite:///x.db",
    embedded=True,
    revision="0013",
    head="0013",
    size=MIB,
    free=9000 * MIB,
)


@pytest.mark.parametrize(
    ("change", "check", "state"),
    [
        ({}, "schema", State.OK),
        ({"revision": "0011"}, "schema", State.WARNING),
        ({"revision": "0011", "embedded": False, "free": None}, "schema", State.ERROR),
        ({"revision": None, "embedded": False}, "schema", State.ERROR),
        ({"revision": "0099"}, "schema", State.ERROR),
        ({"writable": False}, "database", State.ERROR),
        ({"read_only": True, "embedded": False}, "database", State.ERROR),
        ({"there": False}, "database", State.SKIPPED),
        ({"broken": "row 3 missing"}, "integrity", State.ERROR),
        ({"unchecked": "it takes long"}, "integrity", State.SKIPPED),
        ({"free": 99 * MIB}, "room", State.ERROR),
        ({"free": 900 * MIB}, "room", State.WARNING),
        ({"free": 2000 * MIB, "size": 3000 * MIB}, "room", State.WARNING),
    ],
)
def test_a_database_is_judged(change: dict[str, Any], check: str, state: State) -> None:
    """By schema, wholeness, room, and whether it takes writes."""
    found = tuple(databases.check(replace(WHOLE, **change)))
    assert told(found)[check] is state
    assert databases.is_current(found) is (told(found).get("schema") is State.OK)


HOUSE = files.Folder(whose="mail", path="/x", there=True, free=9000 * MIB)


@pytest.mark.parametrize(
    ("change", "check", "state"),
    [
        ({}, "folder", State.OK),
        ({"there": False}, "folder", State.OK),
        ({"writable": False}, "folder", State.ERROR),
        ({"there": False, "writable": False}, "folder", State.ERROR),
        ({"is_folder": False}, "folder", State.ERROR),
        ({"readable": False}, "folder", State.ERROR),
        ({"written": False, "writable": False}, "folder", State.OK),
        ({"written": False, "there": False}, "folder", State.ERROR),
        ({"free": 10 * MIB}, "room", State.ERROR),
        ({"free": 400 * MIB}, "room", State.WARNING),
    ],
)
def test_a_folder_is_judged(change: dict[str, Any], check: str, state: State) -> None:
    """One that is written to may be made later; one that is read has to be there."""
    assert told(files.folders([replace(HOUSE, **change)]))[check] is state


def test_secrets_are_for_one_user() -> None:
    """Those that everybody reads or writes are named; else their number is told."""
    safe = files.Secret(whose="key", path="/k", others_read=False, others_write=False)
    assert told(files.secrets([safe])) == {"secrecy": State.OK}
    (found,) = files.secrets([safe, replace(safe, path="/o", others_write=True)])
    assert (found.state, found.what.startswith("/o")) == (State.WARNING, True)
    assert not list(files.secrets([]))


@pytest.mark.parametrize(
    ("ahead", "vague", "state"),
    [
        (4, 0, State.OK),
        (-4, 0, State.OK),
        (6, 1.5, State.OK),
        (10, 0, State.WARNING),
        (-10, 0, State.WARNING),
        (120, 0, State.ERROR),
        (-90000, 0, State.ERROR),
    ],
)
def test_clocks_are_compared(ahead: float, vague: float, state: State) -> None:
    """More than five seconds is a warning, a minute an error; what is vague counts for us."""
    other = clocks.Apart(
        whose="the database server's",
        ahead=timedelta(seconds=ahead),
        vague=timedelta(seconds=vague),
    )
    (found,) = clocks.clocks([other])
    assert found.state is state
    if state is not State.OK:
        assert ("behind" in found.what) is (ahead > 0)


def test_time_zones_grow_old() -> None:
    """Data of two years ago is a warning, none an error, of an unknown version well."""
    zones = clocks.Zones(zone="Europe/Oslo", known=True, version="2025b", where="/usr")
    assert clocks.zones(zones, NOW.date()).state is State.OK
    assert clocks.zones(replace(zones, version="2024a"), NOW.date()).state is State.WARNING
    assert clocks.zones(replace(zones, version=""), NOW.date()).state is State.OK
    assert clocks.zones(replace(zones, known=False), NOW.date()).state is State.ERROR


WELL = upstreams.Facts(name="arxiv", asked=True, succeeded_at=NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        ({}, State.OK, "60 min ago"),
        ({"asked": False, "succeeded_at": None}, State.SKIPPED, "not asked yet"),
        ({"succeeded_at": None}, State.WARNING, "never succeeded"),
        ({"error": "500.", "failures": 1}, State.WARNING, "the last time"),
        ({"error": "500.", "failures": 3}, State.ERROR, "3 times in a row"),
        (
            {"error": "500.", "failures": 1, "succeeded_at": NOW - timedelta(days=8)},
            State.ERROR,
            "8 days ago",
        ),
        ({"stale": "its newest entry is of 2026-01-01"}, State.WARNING, "2026-01-01"),
        ({"succeeded_at": NOW - timedelta(days=3)}, State.WARNING, "3 days ago"),
        ({"succeeded_at": NOW - timedelta(days=9)}, State.ERROR, "9 days ago"),
        (
            {"succeeded_at": NOW - timedelta(days=2.5), "every": timedelta(days=1)},
            State.OK,
            "2 days ago",
        ),
    ],
)
def test_a_source_is_judged_by_its_last_runs(
    change: dict[str, Any], state: State, words: str
) -> None:
    """Failures in a row, silence, and what it says of itself."""
    (found,) = upstreams.check(replace(WELL, **change), NOW)
    assert (found.state, words in found.what) == (state, True), found
    assert ".." not in found.what


def test_an_answer_of_a_source_is_judged() -> None:
    """With entries that cannot be read, or a note, it is a warning."""
    one = upstreams.Answered(name="arxiv", papers=1, seconds=1.23)
    (found,) = upstreams.answered(one)
    assert found.what == "arxiv answers in 1.2 seconds, with 1 paper."
    assert told(upstreams.answered(replace(one, refused=("x",)))) == {"source": State.WARNING}
    assert told(upstreams.answered(replace(one, notes=("stale",)))) == {"source": State.WARNING}


SEEN = mail_servers.Seen(
    where="mail:587", tls="TLSv1.3", size=20_000_000, extensions=mail_servers.EXTENSIONS, user="ida"
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"server": State.OK, "login": State.OK}),
        ({"tls": ""}, {"server": State.WARNING, "login": State.OK}),
        ({"tls": "", "local": True, "user": ""}, {"server": State.OK}),
        ({"size": 500_000}, {"server": State.OK, "login": State.OK, "size": State.WARNING}),
    ],
)
def test_a_mail_server_is_judged(change: dict[str, Any], expected: dict[str, State]) -> None:
    """What it offers is told; the clear and a small limit are warnings."""
    assert told(mail_servers.check("transports.out", replace(SEEN, **change), NOW)) == expected


@pytest.mark.parametrize("trouble", list(mail_servers.Trouble))
def test_every_trouble_with_a_mail_server_has_something_to_do(
    trouble: mail_servers.Trouble,
) -> None:
    """And the advice of the transport is not said twice."""
    words = "mail:587 does not accept the login of a: 535 5.7.8 no. Check username and password."
    found = mail_servers.failed("transports.out", trouble, words)
    assert found.what == "mail:587 does not accept the login of a: 535 5.7.8 no."
    assert found.do
    assert "{" not in found.do


OK = Answer(status=200, body="ok\n")


@pytest.mark.parametrize(
    ("health", "key", "state", "words"),
    [
        (OK, Answer(status=410), State.OK, "know its key"),
        (OK, Answer(status=400), State.ERROR, "do not know the key"),
        (OK, Answer(status=500), State.WARNING, "500 Internal"),
        (OK, Answer(words="no answer"), State.WARNING, "no answer"),
        (OK, None, State.SKIPPED, "no key yet"),
        (Answer(status=200, body="<h1>hi"), None, State.ERROR, "something else"),
        (Answer(status=301, location="https://b.io/"), None, State.ERROR, "leads on to"),
        (Answer(status=421), None, State.ERROR, "by this name"),
        (Answer(status=502), None, State.ERROR, "502 Bad Gateway"),
        (Answer(status=404), None, State.ERROR, "404 Not Found"),
        (Answer(words="no"), None, State.ERROR, "does not answer: no."),
    ],
)
def test_pages_are_judged(health: Answer, key: Answer | None, state: State, words: str) -> None:
    """Whether they answer, as ours do, and whether they know our key."""
    found = list(web_pages.check(URL, health, key, NOW))
    told(found)
    assert (found[-1].state, words in found[-1].what) == (state, True), found


def test_a_translation_that_lacks_words_is_named() -> None:
    """With how many, and one of them, cut where it is long."""
    gaps = drawings.Gaps(code="nb", missing=("x" * 99, "y"), of=90)
    (found,) = drawings.languages([gaps])
    assert found.state is State.WARNING
    assert "2 of 90" in found.what
    assert "translations/nb.po" in found.do
    assert len(found.what) < 200


def test_findings_have_their_area() -> None:
    """Said once, by who puts them together."""
    (found,) = placed(Area.CLOCK, drawings.broken(["a", "a"]))
    assert (found.area, found.check) == (Area.CLOCK, "templates")
