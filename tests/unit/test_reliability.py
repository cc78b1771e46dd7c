"""How far the settings rely on what a source says is trending."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter import sources
from newsletter.errors import ConfigError


def test_kinds_have_a_usual_reliability_and_tables_their_own() -> None:
    """By the source's name; a file to collect has its kind's name and needs no table."""
    told = sources.reliability(
        {
            "hf": {"kind": "huggingface"},
            "club": {"kind": "feed", "reliability": 0.3},
            "theirs": {"kind": "another package's"},
        }
    )
    assert told["huggingface"] == told["hf"] == 1
    assert told["page"] == told["theirs"] == 0.8
    assert told["club"] == 0.3


@pytest.mark.parametrize("wrong", [0, 1.5, "much"])
def test_a_wrong_reliability_is_told_with_its_place(wrong: object) -> None:
    """As any other setting."""
    table = {"kind": "huggingface", "reliability": wrong}
    with pytest.raises(ConfigError, match=r"reliability in \[sources.x\]"):
        sources.reliability({"x": table})
    with pytest.raises(ConfigError, match=r"reliability in \[sources.x\]"):
        sources.build("x", table, Path())
