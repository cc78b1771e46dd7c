"""The operator's commands as real processes: what they do, show, and refuse."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from newsletter.alerts import Alert
from newsletter.store import alerts
from newsletter.store.database import Database
from tests.commands import PAGE, newsletter, prepare, refused, smtp
from tests.contract.scripted_smtp import ScriptedSmtp

READERS = ("asa@example.org", "bo@example.org", "cy@else.example")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a composed issue for three readers."""
    subscribing = [("subscribe", reader) for reader in READERS]
    return prepare(tmp_path, *subscribing, ("collect", str(PAGE)), ("compose",))


def asked(place: Path, *words: str) -> Any:
    return json.loads(newsletter(place, *words, "--json").stdout)


def test_a_failed_delivery_is_seen_retried_and_sent(place: Path) -> None:
    """The server's words, the history and the reply are told; status counts by domain and cause."""
    answers = {
        "RCPT": [b"550 5.7.1 <asa@example.org> blocked", b"250 ok"],
        ".": b"250 queued as 4F",
    }
    with ScriptedSmtp(answers) as server:
        done = newsletter(place, "send", "--now", **smtp(server.port), DELIVERY__CONNECTIONS="1")
        assert done.returncode == 1
    told = asked(place, "status")
    issue = told["issue"]
    assert (told["sent"], told["failed"], told["composed"]) == (2, 1, 3)
    assert [(x["name"], x["composed"]) for x in told["domains"]] == [
        ("example.org", 2),
        ("else.example", 1),
    ]
    assert told["causes"][0]["words"] == "refused: 550 5.7.1 … blocked"
    assert "refused: 550 5.7.1 … blocked" in newsletter(place, "status").stdout
    (failed,) = asked(place, "deliveries", "list", issue, "--state", "failed")
    reader = failed["address"]
    shown = asked(place, "deliveries", "show", reader)
    assert shown["reply"] == "550 5.7.1 <asa@example.org> blocked"
    assert [x["state"] for x in shown["history"]] == ["failed"]
    assert [x["kind"] for x in shown["events"]] == ["refused"]
    assert asked(place, "deliveries", "show", str(failed["number"])) == shown
    sent = next(one for one in READERS if one != reader)
    assert asked(place, "deliveries", "show", sent)["reply"] == "250 queued as 4F"
    refused(newsletter(place, "deliveries", "list", "--to", "zo@example.org"), 2, "zo@example.org")
    refused(
        newsletter(place, "issues", "retry", issue, "--to", sent, "--why", "x"), 2, "sent already"
    )
    why = ("--why", "they unblocked us", "--by", "ida")
    done = newsletter(place, "issues", "retry", issue, *why)
    assert done.stdout.startswith("1 delivery queued again"), done.stderr
    assert newsletter(place, "issues", "retry", issue, *why).stdout.startswith("Nothing of issue")
    newsletter(place, "subscribers", "unsuppress", reader)
    assert newsletter(place, "send").stdout.startswith("1 sent")
    history = newsletter(place, "deliveries", "show", reader).stdout
    assert "retry: they unblocked us" in " ".join(history.split())
    assert newsletter(place, "status").returncode == 0


def test_an_issue_is_paused_resumed_and_cancelled(place: Path) -> None:
    """Each is told with who and why, and nothing leaves meanwhile."""
    issue = asked(place, "status")["issue"]
    done = newsletter(place, "issues", "pause", issue, "--why", "a wrong title", "--by", "ida")
    assert "3 of it wait" in done.stdout
    told = newsletter(place, "send", "--now").stdout
    assert "nobody was sent anything" in told
    assert f"Issue {issue} is paused; 3 of it wait." in told
    assert asked(place, "issues", "list")[0]["paused"]
    assert "Paused by ida" in newsletter(place, "status").stdout
    refused(newsletter(place, "issues", "pause", issue), 2, "is paused already, by ida")
    assert asked(place, "issues", "resume", issue) == {
        "issue": issue,
        "paused": False,
        "waiting": 3,
    }
    assert newsletter(place, "send", "--now", "--limit", "1").returncode == 0
    refused(newsletter(place, "issues", "cancel", issue, "--why", "x"), 2, "--yes")
    cancelled = asked(place, "issues", "cancel", issue, "--why", "wrong list", "--yes")
    assert cancelled["skipped"] == 2
    told = asked(place, "status")
    assert (told["cancelled"], told["finished"], told["skipped"]) == (True, True, 2)
    assert told["acts"][-1]["why"] == "wrong list"
    assert "was cancelled by" in newsletter(place, "compose").stdout
    assert "cancelled" in newsletter(place, "issues", "list").stdout


