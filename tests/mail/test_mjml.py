"""npm's `mjml`, the strict one: mjml-python, which compiles our templates, validates nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mail.tools import ROOT, node

TEMPLATES = sorted((ROOT / "templates").rglob("*.mjml"))
MISTAKE = '<mjml><mj-body><mj-text colour="red">x</mj-text></mj-body></mjml>'


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What is wrong with each template, and with one that is."""
    folder = tmp_path_factory.mktemp("mjml")
    mistake = folder / "mistake.mjml"
    mistake.write_text(MISTAKE, encoding="utf-8")
    told = node("mjml", folder, str(mistake), *map(str, TEMPLATES))
    return dict(told) | {"mistake": told[str(mistake)]}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_is_strict_mjml(errors: dict[str, list[str]], template: Path) -> None:
    """Every tag and attribute of it exists, and stands where it may."""
    assert errors[str(template)] == []


def test_a_mistake_is_noticed(errors: dict[str, list[str]]) -> None:
    """An attribute that is not there, and text outside of a column."""
    found = " ".join(errors["mistake"])
    assert "colour" in found
    assert "mj-body" in found
