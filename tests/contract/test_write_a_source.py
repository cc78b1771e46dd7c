"""The page "write a source" works as it is written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.contract.upstream import Play, Upstream

PAGE = Path(__file__).parents[2] / "docs" / "write-a-source.md"
LIST = [
    {"title": "A paper with a DOI", "doi": "10.1000/XYZ", "score": 7},
    {"title": "A paper <i>without</i> one", "score": "many"},
    {"score": 9},
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_example_of_the_page_is_installed_and_collects(tmp_path: Path) -> None:
    """Its code, entry point and settings are those of the page; it brings two papers of three."""
    (code,) = blocks("python")
    entry_point, settings = blocks("toml")
    (tmp_path / "accepted.py").write_text(code, encoding="utf-8")
    info = tmp_path / "accepted-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: accepted\nVersion: 1\n")
    (name,) = re.findall(r'^accepted = "(.*)"$', entry_point, re.MULTILINE)
    assert '[project.entry-points."newsletter.sources"]' in entry_point
    (info / "entry_points.txt").write_text(f"[newsletter.sources]\naccepted = {name}\n")
    with Upstream() as upstream:
        body = Play(body=json.dumps(LIST).encode(), headers={"ETag": '"1"'})
        upstream.next("/accepted.json", body, body, Play(status=304))
        settings = settings.replace("https://conference.example.org", upstream.url)
        (tmp_path / "newsletter.toml").write_text(settings, encoding="utf-8")
        clean = {k: v for k, v in os.environ.items() if not k.startswith("NEWSLETTER")}

        def newsletter(*words: str) -> str:
            return subprocess.run(
                [sys.executable, "-m", "newsletter", *words],
                cwd=tmp_path,
                env=clean | {"PYTHONPATH": str(tmp_path)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout

        assert "2 papers, 1 refused" in newsletter("sources", "test", "accepted")
        (first,) = json.loads(newsletter("collect", "--json"))
        (again,) = json.loads(newsletter("collect", "--json"))
        shown = json.loads(newsletter("papers", "list", "--json"))
    assert (first["new"], first["refusals"]) == (2, ["row 3: it has no title"])
    assert (again["papers"], again["error"]) == (0, None)
    assert [(one["id"].partition(":")[0], one["title"], one["votes"]) for one in shown] == [
        ("doi", "A paper with a DOI", 7),
        ("title", "A paper without one", None),
    ]
