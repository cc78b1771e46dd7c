"""The recorded days played back to the real command: nothing twice, everything observed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.contract.upstream import Play, Query, Upstream

WIRE = os.environ.get("NEWSLETTER_WIRE")
SETTINGS = """
[sources.huggingface]
url = "{url}"
[sources.arxiv]
classes = ["cs.AI"]
feed = "{url}/atom"
api = "{url}/api/query"
pause = 0
"""


def newsletter(place: Path, *words: str) -> Any:
    """What the command prints as JSON."""
    done = commands.run(place, [*words, "--json"])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(WIRE is None, reason="NEWSLETTER_WIRE names no folder of recorded answers.")
def test_the_recorded_days_are_collected_twice(tmp_path: Path) -> None:
    """Two runs over the days of March 2026: 106 papers once each, two observations each."""
    wire = Path(str(WIRE))

    def day(_path: str, query: Query) -> Play:
        file = wire / "huggingface" / f"daily_papers-{query['date']}.json"
        return Play(body=file.read_bytes() if file.exists() else b"[]")

    empty = json.loads(next((wire / "arxiv").glob("id_0000*.json")).read_text())["body"]
    feed = (wire / "arxiv" / "feed-cs.AI.atom").read_bytes()
    atom = "application/atom+xml"
    with Upstream() as upstream:
        upstream.always("/api/daily_papers", day)
        upstream.always("/api/query", Play(body=empty.encode(), kind=atom))
        upstream.always("/atom/cs.AI", Play(body=feed, kind=atom, headers={"ETag": '"1"'}))
        (tmp_path / "newsletter.toml").write_text(SETTINGS.format(url=upstream.url))
        days = ("--since", "2026-03-02", "--until", "2026-03-09")
        first, second = (newsletter(tmp_path, "collect", *days) for _ in range(2))
        news = newsletter(tmp_path, "collect")
        listed = newsletter(tmp_path, "papers", "list", "--limit", "1000")
    assert [(one["source"], one["new"], one["observations"]) for one in first] == [
        ("huggingface", 106, 106),
        ("arxiv", 0, 0),
    ]
    assert [(one["new"], one["observations"]) for one in second] == [(0, 106), (0, 0)]
    assert [(one["source"], one["new"], one["refused"]) for one in news] == [
        ("huggingface", 0, 0),
        ("arxiv", 7, 0),
    ]
    assert len(listed) == 113
    shown = [newsletter(tmp_path, "papers", "show", one["id"]) for one in listed[::20]]
    assert {len(one["observations"]) for one in shown if one["votes"] is not None} == {2}
