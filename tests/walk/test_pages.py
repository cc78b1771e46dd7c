"""Every page is judged: by axe and html-validate, by a ruler, by the keyboard, by its weight.

NEWSLETTER_PICTURES names a folder to put a picture of each view into.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.mail.tools import NPM, node
from tests.walk.atlas import Atlas
from tests.walk.conftest import window
from tests.walk.house import House

HEAVIEST = 60_000  # bytes of a page with its style, script and icon, as they are transferred
VIEWS = [(width, scheme) for width in (360, 1280) for scheme in ("light", "dark")]
BY_KEYBOARD = (  # all kinds of controls; the other pages have the same ones
    *("front-wrong", "confirm", "preferences-wrong", "erase", "lost", "unsubscribe", "vote"),
    *("digest", "issue", "topics", "topic", "paper", "search-found", "nothing"),
)
LONGEST = 400  # presses of Tab on a page
RULES = Path(__file__).with_name("html-validate.json")
OPTIONS = {"resultTypes": ["violations", "incomplete"]}
# What else axe looks at is the same in the dark.
IN_THE_DARK = {"runOnly": ["color-contrast", "link-in-text-block"]}
INLINE = re.compile(r"<style|<script(?![^>]* src=)|<[^>]* (?:style|on\w+)=", re.IGNORECASE)
FAILS = re.compile(r"^Failed to load resource: the server responded with a status of 40[04] ")

# What can be reached, in the order it stands in, and what is reached by the next press of Tab.
REACHABLE = """() => [...document.querySelectorAll(
  'a[href], button, input:not([type=hidden]), select, textarea, summary'
)].filter((one) => one.tabIndex >= 0 && one.checkVisibility({ visibilityProperty: true }))
  .map((one, at) => { one.dataset.place = at; return one.outerHTML.slice(0, 90); }).length"""
REACHED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const shown = one.matches(".pick input") ? one.nextElementSibling : one;
  const { outlineStyle, outlineWidth } = getComputedStyle(shown);
  const { left, right, top, bottom } = shown.getBoundingClientRect();
  return {
    place: Number(one.dataset.place),
    said: one.outerHTML.slice(0, 90),
    ringed: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    seen: left >= 0 && right <= innerWidth && bottom > 0 && top < innerHeight,
  };
}"""
BACK = """() => {
  document.activeElement.blur();
  for (const one of document.querySelectorAll("*")) if (one.scrollTop) one.scrollTop = 0;
}"""
UNNAMED = """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
  .filter((one) => !(one.name || one.id) || !(one.labels.length || one.ariaLabel))
  .map((one) => one.outerHTML)"""
RULER = """() => {
  const width = document.documentElement.clientWidth;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const outside = [];
  for (let node; (node = walker.nextNode()); ) {
    if (!node.data.trim() || node.parentElement.closest(".skip, .hidden, .away")) continue;
    range.selectNodeContents(node);
    for (const { left, right } of range.getClientRects())
      if (left < 0 || right > width + 1) outside.push(node.data.trim().slice(0, 60));
  }
  return { scrolls: document.documentElement.scrollWidth - width, outside,
    background: getComputedStyle(document.body).backgroundColor };
}"""


BROKEN = """<!doctype html>
<style>.faint { color: #ddd } .wide { width: 1400px } a { outline: 0 !important }</style>
<p class="faint">A page nobody can read</p><img src="data:,"><p class="wide" onclick="">Far</p>
<button style="position: absolute; order: 2" tabindex="2">Second</button>
<a href="#" tabindex="1">First</a><input><p><a href="#">Third</a></p>
"""


@dataclass
class Seen:
    """What was found on one page."""

    html: str = ""
    weight: int = 0
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    unnamed: list[str] = field(default_factory=list)
    places: int = 0
    stops: list[dict[str, Any]] = field(default_factory=list)  # by pressing Tab


