"""Languages: complete, in step with the English, right in dates, numbers and direction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from newsletter import language
from newsletter.errors import TemplateError

ROOT = Path(__file__).parents[2]
METHODS = [
    ("newsletter/alerts.py", "python"),
    ("newsletter/rendering/**.py", "python"),
    ("newsletter/web/**.py", "python"),
    ("templates/**.*", "jinja2"),
]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "n": (1, 2), "numbered": (1, 2)}
TRANSLATED = [one for one in language.known() if one != language.ENGLISH]
_PLACES = re.compile(r"\{[a-z]*\}|%\([a-z]+\)s")


def english() -> set[str | tuple[str, ...]]:
    found = extract_from_dir(ROOT, METHODS, keywords=KEYWORDS)
    return {message if isinstance(message, str) else tuple(message) for _, _, message, *_ in found}


def messages(code: str) -> Iterator[Message]:
    with (language.OURS / f"{code}.po").open("rb") as file:
        catalogue: Catalog = read_po(file, abort_invalid=True)
    return (one for one in catalogue if one.id)


def test_there_is_a_second_language() -> None:
    """English and German at least."""
    assert {"en", "de"} <= set(language.known())


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_is_complete(code: str) -> None:
    """Every English word has one, none is left over, none is a guess."""
    told = {one.id if isinstance(one.id, str) else tuple(one.id): one for one in messages(code)}
    assert told.keys() == english()
    for one in told.values():
        assert not one.fuzzy
        assert all([one.string] if isinstance(one.string, str) else one.string), one.id


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_keeps_the_places(code: str) -> None:
    """What is filled in in English is filled in everywhere, and nothing else is."""
    for one in messages(code):
        wanted = set(_PLACES.findall(one.id if isinstance(one.id, str) else one.id[1]))
        for words in [one.string] if isinstance(one.string, str) else one.string:
            assert set(_PLACES.findall(words)) == wanted, one.id


def test_dates_numbers_and_direction_are_the_languages() -> None:
    """English as the world writes it, German and Hebrew as they are written."""
    day = date(2026, 3, 12)
    english, german = language.load("en"), language.load("de")
    assert english.weekday(day) == "Thursday 12 March 2026"
    assert (english.long(day), english.short(day)) == ("12 March 2026", "12 Mar")
    assert (german.long(day), german.number(1204)) == ("12. März 2026", "1.204")
    assert german.weekday(day) == "Donnerstag, 12. März 2026"
    assert (english.day_name(0), german.day_name(6)) == ("Monday", "Sonntag")
    assert german.long_patterns()[2] == "{day}. März {year}"
    assert (english.number(1204), english.direction) == ("1,204", "ltr")
    hebrew = language.load("he", [ROOT / "tests" / "mail" / "look" / "translations"])
    assert hebrew.direction == "rtl"
    assert hebrew.gettext("Unsubscribe") != "Unsubscribe"


@pytest.mark.parametrize("code", ["fr", "no-such", "xx-yy", "../de"])
def test_a_language_that_is_not_there_is_told(code: str) -> None:
    """With those that are."""
    with pytest.raises(TemplateError, match=r"There are: en, de;"):
        language.load(code)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("fr", 'msgid "Code"\nnonsense\n', "cannot be read"),
        (
            "fr",
            'msgid "{first} and {last}"\nmsgstr "{eins} et {last}"\n',
            "line 1: {eins} is not in",
        ),
        ("zz", 'msgid ""\nmsgstr ""\n', "is no language"),
    ],
)
def test_a_broken_translation_is_told(tmp_path: Path, name: str, content: str, words: str) -> None:
    """With its file or its name."""
    (tmp_path / f"{name}.po").write_text(content, encoding="utf-8")
    with pytest.raises(TemplateError, match=words):
        language.load(name, [tmp_path])


@pytest.mark.parametrize(("code", "name"), [("en", "English"), ("de", "Deutsch")])
def test_a_language_is_called_as_its_speakers_do(code: str, name: str) -> None:
    """For those who choose one."""
    assert language.load(code).name == name
