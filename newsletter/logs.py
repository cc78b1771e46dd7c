"""Tells events: a line each on standard error, for people on a terminal and in JSON elsewhere.

Who keeps no log (a command typed by hand) tells nothing but the few events that no command says by
itself, in a sentence. Text from outside is one line, without commands to a terminal, passwords,
tokens and whole addresses, whatever it is made of; so it cannot look like a line of ours.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any

from newsletter.log_events import Event, Level
from newsletter.masking import discreet

LONGEST = 500  # characters of a text
LONGEST_TRACEBACK = 20_000  # of which the end says most
COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31"}
FIRST = ("at", "level", "event")
BELOW = "    | "  # before each line of a traceback
_LINE = re.compile(rf'{{"at": "|\d{{4}}-\d\d-\d\dT[\d:]{{8}}Z |{re.escape(BELOW)}')

Ear = Callable[[Event, Mapping[str, object]], None]
Fields = MutableMapping[str, Any]

_ears: list[Ear] = []
_kept: Any = None  # a structlog logger, where a log is kept
_least: int = Level.WARNING
_writing = threading.Lock()


def tell(event: Event, *, trouble: BaseException | None = None, **fields: object) -> None:
    """Tells an event with its fields, and the error that led to it.

    Raises TypeError for a field that is not the event's; a test looks at every call.
    """
    told = event.told
    if not fields.keys() <= set(told.fields):
        raise TypeError(f"{told.name} has no {', '.join(fields.keys() - set(told.fields))}")
    for ear in _ears:
        ear(event, fields)
    if told.level < _least:
        return
    if _kept is not None:
        _write(told.level, told.name, fields, trouble)
    elif told.sentence:
        shown = {name: one_line(value) for name, value in fields.items()}
        _print(told.sentence.format_map(shown | {"error": _where(trouble)}))


def is_heard(event: Event) -> bool:
    """Whether telling an event would reach anybody; who has very many to tell asks before."""
    return bool(_ears) or event.told.level >= _least


def hear(ear: Ear) -> None:
    """Has `ear` told every event from now on, kept or not; it must be quick and raise nothing."""
    _ears.append(ear)


def ignore(ear: Ear) -> None:
    """Has it told no more."""
    _ears.remove(ear)


@contextmanager
def about(**ids: object) -> Iterator[None]:
    """Has every line that is told within carry these, such as the number of a request."""
    from structlog.contextvars import bound_contextvars

    with bound_contextvars(**ids):
        yield


def keep(*, people: bool, level: Level, colours: bool = False) -> None:
    """Keeps a log from now on: for people, or in JSON; libraries and lost errors go there too."""
    import structlog  # here: most commands keep none, and it takes a while

    global _kept, _least
    renderer: Any = _Console(colours=colours)
    if not people:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _clean,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Lines,
        cache_logger_on_first_use=False,
    )
    _kept, _least = structlog.get_logger(), level
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers, root.level = [_Libraries()], max(level, Level.WARNING)
    sys.excepthook = _lost
    threading.excepthook = lambda lost: _lost(
        lost.exc_type, lost.exc_value or lost.exc_type(), lost.exc_traceback
    )


def is_line(text: str) -> bool:
    """Whether a line is of such a log, be it a traceback's."""
    return _LINE.match(text) is not None


def one_line(value: object, most: int = LONGEST) -> str:
    """A value as one bounded line of plain text that gives nobody away."""
    return _printable(" ".join(_text(value).split()), most)


def _text(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return discreet(str(value.value if isinstance(value, Enum) else value))


def _where(trouble: BaseException | None) -> str:
    """What an error says, and the line of code that it comes from."""
    if trouble is None:
        return ""
    frames = traceback.extract_tb(trouble.__traceback__)[-1:]
    came = "".join(f" ({Path(one.filename).name}, line {one.lineno})" for one in frames)
    return one_line(f"{type(trouble).__name__}: {trouble}{came}")


def _printable(text: str, most: int, *also: str) -> str:
    cut = text if len(text) <= most else f"{text[: most - 1]}…"
    return "".join(c if c.isprintable() or c in also else "?" for c in cut)


def _write(
    level: int, name: str, fields: Mapping[str, object], trouble: BaseException | None
) -> None:
    told = dict(fields)
    if trouble is not None:
        told["error"] = f"{type(trouble).__name__}: {trouble}"
        told["traceback"] = "".join(traceback.format_exception(trouble))
    _kept.log(level, name, **told)


def _clean(_logger: object, _method: str, told: Fields) -> Fields:
    """Every value as it may be kept, what is empty left out, what is on every line first."""
    clean = {name: told.pop(name) for name in FIRST}
    for name, value in told.items():
        if name == "traceback":
            end = discreet(str(value))[-LONGEST_TRACEBACK:]
            clean[name] = _printable(end, LONGEST_TRACEBACK, "\n").rstrip()
        elif isinstance(value, float):
            clean[name] = round(value, 3)
        elif isinstance(value, int) and not isinstance(value, Enum):
            clean[name] = value
        elif value is not None and value != "":
            clean[name] = one_line(value)
    return clean


class _Console:
    """Lines for people: when, how grave, what, and the fields as name=value."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def __call__(self, _logger: object, _method: str, told: Fields) -> str:
        """The line, and a traceback below it that no line can be taken for."""
        at, level, event = (str(told.pop(name)) for name in FIRST)
        below = str(told.pop("traceback", ""))
        shown = " ".join(f"{name}={_quoted(value)}" for name, value in told.items())
        line = f"{at[:19]}Z {self._coloured(f'{level:<7}', level)} {event:<22} {shown}".rstrip()
        return "\n".join([line, *(f"{BELOW}{one}" for one in below.split("\n") if one)])

    def _coloured(self, text: str, level: str) -> str:
        return f"\x1b[{COLOURS[level]}m{text}\x1b[0m" if self._colours else text


def _quoted(value: object) -> str:
    """A value that ends where it seems to: in quotes where it has spaces, quotes or `=`."""
    text = str(value)
    if text and not any(c in text for c in ' "=\\'):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _Lines:
    """Where structlog hands its lines over."""

    def __init__(self, *_: object) -> None: ...

    def msg(self, line: str) -> None:
        """Writes a line."""
        _print(line)

    debug = info = warning = error = critical = msg


def _print(line: str) -> None:
    """A line on standard error as it is now; where that is closed or full, work goes on."""
    with _writing:
        try:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return


class _Libraries(logging.Handler):
    """Takes what libraries log by Python's own means."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tells it as an event."""
        try:
            words = record.getMessage()
        except Exception:  # a library's mistake must not become ours
            words = str(record.msg)
        level = next((one for one in reversed(Level) if record.levelno >= one), Level.DEBUG)
        trouble = record.exc_info[1] if record.exc_info else None
        if level >= _least:
            said = {"library": record.name, "words": words}
            _write(level, Event.LIBRARY_SAID.told.name, said, trouble)


def _lost(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tells an error that nobody caught."""
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    _write(Level.ERROR, Event.PROCESS_BROKE.told.name, {}, error.with_traceback(trace))
