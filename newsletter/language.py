"""The languages that mails speak: words by gettext, dates, numbers and direction by the CLDR.

English is what stands in code and templates. Every other language is a catalogue, CODE.po, in
`translations/` or in an operator's own folder, read when it is first asked for.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import date
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, get_day_names
from babel.messages.catalog import Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.numbers import format_decimal

from newsletter.errors import TemplateError

ENGLISH = "en"
OURS = Path(__file__).resolve().parent / "translations"

# English for everybody: "12 March 2026", which no country reads as another day.
_FORMATS = {ENGLISH: "en_001"}
_PLACES = re.compile(r"\{[^{}]*\}|%\([^)]*\)s")
_SAMPLE = date(2001, 1, 17)


class Language:
    """One language; `code` is its BCP 47 tag, as HTML's `lang` wants it."""

    def __init__(self, code: str, catalogue: NullTranslations) -> None:
        self.code = code
        self._catalogue = catalogue
        self._locale = _locale(_FORMATS.get(code, code))

    @property
    def name(self) -> str:
        """What its speakers call it: "Deutsch"."""
        told = Locale.parse(self.code.replace("-", "_")).get_display_name() or self.code
        return told[:1].upper() + told[1:]

    @property
    def direction(self) -> str:
        """Which way it is written: "ltr" or "rtl"."""
        return str(self._locale.text_direction)

    def gettext(self, message: str) -> str:
        """The message in this language."""
        return self._catalogue.gettext(message)

    def ngettext(self, one: str, many: str, number: int) -> str:
        """The form of a message that goes with a number; the number is not put in."""
        return self._catalogue.ngettext(one, many, number)

    def weekday(self, day: date) -> str:
        """A date with its weekday: "Thursday 12 March 2026"."""
        told = format_date(day, "full", self._locale)
        return told.replace(", ", " ", 1) if self.code == ENGLISH else told

    def day_name(self, number: int) -> str:
        """A weekday within a sentence, 0 is Monday: "Monday"."""
        return str(get_day_names("wide", "format", self._locale)[number])

    def short(self, day: date) -> str:
        """A date without its year: "12 Mar"."""
        return format_date(day, self._locale.datetime_skeletons["MMMd"].pattern, self._locale)

    def long(self, day: date) -> str:
        """A date: "12 March 2026"."""
        return format_date(day, "long", self._locale)

    def long_patterns(self) -> tuple[str, ...]:
        """`long` of each month, with {day} and {year} where those stand."""
        told = (self.long(_SAMPLE.replace(month=month)) for month in range(1, 13))
        return tuple(one.replace("17", "{day}").replace("2001", "{year}") for one in told)

    def decimal(self, number: float) -> str:
        """A number with one decimal: "3.2"."""
        return str(format_decimal(round(number, 1), "#,##0.0", locale=self._locale))

    def number(self, number: int) -> str:
        """A number with its thousands marked: "1,204"."""
        return str(format_decimal(number, locale=self._locale))


def load(code: str, folders: Sequence[Path] = ()) -> Language:
    """The language of that tag, from the first folder that has it; raises TemplateError.

    The folders are operators' own; ours comes last.
    """
    wanted = code.replace("_", "-")
    for folder in (*folders, OURS):
        file = folder / f"{wanted}.po"
        if file.is_file():
            return Language(wanted, _read(file))
    if wanted == ENGLISH:
        return Language(wanted, NullTranslations())
    raise TemplateError(
        f"There is no translation into {code!r}. There are: {', '.join(known(folders))}; "
        "a language of your own is a file CODE.po in the folder translations of look.templates."
    )


def known(folders: Sequence[Path] = ()) -> list[str]:
    """The tags of all languages there are, English first."""
    found = {file.stem for folder in (*folders, OURS) for file in folder.glob("*.po")}
    return [ENGLISH, *sorted(found - {ENGLISH})]


def _locale(code: str) -> Locale:
    try:
        return Locale.parse(code.replace("-", "_"))
    except (UnknownLocaleError, ValueError) as error:
        raise TemplateError(f"{code!r} is no language: write a tag such as de or pt-BR.") from error


def _check(file: Path, entry: Message) -> None:
    """Raises TemplateError where a translation has a place to fill that its English has not."""
    english = entry.id if isinstance(entry.id, str) else " ".join(entry.id)
    if not english:
        return
    known_places = set(_PLACES.findall(english))
    for words in [entry.string] if isinstance(entry.string, str) else entry.string or ():
        strange = set(_PLACES.findall(words or "")) - known_places
        if strange:
            where = f"Translation {file}, line {entry.lineno}"
            raise TemplateError(f"{where}: {sorted(strange)[0]} is not in {english!r}.")


def _read(file: Path) -> NullTranslations:
    _locale(file.stem)
    try:
        with file.open("rb") as source:
            catalogue = read_po(source, abort_invalid=True)
        for entry in catalogue:
            _check(file, entry)
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
    except (OSError, ValueError, PoFileError) as error:
        raise TemplateError(f"Translation {file} cannot be read: {error}.") from error
    compiled.seek(0)
    return GNUTranslations(compiled)
