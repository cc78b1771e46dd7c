"""npm's `mjml`, the strict one: mjml-python, which compiles our templates, validates nothing."""

from __future__ import annotations

import re

import pytest

from newsletter.look import Look
from newsletter.rendering.templates import Templates
from tests.mail.tools import ROOT, node

EVERY = Templates(ROOT / "templates")
TEMPLATES = [
    str(file.relative_to(ROOT / "templates"))
    for file in sorted((ROOT / "templates").rglob("*.mjml"))
    if file.read_text(encoding="utf-8").startswith("<mjml")  # what is included is no document
]
MISTAKE = '<mjml><mj-body><mj-text colour="red">x</mj-text></mj-body></mjml>'


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What is wrong with each template, and with one that is."""
    folder = tmp_path_factory.mktemp("mjml")
    mistake = folder / "mistake.mjml"
    mistake.write_text(MISTAKE, encoding="utf-8")
    files = {name: folder / f"{at}.mjml" for at, name in enumerate(TEMPLATES)}
    for name, file in files.items():
        file.write_text(whole(name), encoding="utf-8")
    told = node("mjml", folder, str(mistake), *map(str, files.values()))
    return {name: told[str(file)] for name, file in files.items()} | {"mistake": told[str(mistake)]}


def whole(name: str) -> str:
    """A template with what it includes, and with values where attributes want them."""
    text = EVERY.included(EVERY.find(name).read_text(encoding="utf-8"))
    values = {f"look.{key}": str(value) for key, value in vars(Look()).items()}
    values |= {"start": "left", "language.code": "en", "language.direction": "ltr"}
    return re.sub(r"\{\{ ([a-z_.]+) \}\}", lambda it: values.get(it[1], it[0]), text)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_strict_mjml(errors: dict[str, list[str]], template: str) -> None:
    """Every tag and attribute of it exists, and stands where it may."""
    assert errors[template] == []


def test_a_mistake_is_noticed(errors: dict[str, list[str]]) -> None:
    """An attribute that is not there, and text outside of a column."""
    found = " ".join(errors["mistake"])
    assert "colour" in found
    assert "mj-body" in found
