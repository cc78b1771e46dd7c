"""CSV as spreadsheets and other services write it: lines in, lines out, each bounded.

What the columns mean is `roster_columns.py`'s, whether a row can be a subscriber
`roster_entries.py`'s, and the database `roster_store.py`'s.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from subscribers import addresses
from subscribers.errors import RosterError

LONGEST_LINE = 64 * 1024  # bytes; real rows have some hundred, a listmonk one with attributes 2,000
MOST_LINES = 200  # of one row: a quote that is never closed would take the rest of the file
MOST_COLUMNS = 500  # Mailchimp has some 30, and one more a merge field
SEPARATORS = ",;\t"
# What makes a spreadsheet take a field for a formula (OWASP, CSV injection). The apostrophe is
# among them so that a field that begins with one comes back as it was.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Record(NamedTuple):
    """One row of a file."""

    line: int  # where it begins; 1 is the header
    fields: list[str]


class Reader:
    """Reads a file row by row in constant memory.

    Raises RosterError, with the line, for what is no CSV in UTF-8; the rows before are good.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.read = 0  # bytes so far
        self.line = 0  # lines so far
        self._file = file
        self._first = 1  # line at which the row that is being read begins
        head = self._next()
        if head is None:
            raise RosterError("it is empty; the first line must name the columns.", line=1)
        self.separator = _separator(head)
        self._rows = csv.reader(self._lines(head), delimiter=self.separator, strict=True)
        self.header = [_bare(name).strip() for name in self._row() or ()]
        if len(self.header) > MOST_COLUMNS:
            raise RosterError(f"it has more than {MOST_COLUMNS} columns.", line=1)

    def __iter__(self) -> Iterator[Record]:
        """The rows below the header; blank lines are passed over."""
        while True:
            self._first = self.line + 1
            fields = self._row()
            if fields is None:
                return
            if fields:
                yield Record(self._first, [_bare(one) for one in fields])

    def _row(self) -> list[str] | None:
        try:
            return next(self._rows, None)
        except csv.Error as error:
            raise RosterError(_words(error), line=self._first) from None

    def _lines(self, head: str) -> Iterator[str]:
        yield head
        while (line := self._next()) is not None:
            if self.line - self._first >= MOST_LINES:
                raise RosterError(
                    f"a quoted field goes on for more than {MOST_LINES} lines; a quote is missing.",
                    line=self._first,
                )
            yield line

    def _next(self) -> str | None:
        try:
            raw = self._file.readline(LONGEST_LINE + 1)
        except OSError as error:
            words = f"the disk or pipe failed: {error.strerror}."
            raise RosterError(words, line=self.line + 1) from error
        if not raw:
            return None
        self.read += len(raw)
        self.line += 1
        if self.line == 1 and raw.startswith(_UTF16):
            raise RosterError("it is UTF-16; save it as CSV in UTF-8.", line=1)
        if b"\0" in raw:
            raise RosterError("a NUL byte: this is no text; save it as CSV in UTF-8.", self.line)
        if len(raw) > LONGEST_LINE:
            raise RosterError(f"the line has more than {LONGEST_LINE:,} bytes.", line=self.line)
        try:
            return raw.decode("utf-8-sig" if self.line == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise RosterError(
                f"byte {error.start + 1} is not UTF-8; save the file as CSV in UTF-8.",
                line=self.line,
            ) from None


def written(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as lines of CSV that no spreadsheet takes for formulas."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(  # RFC 4180 2.1
        [_guarded(str(value)) for value in row] for row in rows
    )
    return text.getvalue().encode()


def masked(text: str) -> str:
    """An address as it may stand on a screen or in a log: "a***@example.org"."""
    clean = addresses.shown(text.strip())
    local, at, domain = clean.rpartition("@")
    return f"{local[:1]}***@{domain}" if at else f"{clean[:1]}***"


def _guarded(field: str) -> str:
    return f"'{field}" if field.startswith(FORMULA) else field


def _bare(field: str) -> str:
    """A field without the apostrophe that `_guarded` put before it."""
    return field[1:] if field[:1] == "'" and field[1:].startswith(FORMULA) else field


def _separator(head: str) -> str:
    """What stands between the columns of a header; of one column, the comma."""

    def columns(separator: str) -> int:
        try:
            return len(next(csv.reader([head], delimiter=separator), ()))
        except csv.Error:
            return 0  # the reader tells it in words

    return max(SEPARATORS, key=columns)


def _words(error: csv.Error) -> str:
    told = str(error)
    if "new-line" in told:
        return "a line end in the middle of a line; save the file with the line ends LF or CRLF."
    if "limit" in told:
        return "a field is too long; perhaps a quote is missing."
    if "unexpected end" in told:
        return "a quote is opened and never closed."
    return f"this is no CSV: {told}."
