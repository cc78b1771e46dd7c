"""What is told is an event that stands in the table, on one line that gives nobody away."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import logs
from newsletter.log_events import EVERYWHERE, FIELDS, Event
from newsletter.masking import discreet

ROOT = Path(__file__).resolve().parents[2]
# Told by the clock of `newsletter run`.
CLOCK = {
    Event.RUN_STARTED,
    Event.RUN_STOPPED,
    Event.TICK_FAILED,
    Event.TICK_RECOVERED,
    Event.LEASE_TAKEN,
    Event.LEASE_LOST,
    Event.ISSUE_COMPOSED,
    Event.ISSUE_HELD,
    Event.ISSUE_REFUSED,
    Event.DIGESTS_WRITTEN,
    Event.DIGESTS_FOLDED,
}
BY_THE_LOG = {Event.LIBRARY_SAID, Event.PROCESS_BROKE}
TOKEN = "12-5.abcdefghijklmnopqrstuv"
# What a hostile server, paper or visitor might have us write down.
FORGED = "no such user\r\n2026-03-11T08:00:00Z error   process.broke owned=yes\x1b[2J\x9b31m\u2028x"
SAYS = f"""
import logging, sys, threading
from newsletter import logs
from newsletter.log_events import Event, Level
logs.keep(people=sys.argv[1] == "people", level=Level.INFO)
logs.tell(Event.DELIVERY_SENT, delivery=1)
logs.tell(Event.DELIVERY_FAILED, delivery=7, issue="2026-03-11", address="asa@example.org",
          transport="relay", attempt=1, late=0.12345, words={FORGED!r} + ' "a" b=c')
with logs.about(request="abc"):
    try:
        raise ValueError({FORGED!r} + " asa@example.org {TOKEN}")
    except ValueError as error:
        logs.tell(Event.PAGE_BROKE, trouble=error, route="/u/{{token}}")
