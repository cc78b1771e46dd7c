"""Several processes of `newsletter send` share an issue, each digest sent once."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands import PAGE, newsletter, refused, smtp
from tests.crash.sink import Sink

READERS = 12


def test_two_processes_send_every_digest_once(tmp_path: Path) -> None:
    """The server has each message once, the counts are those of both together."""
    for at in range(READERS):
        done = newsletter(tmp_path, "subscribe", f"r{at}@example.org")
        assert done.returncode == 0
    assert newsletter(tmp_path, "collect", str(PAGE)).returncode == 0
    assert newsletter(tmp_path, "compose").returncode == 0
    with Sink() as sink:
        settings = smtp(sink.port)
        refused(newsletter(tmp_path, "send", "--workers", "2", "--limit", "1", **settings), 2)
        done = newsletter(tmp_path, "send", "--now", "--workers", "2", "--json", **settings)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["sent"] == READERS
        assert sorted(sink.taken.values()) == [1] * READERS
        assert sink.most_open > 1
    assert newsletter(tmp_path, "status").returncode == 0


def test_a_road_that_is_closed_is_told_once(tmp_path: Path) -> None:
    """Before any process is started, and nothing is touched."""
    newsletter(tmp_path, "subscribe", "r@example.org")
    newsletter(tmp_path, "collect", str(PAGE))
    newsletter(tmp_path, "compose")
    done = newsletter(tmp_path, "send", "--now", "--workers", "3", **smtp(1))
    refused(done, 6, "127.0.0.1:1")