def test_an_issue_is_held_and_approved_and_a_day_skipped(place: Path) -> None:
    """Each is told with who and why; the editor is asked once; mistakes are one sentence."""
    issue = asked(place, "status")["issue"]
    refused(newsletter(place, "issues", "approve", issue), 2, "is not held")
    refused(newsletter(place, "issues", "approve", "2001-01-01"), 2, "There is no issue of")
    ida = ("--by", "ida")
    held = newsletter(place, "issues", "hold", issue, *ida, REPORT__EDITOR="ed@example.org")
    assert "is held; 3 of it wait. `newsletter issues approve" in held.stdout
    assert "was held already, by ida" in newsletter(place, "issues", "hold", issue).stdout
    refused(newsletter(place, "issues", "resume", issue), 2, "held for approval, by ida", "approve")
    assert "Held for approval by ida" in newsletter(place, "status").stdout
    assert "Held for approval" in newsletter(place, "issues", "show", issue).stdout
    told = newsletter(place, "send", "--now").stdout
    assert f"Issue {issue} is held for approval; 3 of it wait." in told
    (letter,) = asked(place, "letters", "list")
    assert (letter["kind"], letter["address"], letter["state"]) == (
        "review",
        "ed@example.org",
        "sent",
    )
    day = (date.fromisoformat(issue) + timedelta(days=9)).isoformat()
    refused(newsletter(place, "issues", "skip", issue), 2, "composed already", "cancel")
    refused(newsletter(place, "issues", "skip", "2001-01-01"), 2, "2001-01-01 is over")
    refused(newsletter(place, "issues", "skip", "tomorrow"), 2, "'tomorrow' is not a day")
    assert f"{day} is skipped." in newsletter(place, "issues", "skip", day, *ida).stdout
    assert "was skipped already, by ida" in newsletter(place, "issues", "skip", day).stdout
    first, second = asked(place, "issues", "list")
    assert (first["issue"], first["skipped"], second["held"]) == (day, True, True)
    assert "skipped" in newsletter(place, "issues", "list").stdout
    assert not asked(place, "issues", "skip", day, "--undo")["skipped"]
    refused(newsletter(place, "issues", "skip", day, "--undo"), 2, "is not skipped")
    assert asked(place, "issues", "approve", issue) == {"issue": issue, "held": False, "waiting": 3}
    again = newsletter(place, "issues", "approve", issue)
    assert (again.returncode, "was approved already" in again.stdout) == (0, True)
    assert newsletter(place, "send", "--now").stdout.startswith("3 sent")


def test_alerts_are_listed(place: Path) -> None:
    """None at first; then as they are kept, with the command that tells more."""
    assert newsletter(place, "alerts").stdout.startswith("Nothing needs a hand")
    assert asked(place, "alerts") == []
    alert = Alert(name="x", text="It has {n} [bold]faults.", values={"n": 3}, look="newsletter x")
    database = Database(f"sqlite:///{place / 'newsletter.db'}")
    with database.write() as connection:
        alerts.open_(connection, alert, datetime(2026, 3, 11, 8, tzinfo=UTC))
    database.close()
    shown = newsletter(place, "alerts")
    assert (shown.returncode, "It has 3 [bold]faults." in shown.stdout) == (0, True)
    (one,) = asked(place, "alerts")
    assert (one["name"], one["since"], one["look"]) == (
        "x",
        "2026-03-11T08:00:00+00:00",
        "newsletter x",
    )


