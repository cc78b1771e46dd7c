"""Which commands keep a log, and what stands in it: real processes with their output on pipes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.commands import PAGE, newsletter, prepare


def test_sends_are_logged_where_the_settings_ask_for_it(tmp_path: Path) -> None:
    """Each delivery at debug, with ids and a shortened address; else the words alone."""
    place = prepare(
        tmp_path,
        ("collect", str(PAGE)),
        ("subscribe", "asa@example.org", "--at", "00:00"),
        ("compose",),
    )
    done = newsletter(place, "send", "--now", LOG__LEVEL="debug")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "1 sent.")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    sent = next(line for line in lines if line["event"] == "delivery.sent")
    assert (sent["level"], sent["address"], sent["transport"]) == (
        "debug",
        "a…@example.org",
        "maildir",
    )
    assert (sent["delivery"], sent["attempt"]) == (1, 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", sent["issue"])
    assert sent["at"].endswith("Z")
    assert lines[-1]["event"] == "dispatch.done"
    quiet = newsletter(place, "send", "--now")
    assert (quiet.returncode, quiet.stderr) == (0, "")


def test_workers_hand_their_log_on(tmp_path: Path) -> None:
    """Of several processes that send, all lines come out of the one that started them."""
    prepare(
        tmp_path,
        ("collect", str(PAGE)),
        ("subscribe", "asa@example.org", "--at", "00:00"),
        ("compose",),
    )
    done = newsletter(tmp_path, "send", "--now", "--workers", "2", LOG__FORMAT="json")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "1 sent.")
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert events.count("dispatch.done") == 1


def test_a_command_in_a_timer_is_logged(tmp_path: Path) -> None:
    """Where [log] is set and nobody watches; its own words stay as they are."""
    told = newsletter(tmp_path, "db", "backup", "copy.db", LOG__LEVEL="info")
    assert told.stdout.startswith("Copied ")
    (line,) = (json.loads(line) for line in told.stderr.splitlines())
    assert (line["event"], line["level"]) == ("backup.made", "info")
    assert (line["file"], line["bytes"] > 0) == (str(tmp_path / "copy.db"), True)
    quiet = newsletter(tmp_path, "db", "backup", "other.db")
    assert (quiet.returncode, quiet.stderr) == (0, "")
