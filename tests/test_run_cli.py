"""newsletter run as a real process: papers in, digests out, pages beside, and an end on request."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from newsletter.app import App
from newsletter.config import load
from newsletter.scheduler import Clockwork
from tests.commands import newsletter
from tests.contract.upstream import Play, Upstream

SETTINGS = """
[sender]
address = "daily@papers.example.org"
postal_address = "1 Example Road, Oslo"
[sources.votes]
kind = "jsonl"
path = "papers.jsonl"
[schedule]
compose_at = "00:00"
send_seconds = 5
catch_up_hours = 24
"""
PATIENCE = 90  # seconds; it takes five


def a_place(folder: Path, hours: int = 0) -> Path:
    """A folder whose source has two papers of today, and one reader at this hour, or one later."""
    (folder / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    now = datetime.now(UTC)
    seen = {"source": "votes", "listed": f"{now:%Y-%m-%d}", "at": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    rows = [
        {
            "id": f"arxiv:2603.0000{at}",
            "title": f"Paper {at}",
            "observations": [seen | {"votes": 9}],
        }
        for at in (1, 2)
    ]
    lines = "\n".join(json.dumps(row) for row in rows)
    (folder / "papers.jsonl").write_text(lines, encoding="utf-8")
    at = f"{now + timedelta(hours=hours):%H}:00"
    assert newsletter(folder, "subscribe", "asa@example.org", "--at", at).returncode == 0
    return folder


@contextmanager
def running(place: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`newsletter run`, ended as a service manager ends it."""
    clean = {name: value for name, value in os.environ.items() if "NEWSLETTER" not in name}
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "newsletter", "run", *words],
        cwd=place,
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, told
        assert told.endswith("Stopped.\n"), told


def arrived(place: Path, number: int) -> list[Path]:
    """The mails in the maildir, once there are so many."""
    ends_at = time.monotonic() + PATIENCE
    while time.monotonic() < ends_at:
        found = list((place / "mail" / "new").glob("*"))
        if len(found) >= number:
            return found
        time.sleep(0.1)
    raise AssertionError("Nothing arrived.")


def test_papers_become_digests_by_themselves(tmp_path: Path) -> None:
    """Collected, composed and sent at the reader's hour; pages answer meanwhile; nobody twice."""
    place = a_place(tmp_path)
    with running(place, "--port", "0") as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if " serves " in line)
        (mail,) = arrived(place, 1)
        assert b"Paper 1" in mail.read_bytes()
        assert httpx.get(f"{line.split()[0]}healthz").text == "ok\n"
    with running(place, "--no-pages") as process:
        assert process.stdout is not None
        assert any("without pages" in line for line in process.stdout)
        assert newsletter(place, "subscribe", "bo@example.org", "--welcome").returncode == 0
        assert len(arrived(place, 3)) == 3  # bo's welcome and digest


def test_what_fails_is_told_and_ends_nothing(tmp_path: Path) -> None:
    """A source that cannot be read is told once; what can be done is done."""
    place = a_place(tmp_path)
    settings = SETTINGS + '[sources.gone]\nkind = "jsonl"\npath = "gone.jsonl"\n'
    (place / "newsletter.toml").write_text(settings, encoding="utf-8")
    with running(place, "--no-pages") as process:
        assert process.stdout is not None
        assert any("gone" in line for line in process.stdout)
        arrived(place, 1)


def test_a_source_that_is_waited_for_holds_up_no_end(tmp_path: Path) -> None:
    """Be it that it asks for a minute of peace."""
    place = a_place(tmp_path)
    with Upstream() as upstream:
        upstream.always("/api/daily_papers", Play(status=503, headers={"Retry-After": "50"}))
        slow = f'[sources.slow]\nkind = "huggingface"\nurl = "{upstream.url}"\n'
        (place / "newsletter.toml").write_text(SETTINGS + slow, encoding="utf-8")
        with running(place, "--no-pages"):
            ends_at = time.monotonic() + PATIENCE
            while not upstream.asked and time.monotonic() < ends_at:
                time.sleep(0.05)
            time.sleep(0.3)  # it has heard the answer, and waits
            began = time.monotonic()
    assert time.monotonic() - began < 10


def test_a_wish_to_end_that_comes_early_ends_it_too(tmp_path: Path) -> None:
    """A service manager that stops what just started need not kill it."""
    told = (
        "import os, signal; from pathlib import Path; from newsletter.app import App; "
        "from newsletter.cli.serve import end_asked; from newsletter.config import "
        "load; asked = end_asked(); os.kill(os.getpid(), signal.SIGTERM); "
        "from newsletter.cli.serving import serve_pages; "
        "serve_pages(App(load(Path('newsletter.toml'))), None, 0, lambda: None, asked)"
    )
    command = [sys.executable, "-c", told]
    done = subprocess.run(command, cwd=a_place(tmp_path), capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


def test_ticks_come_though_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who started a day ahead of the right time does not do nothing for a day."""
    monkeypatch.setattr("newsletter.scheduler.RIGHT", 0.1)
    (tmp_path / "newsletter.toml").touch()
    app, looks = App(load(tmp_path / "newsletter.toml", {})), threading.Event()

    def ahead() -> datetime:
        looks.set()
        return datetime.now(UTC) + timedelta(days=1)

    clockwork = Clockwork(app, ahead)
    looks.clear()
    clockwork.start()
    try:
        assert looks.wait(PATIENCE)
    finally:
        clockwork.stop()
        app.close()


def test_the_plan_is_shown(tmp_path: Path) -> None:
    """When papers are collected and an issue composed next, and readers by their hours."""
    before = datetime.now(UTC)
    place, at = a_place(tmp_path, 2), before + timedelta(hours=2)
    told = json.loads(newsletter(place, "schedule", "show", "--json").stdout)
    after = datetime.now(UTC)
    assert before <= datetime.fromisoformat(told["collect"]) <= after
    (hour,) = told["readers"]
    assert datetime.fromisoformat(hour).hour == at.hour
    shown = newsletter(place, "schedule", "show").stdout
    assert f"The most at {at:%H}:00 UTC: 1 reader." in shown
    assert newsletter(place, "collect").returncode == 0
    assert newsletter(place, "compose").returncode == 0
    told = json.loads(newsletter(place, "schedule", "show", "--json").stdout)
    assert datetime.fromisoformat(told["collect"]) > after + timedelta(minutes=50)
    composed = datetime.fromisoformat(told["compose"])
    assert (composed.hour, composed.date()) == (0, after.date() + timedelta(days=1))
