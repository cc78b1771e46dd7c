"""The documents say what the program does."""

from __future__ import annotations

import doctest
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import click
import pytest

import newsletter
from newsletter.config_told import reference

ROOT = Path(__file__).resolve().parent.parent


def _generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = _generate()


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", GENERATE.PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    """What stands in docs/ is what `python docs/generate.py` writes."""
    assert page(f"docs/{name}") == GENERATE.PAGES[name](), "run: python docs/generate.py"


def test_every_command_has_an_example_and_is_documented() -> None:
    """--help of every command that does something ends with an example of it."""
    text = page("docs/commands.md")
    for path, command in GENERATE.commands():
        name = " ".join(path)
        assert f"## {name}\n" in text
        assert command.help, name
        if not isinstance(command, click.Group):
            assert command.epilog, name
            assert command.epilog.startswith(f"Example: {name}"), name


def test_every_setting_is_documented_with_a_sentence() -> None:
    """Each setting stands in docs/settings.md with its description."""
    text = page("docs/settings.md")
    for key, _, _, description in reference():
        assert f"`{key}`" in text
        assert description.endswith(".")


def test_the_readme_starts_with_what_to_type() -> None:
    """`make demo`, `make test` and a picture stand on the first screen, and every link leads."""
    text = page("README.md")
    first = "\n".join(text.splitlines()[:24])
    assert "make demo" in first
    assert "make test" in first
    assert "![" in first
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / link).exists(), link


def test_the_examples_of_the_ranking_come_out_as_told() -> None:
    """Each number of docs/ranking.md is what the code makes of the same votes."""
    run = doctest.testfile(str(ROOT / "docs" / "ranking.md"), module_relative=False)
    assert run.attempted > 0
    assert run.failed == 0


def test_the_changelog_knows_this_version() -> None:
    """A release is told in the user's words."""
    assert f"## {newsletter.__version__} " in page("CHANGELOG.md")
