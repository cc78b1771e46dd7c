"""Chromium with axe: each mail can be read by all, wide and narrow, light and dark, and stripped.

Stripped of its <style>, as some clients show it, and of images, as most do until they are asked.
"""

from __future__ import annotations

import re
import shutil
from typing import Any

import pytest

from newsletter.cli.browser import NAMES
from tests.mail.conftest import Mails
from tests.mail.mails import KINDS
from tests.mail.tools import need, node

Views = dict[str, dict[str, Any]]  # by view, such as "600 dark"; page.mjs has the list
STRIPPED = ("without style", "without images")


@pytest.fixture(scope="module")
def seen(mails: Mails) -> dict[str, Views]:
    """What axe and a ruler found, by mail and view."""
    browser = next((found for name in NAMES if (found := shutil.which(name))), None)
    return dict(node("page", mails.folder, browser or need(NAMES[0])))


def told(views: Views, what: str) -> dict[str, Any]:
    """Where something was found."""
    return {view: one[what] for view, one in views.items() if one.get(what)}


@pytest.mark.parametrize("name", KINDS)
def test_axe_finds_nothing(seen: dict[str, Views], name: str) -> None:
    """No rule is broken, and none is left for a person to judge."""
    views = seen[name]
    judged = {view for view, one in views.items() if "violations" in one}
    assert judged >= {"600 light", "600 dark", "360 light", "360 dark"}
    assert told(views, "violations") == {}
    assert told(views, "incomplete") == {}


@pytest.mark.parametrize("name", KINDS)
def test_nothing_is_cut_off_nor_overlaps(seen: dict[str, Views], name: str) -> None:
    """No view scrolls sideways, and no text stands outside of it or on another."""
    for what in ("scrolls", "outside", "overlaps"):
        assert told(seen[name], what) == {}


@pytest.mark.parametrize("name", KINDS)
def test_words_run_in_the_direction_of_their_language(seen: dict[str, Views], name: str) -> None:
    """No style turns round what `dir` says, which would put a sentence's parts in false order."""
    assert told(seen[name], "turned") == {}


@pytest.mark.parametrize("name", KINDS)
def test_nobody_is_asked_for_anything(seen: dict[str, Views], name: str) -> None:
    """Opening a mail fetches nothing: no picture, no font, and so nobody learns of it."""
    assert told(seen[name], "asked") == {}


@pytest.mark.parametrize("name", KINDS)
def test_a_stripped_mail_says_the_same(seen: dict[str, Views], name: str) -> None:
    """Every word can be read in every view."""
    views = seen[name]
    assert sum(view.endswith(STRIPPED) for view in views) == 4
    assert len(views["600 light"]["text"]) > 100
    assert {view for view in views if views[view]["text"] != views["600 light"]["text"]} == set()


@pytest.mark.parametrize("name", KINDS)
def test_the_dark_is_dark(seen: dict[str, Views], name: str) -> None:
    """Who asked for a dark screen does not get a bright one."""
    for width in ("600", "360"):
        light, dark = (
            sum(map(int, re.findall(r"\d+", seen[name][f"{width} {scheme}"]["background"])[:3]))
            for scheme in ("light", "dark")
        )
        assert light > 700 > 100 > dark


def test_mistakes_are_noticed(seen: dict[str, Views]) -> None:
    """The broken mail is found out, and where it is."""
    views = seen["broken"]
    rules = {line.partition(":")[0] for one in told(views, "violations").values() for line in one}
    assert {"document-title", "html-has-lang", "image-alt", "color-contrast"} <= rules
    dark, light = (" ".join(views[f"600 {scheme}"]["violations"]) for scheme in ("dark", "light"))
    assert 'class="faint"' in dark
    assert 'class="faint"' not in light
    assert views["600 light"]["scrolls"] >= 100
    assert "What stands below another text / What stands above another text" in str(
        views["600 light"]["overlaps"]
    )
    assert views["600 light"]["turned"] == ["Words that run from right to left"]
    assert views["600 light"]["asked"] == ["http://192.0.2.1/open.gif?reader=1"]