def test_a_status_is_watched_until_the_issue_is_finished(place: Path) -> None:
    """On a terminal only; of a finished issue it is shown once."""
    assert newsletter(place, "send", "--now").returncode == 0
    refused(newsletter(place, "status", "--watch"), 2, "needs a terminal")
    refused(newsletter(place, "status", "--watch", "--json"), 2, "not both")
    ours, theirs = pty.openpty()
    try:
        watched = subprocess.run(
            [sys.executable, "-m", "newsletter", "status", "--watch"],
            cwd=place,
            stdout=theirs,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        assert watched.returncode == 0
        assert b"composed 3" in os.read(ours, 100_000)
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("issues", "retry", "2020-01-01", "--why", "x"), "no issue of 2020-01-01"),
        (("issues", "retry", "soon", "--why", "x"), "'soon'"),
        (("issues", "pause", "2020-01-01"), "no issue of 2020-01-01"),
        (("issues", "cancel", "2020-01-01", "--why", "x", "--yes"), "no issue of 2020-01-01"),
        (("issues", "cancel", "2020-01-01", "--why", " ", "--yes"), "--why is one line"),
        (("issues", "retry", "2020-01-01", "--why", "a\nb"), "--why is one line"),
        (("issues", "pause", "2020-01-01", "--by", ""), "--by"),
        (("deliveries", "show", "zo@example.org"), "zo@example.org"),
        (("deliveries", "show", "nobody"), "'nobody' is not an e-mail address"),
        (("deliveries", "show", "99"), "no delivery number 99"),
        (("deliveries", "show", "1", "2026-03-11"), "leave ISSUE out"),
        (("deliveries", "list"), "newsletter compose"),
        (("preview", "--raw", "--text"), "--raw goes without --text"),
        (
            ("issues", "reconcile", "2026-03-11", "--sent", READERS[0], "--again", READERS[0]),
            "--sent or --again, not both, of asa@example.org",
        ),
    ],
)
def test_a_wrong_request_is_told_in_one_line(
    place_of_nothing: Path, words: tuple[str, ...], told: str
) -> None:
    """What is not there or cannot be meant is refused in words."""
    refused(newsletter(place_of_nothing, *words), 2, told)


@pytest.fixture(scope="module")
def place_of_nothing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder without readers or issues."""
    return tmp_path_factory.mktemp("nothing")


@pytest.mark.parametrize(
    "words",
    [
        ("issues", "retry", "2026-03-11"),
        ("issues", "cancel", "2026-03-11"),
        ("issues", "retry", "2026-03-11", "--why", "x", "--state", "sent"),
        ("deliveries", "list", "--state", "lost"),
    ],
)
def test_what_click_refuses_it_refuses_with_the_usage(
    place_of_nothing: Path, words: tuple[str, ...]
) -> None:
    """A reason that is missing, or a state that is none or may not be retried."""
    done = newsletter(place_of_nothing, *words)
    assert done.returncode == 2
    assert "--why" in done.stderr or "--state" in done.stderr


def test_an_operator_is_told_what_limits_hold_back(place: Path) -> None:
    """Not as if it waited for an hour that --now could hurry; several processes tell it, too."""
    newsletter(place, "subscribe", "dan@example.org")
    newsletter(place, "compose")
    (place / "newsletter.toml").write_text(
        '[domains."example.org"]\nper_hour = 2\n', encoding="utf-8"
    )
    with ScriptedSmtp({"RCPT": [b"421 4.7.28 too fast", b"250 ok"]}) as server:
        words = ("send", "--now", "--no-wait", "--workers", "2")
        done = newsletter(place, *words, **smtp(server.port), DELIVERY__CONNECTIONS="1")
    assert done.returncode == 0, done.stderr
    assert "asks to go slower (421 4.7.28 too fast)" in done.stdout
    assert "Limits hold back what is left until" in done.stdout
    assert "held back by the limits of their domains" in done.stdout
    assert "wait for their hour" not in done.stdout + newsletter(place, "status").stdout
    told = asked(place, "status")["waiting_for"]
    assert told["hour"] == 0
    assert told["limits"] > 0


def test_deliveries_are_readable_on_a_narrow_terminal(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 80 columns an address and an instant stand on one line."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    shown = newsletter(place, "deliveries", "list").stdout.splitlines()
    assert max(map(len, shown[1:3])) >= 80
    for reader in READERS:
        assert any(reader in line and "UTC" in line for line in shown), shown


def test_the_text_part_is_shown_without_its_line_ends(place: Path) -> None:
    """The CR of a mail's lines is no character for people."""
    shown = newsletter(place, "preview", READERS[0], "--text").stdout
    assert "TRENDING PAPERS\n" in shown