@pytest.fixture(scope="module")
def atlas(home: House) -> Iterator[Atlas]:
    """All pages there are."""
    one = Atlas(home)
    yield one
    one.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The script that judges."""
    if not (NPM / "node_modules").is_dir():
        pytest.skip("npm's tools are not installed: `make mailtools` does it, or NEWSLETTER_NPM.")
    return (NPM / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def seen(browser: Any, atlas: Atlas, axe: str, pictures: Path | None) -> Mapping[str, Seen]:
    """Every page, in every view."""
    return {name: _seen(browser, go, axe, name, pictures) for name, go in atlas.pages().items()}


def _seen(browser: Any, go: Any, axe: str, name: str, pictures: Path | None) -> Seen:
    found = Seen()
    with window(browser) as visit:
        page, answers = visit.page, []
        page.set_viewport_size({"width": 1280, "height": 900})
        page.on("response", lambda answer: answers.append(answer))
        go(page)
        page.wait_for_load_state()
        last = max(at for at, one in enumerate(answers) if one.request.is_navigation_request())
        found.html = answers[last].text()
        found.weight = _weight(answers[:3] if last else answers)
        _judge(found, page, axe, name, pictures)
        visit.errors = [one for one in visit.errors if not FAILS.match(one)]
    return found


def _judge(found: Seen, page: Any, axe: str, name: str, pictures: Path | None = None) -> None:
    found.unnamed = page.evaluate(UNNAMED)
    found.places = page.evaluate(REACHABLE)
    if name in (*BY_KEYBOARD, "broken"):
        found.stops = list(_stops(page))
    page.evaluate(BACK)
    page.evaluate(axe)
    for width, scheme in VIEWS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        view = page.evaluate(RULER)
        options = OPTIONS if scheme == "light" else OPTIONS | IN_THE_DARK
        told = page.evaluate("(options) => axe.run(document, options)", options)
        for what in ("violations", "incomplete"):
            view[what] = [
                f"{one['id']}: {node['target']} {node['html'][:120]}"
                for one in told[what]
                for node in one["nodes"]
            ]
        found.views[f"{width} {scheme}"] = view
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=pictures / f"{name}-{width}-{scheme}.png", full_page=True)


def _stops(page: Any) -> Iterator[dict[str, Any]]:
    for _ in range(LONGEST):
        page.keyboard.press("Tab")
        stop = page.evaluate(REACHED)
        if stop is None:
            return
        yield stop


def _weight(answers: list[Any]) -> int:
    sizes = [one.request.sizes() for one in answers]
    return sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes)


def found(seen: Mapping[str, Seen], what: str) -> dict[str, Any]:
    """Where something was found."""
    return {
        f"{name} {view}": told[what]
        for name, one in seen.items()
        for view, told in one.views.items()
        if told[what]
    }


def test_axe_finds_nothing(seen: Mapping[str, Seen]) -> None:
    """No rule is broken in any view, and none is left for a person to judge."""
    assert all(len(one.views) == len(VIEWS) for one in seen.values())
    assert found(seen, "violations") == {}
    assert found(seen, "incomplete") == {}


def test_nothing_is_cut_off(seen: Mapping[str, Seen]) -> None:
    """No page scrolls sideways, and no word stands outside of it."""
    assert found(seen, "scrolls") == {}
    assert found(seen, "outside") == {}


def test_the_dark_is_dark(seen: Mapping[str, Seen]) -> None:
    """Who asked for a dark screen does not get a bright one."""
    for one in seen.values():
        for width in (360, 1280):
            light, dark = (
                sum(map(int, re.findall(r"\d+", one.views[f"{width} {scheme}"]["background"])[:3]))
                for scheme in ("light", "dark")
            )
            assert light > 700 > 100 > dark


def test_the_markup_holds(seen: Mapping[str, Seen], tmp_path: Path) -> None:
    """By html-validate, neither an error nor a warning."""
    for name, one in seen.items():
        (tmp_path / f"{name}.html").write_text(one.html, encoding="utf-8")
    told = node("html_validate", tmp_path, str(RULES))
    assert {name: lines for name, lines in told.items() if lines} == {}


def test_nothing_is_written_inline(seen: Mapping[str, Seen]) -> None:
    """Neither style nor script, which the policy that is sent along forbids."""
    assert {name: told for name, one in seen.items() if (told := INLINE.findall(one.html))} == {}


def test_pages_are_light(seen: Mapping[str, Seen]) -> None:
    """With style, script and icon, for somebody who comes for the first time."""
    assert {name: one.weight for name, one in seen.items() if one.weight > HEAVIEST} == {}


def test_every_control_is_called_something(seen: Mapping[str, Seen]) -> None:
    """For people by a label, and for the form by a name."""
    assert {name: one.unnamed for name, one in seen.items() if one.unnamed} == {}


def test_a_keyboard_is_enough(seen: Mapping[str, Seen]) -> None:
    """Tab reaches all there is to press, in its order, and it is seen where one is."""
    for name in BY_KEYBOARD:
        one = seen[name]
        order = list(dict.fromkeys(stop["place"] for stop in one.stops))
        assert order == list(range(one.places)), name
        assert [stop["said"] for stop in one.stops if not stop["ringed"]] == [], name
        assert [stop["said"] for stop in one.stops if not stop["seen"]] == [], name


def test_mistakes_are_noticed(browser: Any, axe: str, tmp_path: Path) -> None:
    """No page of ours, but one in which every check has to find something."""
    one = Seen(html=BROKEN)
    with window(browser) as visit:
        visit.page.set_content(BROKEN)
        _judge(one, visit.page, axe, "broken")
        visit.elsewhere.clear()
    told = " ".join(one.views["360 light"]["violations"])
    for rule in ("color-contrast", "document-title", "html-has-lang", "image-alt", "label"):
        assert f"{rule}: " in told
    assert one.views["360 dark"]["scrolls"] >= 1000
    assert len(INLINE.findall(BROKEN)) == 3
    assert one.unnamed == ["<input>"]
    assert [stop["place"] for stop in one.stops] != list(range(one.places))
    assert not all(stop["ringed"] for stop in one.stops)
    (tmp_path / "broken.html").write_text(BROKEN, encoding="utf-8")
    assert "wcag/h37" in str(node("html_validate", tmp_path, str(RULES)))
