"""newsletter preflight, and what send does with it, as real processes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsletter.quoted import encode
from newsletter.resources import folder
from tests.commands import PAGE, newsletter, prepare, refused, smtp
from tests.crash.sink import Sink

READERS = ("asa@example.org", "bo@example.org", "cy@else.example")
NO_POST = {"SENDER__POSTAL_ADDRESS": ""}


def compose(place: Path, **settings: str) -> Path:
    prepare(place, *(("subscribe", reader) for reader in READERS), ("collect", str(PAGE)))
    assert newsletter(place, "compose", **settings).returncode == 0
    return place


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a composed issue for three readers."""
    readers = (("subscribe", reader) for reader in READERS)
    return prepare(tmp_path, *readers, ("collect", str(PAGE)), ("compose",))


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A mail server that takes everything."""
    with Sink() as open_sink:
        yield open_sink


def spoil(place: Path, html: str) -> None:
    """Adds to the frozen page of the issue (quoted-printable in JSON), as a theme might have."""
    with sqlite3.connect(place / "newsletter.db") as connection:
        (before,) = connection.execute("SELECT snapshot FROM issues").fetchone()
        new = json.dumps(encode(html).decode())[1:-1]
        after = before.replace("</body>", f"=\\r\\n{new}</body>")
        assert after != before
        connection.execute("UPDATE issues SET snapshot = ?", (after,))


def asked(place: Path, *words: str, **settings: str) -> Any:
    return json.loads(newsletter(place, *words, "--json", **settings).stdout)


def test_a_composed_issue_passes_and_goes(place: Path, sink: Sink) -> None:
    """Warnings are told and end with 0; JSON has every number; send says that it looked once."""
    done = newsletter(place, "preflight", "--no-spam")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passes, with 1 warning." in done.stdout
    assert "3 readers, 3 with papers, 10.0 on average." in done.stdout
    told = asked(place, "preflight", "--no-spam")
    assert (told["passes"], told["counts"]["error"]) == (True, 0)
    assert told["accounts"]["by_papers"] == {"10": 3}
    assert [one["check"] for one in told["findings"]] == ["sender-domain"]
    assert len(told["mails"]) == 3
    assert told["before"] is None
    server = smtp(sink.port)
    first = asked(place, "send", "--now", "--limit", "1", **server)
    assert first["preflight"] == {told["issue"]: {"fatal": 0, "error": 0, "warning": 2}}
    assert asked(place, "send", **server)["preflight"] == {}
    assert asked(place, "status")["sent"] == 3


def test_what_may_be_overridden_is_refused_until_it_is(tmp_path: Path, sink: Sink) -> None:
    """Without a postal address nothing leaves for the world; forced once, the issue goes on."""
    place = compose(tmp_path, **NO_POST)
    server = smtp(sink.port) | NO_POST
    done = newsletter(place, "preflight", "--no-spam", **server)
    assert done.returncode == 8
    assert "Does not pass: 1 error" in done.stdout
    assert newsletter(place, "preflight", "--no-spam", "--force", **server).returncode == 0
    for words in ((), ("--workers", "2")):
        told = ("1 error, the first: No postal address", "--force sends in spite")
        refused(newsletter(place, "send", "--now", *words, **server), 8, *told)
    assert asked(place, "status")["queued"] == 3
    assert sink.taken == {}
    done = newsletter(place, "send", "--now", "--force", "--limit", "1", **server)
    assert done.returncode == 0, done.stderr
    assert "Preflight: 1 error" in done.stdout
    assert newsletter(place, "send", **server).returncode == 0
    assert asked(place, "status")["sent"] == 3


def test_a_look_at_an_issue_lets_nobody_elses_go(tmp_path: Path, sink: Sink) -> None:
    """What was forced to one reader by name is refused to the others still."""
    place = compose(tmp_path, **NO_POST)
    server = smtp(sink.port) | NO_POST
    refused(newsletter(place, "send", "--to", READERS[0], **server), 8, "No postal address")
    done = newsletter(place, "send", "--to", READERS[0], "--force", **server)
    assert done.returncode == 0, done.stderr
    assert asked(place, "status")["sent"] == 1
    refused(newsletter(place, "send", "--now", **server), 8, "No postal address")
    shown = asked(place, "deliveries", "show", READERS[0])
    assert [one["words"] for one in shown["history"]] == [
        "sent to this reader alone, by name (send --to)"
    ]


def test_workers_send_what_was_judged_once(tmp_path: Path, sink: Sink) -> None:
    """They are not asked again: what was forced goes, in all of them."""
    place = compose(tmp_path, **NO_POST)
    server = smtp(sink.port) | NO_POST
    done = newsletter(place, "send", "--now", "--workers", "2", "--force", **server)
    assert done.returncode == 0, done.stderr
    assert sorted(sink.taken.values()) == [1, 1, 1]
    refused(newsletter(place, "send", "--cleared", "all", **server), 2, "--cleared")


def test_what_is_fatal_is_never_sent(place: Path) -> None:
    """A theme with a frame in it: force does not help, and everything is told."""
    spoil(place, "<iframe></iframe>")
    done = newsletter(place, "preflight", "--no-spam", "--force")
    assert done.returncode == 8
    assert "html-active" in done.stdout
    assert "cannot be overridden" in done.stdout
    told = asked(place, "preflight", "--no-spam")
    assert (told["passes"], told["passes_with_force"]) == (False, False)
    (found,) = (one for one in told["findings"] if one["level"] == "fatal")
    assert (found["check"], found["times"]) == ("html-active", 3)
    refused(newsletter(place, "send", "--now"), 8, "preflight")
    refused(newsletter(place, "send", "--now", "--force"), 8, "does not override")
    assert asked(place, "status")["queued"] == 3


def test_a_theme_with_pale_words_is_refused(place: Path) -> None:
    """The colours, the mode and what to mend are told."""
    spoil(place, '<p style="color:#ccc;background:#fff">pale</p>')
    told = asked(place, "preflight", "--no-spam")
    assert not told["passes"]
    assert told["passes_with_force"]
    found = [one for one in told["findings"] if one["level"] == "error"]
    assert {one["check"] for one in found} == {"contrast"}
    assert any("#cccccc on #ffffff" in one["says"] for one in found)


@pytest.mark.parametrize(
    ("settings", "check", "level"),
    [
        ({"SENDER__NAME": "Papers 🧪"}, "from-name", "error"),
        ({"SENDER__ADDRESS": "papers@gmail.com"}, "from", "error"),
        ({"SENDER__REPLY_TO": "no-reply@papers.dev"}, "reply-to", "warning"),
    ],
)
def test_settings_that_are_wrong_are_told(
    tmp_path: Path, settings: dict[str, str], check: str, level: str
) -> None:
    """As the issue was composed with them."""
    place = compose(tmp_path, **settings)
    told = asked(place, "preflight", "--no-spam", **settings)
    assert (level, check) in {(one["level"], one["check"]) for one in told["findings"]}


@pytest.mark.parametrize("now", [{}, {"PAGES__URL": "https://new.papers.dev"}])
def test_an_issue_of_another_pages_url_is_told_as_such(tmp_path: Path, now: dict[str, str]) -> None:
    """The setting removed or changed: one finding says what happened, not one a link."""
    place = compose(tmp_path, PAGES__URL="https://old.papers.dev")
    found = asked(place, "preflight", "--no-spam", **now)["findings"]
    (told,) = (one for one in found if one["level"] != "warning")
    assert (told["level"], told["check"]) == ("fatal", "list-unsubscribe")
    assert "composed under another pages.url, at old.papers.dev" in told["says"]


@pytest.mark.parametrize(
    ("put", "told"),
    [
        ("{{ wy }}", "letters/frame.mjml, line 34: 'wy' is undefined"),
        ("<iframe></iframe>", "There is an <iframe> in the mail."),
    ],
)
def test_a_theme_that_breaks_letters_alone_is_told(place: Path, put: str, told: str) -> None:
    """As a warning, with file and line where it cannot be drawn: digests are whole and go."""
    mine = place / "mine" / "letters" / "frame.mjml"
    mine.parent.mkdir(parents=True)
    ours = (folder("templates") / "letters" / "frame.mjml").read_text(encoding="utf-8")
    mine.write_text(ours.replace("{{ why }}", put), encoding="utf-8")
    found = asked(place, "preflight", "--no-spam", LOOK__TEMPLATES="mine")
    assert found["passes"]
    (one,) = (one for one in found["findings"] if told in one["says"])
    assert (one["level"], one["times"] > 1) == ("warning", True)
    assert one["where"].startswith("confirmation in en")


def test_signed_mail_is_verified(tmp_path: Path) -> None:
    """With the key that the settings name, by the record that the DNS would tell."""
    toml = tmp_path / "newsletter.toml"
    toml.write_text('[sender]\naddress = "daily@papers.dev"\n', encoding="utf-8")
    made = newsletter(tmp_path, "dkim", "keygen", "--selector", "Papers1")
    assert made.returncode == 0, made.stderr
    with toml.open("a", encoding="utf-8") as file:
        file.write('[dkim]\nselector = "papers1"\nkey_file = "dkim-papers1.pem"\n')
    place = compose(tmp_path)
    told = asked(place, "preflight", "--no-spam")
    assert told["signatures_verified"]
    assert told["passes"]
    assert told["findings"] == []


def test_what_cannot_be_asked_is_told_in_one_line(tmp_path: Path) -> None:
    """No issue, a day that is none, and a filter where none is installed."""
    refused(newsletter(tmp_path, "preflight"), 2, "newsletter compose")
    refused(newsletter(tmp_path, "preflight", "soon"), 2, "'soon'")
    refused(newsletter(tmp_path, "preflight", "2020-01-01"), 2, "no issue of 2020-01-01")
