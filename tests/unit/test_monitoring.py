"""The dashboard and the alert rules ask for metrics there are, and name commands there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from newsletter.metric_table import METRICS, PROCESS, Metric, MetricKind

DOCS = Path(__file__).resolve().parents[2] / "docs"
KNOWN = {one.name: one for one in (*METRICS, *PROCESS)}
GIVEN = {"job", "instance"}  # labels that Prometheus adds
FUNCTIONS = {
    "and", "by", "changes", "histogram_quantile", "increase", "max", "max_over_time", "min",
    "offset", "on", "or", "rate", "sum", "time", "topk", "unless", "vector",
}  # fmt: skip
PAIRS = {")": "(", "}": "{", "]": "["}
SERIES = re.compile(r"\b((?:newsletter|process)_\w+|up)\b(?:\{([^}]*)\})?")


def rules() -> list[dict[str, Any]]:
    """Every alert rule."""
    read = yaml.safe_load((DOCS / "monitoring" / "alerts.yml").read_text(encoding="utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


def board() -> dict[str, Any]:
    """The dashboard."""
    read: dict[str, Any] = json.loads((DOCS / "monitoring" / "grafana.json").read_text("utf-8"))
    return read


def expressions() -> Iterator[tuple[str, str]]:
    """Everything that is asked of Prometheus, with where it stands."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in board()["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for note in board()["annotations"]["list"]:
        yield note["name"], note["expr"]


def metric(series: str) -> Metric:
    """The metric that a series is of; a histogram has three."""
    whole = re.sub(r"_(bucket|sum|count)$", "", series)
    found = KNOWN.get(series) or KNOWN.get(whole)
    assert found is not None, series
    assert (series != found.name) is (found.kind is MetricKind.HISTOGRAM), series
    return found


def balanced(text: str) -> bool:
    """Whether every bracket that opens closes, in order."""
    opened: list[str] = []
    for letter in re.sub(r'"[^"]*"', "", text):
        if letter in PAIRS.values():
            opened.append(letter)
        elif letter in PAIRS and (not opened or opened.pop() != PAIRS[letter]):
            return False
    return not opened


@pytest.mark.parametrize(("where", "asked"), [*expressions()])
def test_what_is_asked_for_is_scraped(where: str, asked: str) -> None:
    """By names of the table and labels they have; what only grows, by its growth."""
    assert balanced(asked), where
    labels = GIVEN | {"le"}
    series = list(SERIES.finditer(asked))
    assert series, where
    for found in series:
        own = GIVEN if found[1] == "up" else {*metric(found[1]).labels, *GIVEN}
        chosen = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", found[2] or "")
        assert set(chosen) <= own, (where, found[0])
        labels |= own
        if found[1] != "up" and metric(found[1]).kind is not MetricKind.GAUGE:
            assert re.search(r"(rate|increase)\($", asked[: found.start()]), (where, found[0])
    grouped = re.findall(r"\b(?:by|on) \(([\w, ]+)\)", asked)
    assert {one for group in grouped for one in group.split(", ")} <= labels, where
    rest = re.sub(r'"[^"]*"|\[[^\]]*\]|\{[^}]*\}|(?:by|on) \([\w, ]+\)', "", asked)
    others = set(re.findall(r"\b[a-z_]\w*", re.sub(SERIES, "", rest)))
    assert others <= FUNCTIONS, where


def test_every_rule_says_what_to_do() -> None:
    """Each has a name of its own, a severity, a sentence and a next step that can be typed."""
    commands = (DOCS / "commands.md").read_text(encoding="utf-8")
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names) >= 10
    for rule in rules():
        told = rule["annotations"]
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert told["summary"].endswith("."), rule["alert"]
        assert told["do"].endswith("."), rule["alert"]
        for label in re.findall(r"\$labels\.(\w+)", str(told)):
            assert label == "instance" or label in rule["expr"], rule["alert"]
        for words in re.findall(r"`newsletter ((?:[a-z]+ ?)+)", told["do"]):
            assert f"## newsletter {words.strip()}\n" in commands, words


def test_the_panels_stand_beside_each_other() -> None:
    """None over another, each with a number and a title of its own, within 24 columns."""
    taken: set[tuple[int, int]] = set()
    panels = board()["panels"]
    assert len({panel["id"] for panel in panels}) == len({p["title"] for p in panels}) > 20
    for panel in panels:
        place = panel["gridPos"]
        across = range(place["x"], place["x"] + place["w"])
        down = range(place["y"], place["y"] + place["h"])
        cells = {(x, y) for x in across for y in down}
        assert max(across) < 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_page_names_rules_and_metrics_there_are() -> None:
    """What is written about them is true of them."""
    text = (DOCS / "monitoring.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(newsletter_\w+)`", text)) <= KNOWN.keys()
    assert set(re.findall(r"`(Newsletter\w+)`", text)) <= {rule["alert"] for rule in rules()}