logging.getLogger("uvicorn.error").warning("odd request of %s", "asa@example.org")
logging.getLogger("httpx").info("GET https://user:hunter2@example.org/")
lost = threading.Thread(target=lambda: 1 / 0)
lost.start()
lost.join()
raise RuntimeError({FORGED!r})
"""


def told(form: str) -> list[str]:
    """The lines of a process that tells all sorts of things."""
    ran = subprocess.run(
        [sys.executable, "-c", SAYS, form], cwd=ROOT, capture_output=True, check=False
    )
    assert ran.returncode == 1
    assert ran.stdout == b""
    return ran.stderr.decode().split("\n")[:-1]


def test_a_line_for_machines_is_json() -> None:
    """With event, level, instant and ids; one line an event, whatever it is about."""
    lines = [json.loads(line) for line in told("machines")]
    assert [line["event"] for line in lines] == [
        "delivery.failed",
        "page.broke",
        "library.said",
        "process.broke",
        "process.broke",
    ]
    for line in lines:
        assert list(line)[:3] == ["at", "level", "event"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["at"])
    failed, broke, said, thread, process = lines
    assert failed == {
        "at": failed["at"],
        "level": "warning",
        "event": "delivery.failed",
        "delivery": 7,
        "issue": "2026-03-11",
        "address": "a…@example.org",
        "transport": "relay",
        "attempt": 1,
        "late": 0.123,
        "words": failed["words"],
    }
    assert failed["words"].startswith("no such user 2026-03-11T08:00:00Z error process.broke")
    assert (broke["level"], broke["request"], broke["route"]) == ("error", "abc", "/u/{token}")
    assert "\nValueError: no such user" in broke["traceback"]
    assert "asa@" not in json.dumps(lines)
    assert TOKEN not in json.dumps(lines)
    assert said["library"] == "uvicorn.error"
    assert thread["error"] == "ZeroDivisionError: division by zero"
    assert process["error"].startswith("RuntimeError: no such user")
    for line in lines:
        for value in line.values():
            assert str(value).replace("\n", "").isprintable()


def test_a_line_for_people_cannot_be_forged() -> None:
    """What is from outside neither begins a line nor looks like a field or colours anything."""
    lines = told("people")
    ours = [line for line in lines if not line.startswith(logs.BELOW)]
    assert [line.split()[2] for line in ours] == [
        "delivery.failed",
        "page.broke",
        "library.said",
        "process.broke",
        "process.broke",
    ]
    for line in lines:
        assert line.isprintable()
        assert logs.is_line(line)
    assert 'address=a…@example.org transport=relay attempt=1 late=0.123 words="no' in ours[0]
    assert ours[0].endswith(r'\"a\" b=c"')
    bare = re.sub(r'"(\\.|[^"\\])*"', "", ours[0])
    assert "owned" not in bare
    assert any(line.startswith(f"{logs.BELOW}2026-03-11T08:00:00Z") for line in lines)


@given(st.text(max_size=2000))
def test_any_text_is_one_bounded_line(text: str) -> None:
    """Without what would command a terminal or end a line."""
    line = logs.one_line(text)
    assert len(line) <= logs.LONGEST
    assert line.isprintable()


@given(
    local=st.from_regex(r"[a-z0-9!#$%&+._-]{2,30}", fullmatch=True),
    before=st.sampled_from(["", "to ", "<", "mailto:", "rcpt=", "('"]),
    after=st.sampled_from(["", ".", ">", ",", "')", " says no"]),
    at=st.sampled_from(["@", "%40"]),
)
def test_no_address_is_told_whole(local: str, before: str, after: str, at: str) -> None:
    """Wherever it stands in a text; the domain stays, for that is what one looks for."""
    shown = discreet(f"{before}{local}{at}mail.example.org{after}")
    assert f"{local}{at}" not in shown
    assert f"{local[0]}…{at}mail.example.org" in shown


@pytest.mark.parametrize(
    "secret",
    [
        TOKEN,
        "1.AAAAAAAAAAAAAAAAAAAA-_",
        "17-204-abcdefghijklmn27",
        "tp_abcdefghijklmnopqrstuvwxyz012345",
        "hunter2",
    ],
)
def test_no_secret_is_told(secret: str) -> None:
    """Tokens of links and envelope senders, keys, passwords in addresses."""
    text = (
        f"GET https://u:{secret}@example.org/?token={secret} Bearer {secret}"
        if secret == "hunter2"
        else f"GET /preferences/{secret}/votes, {secret}."
    )
    assert secret not in discreet(text)


def test_the_table_is_whole() -> None:
    """Names are dotted and unlike, every field is explained, every meaning is a sentence."""
    events = [one.told for one in Event]
    assert len({one.name for one in events}) == len(events)
    for one in events:
        assert re.fullmatch(r"[a-z]+\.[a-z]+", one.name)
        assert one.means.endswith(".")
        assert set(one.fields) <= FIELDS.keys()
        assert not {"at", "level", "event", "error", "traceback"} & set(one.fields)
    assert all(words.endswith(".") for words in (*FIELDS.values(), *EVERYWHERE.values()))
    assert set(FIELDS) == {field for one in events for field in one.fields}


def calls() -> Iterator[tuple[str, Event, set[str | None]]]:
    """Every place in the program that tells an event, and with which fields."""
    for path in (ROOT / "newsletter").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                first = node.args[0]
                if isinstance(first, ast.Attribute) and ast.unparse(first.value) == "Event":
                    name = {word.arg for word in node.keywords}
                    if first.attr in Event.__members__:
                        yield f"{path}:{node.lineno}", Event[first.attr], name


def test_every_call_tells_what_the_event_has() -> None:
    """No field that the table does not know, and none behind two stars."""
    for where, event, fields in calls():
        assert fields <= {*event.told.fields, "trouble"}, where


def test_every_event_is_told() -> None:
    """What stands in the table is told somewhere."""
    text = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "newsletter").rglob("*.py"))
    unused = {event for event in Event if f"Event.{event.name}" not in text}
    assert unused <= CLOCK | BY_THE_LOG


def test_another_field_or_event_is_refused() -> None:
    """So that the table stays true."""
    with pytest.raises(TypeError, match=r"delivery\.sent has no title"):
        logs.tell(Event.DELIVERY_SENT, title="x")


def test_who_listens_hears_every_event() -> None:
    """Also those that are not grave enough to be written."""
    heard: list[Event] = []

    def ear(event: Event, _: object) -> None:
        heard.append(event)

    logs.hear(ear)
    logs.tell(Event.DELIVERY_SENT, delivery=1)
    logs.ignore(ear)
    logs.tell(Event.DELIVERY_SENT, delivery=2)
    assert heard == [Event.DELIVERY_SENT]


def test_what_is_long_is_masked_in_time_that_grows_with_it() -> None:
    """Whoever words come from cannot have a process think for minutes about what to leave out."""
    began = time.monotonic()
    for part in ("?_", "?a_", "?", "://a:b?"):
        discreet(part * 20_000)
    assert time.monotonic() - began < 10  # as it was it took a minute; it takes half a second
