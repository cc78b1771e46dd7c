"""Opens what a source asks for: a file, a folder's files, standard input, or an address.

The only reader of outside bytes. Files are handed on open, to be read as far as the source likes;
what comes over the network is bounded and whole (`http.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from newsletter.errors import SourceError
from newsletter.sources.http import Http
from newsletter.sources.port import Answer, Request

LARGEST = 64 * 1024 * 1024  # bytes that a source may ask for at once; jsonl asks for lines


class Fetcher:
    """Opens requests; closes what it opened."""

    def __init__(self, http: Http) -> None:
        self._http = http

    @contextmanager
    def open(
        self, request: Request, etag: str | None = None, last_modified: str | None = None
    ) -> Iterator[Answer]:
        """The answer, for as long as it is read; raises SourceError."""
        if is_address(request.location):
            yield self._http.get(request, etag, last_modified)
        elif request.location == "-":
            yield Answer(where="standard input", body=_Bounded(sys.stdin.buffer, "standard input"))
        else:
            with _opened(request.location) as file:
                yield Answer(where=request.location, body=_Bounded(file, request.location))

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()


def is_address(location: str) -> bool:
    """Whether a location is on the network."""
    return location.startswith(("http://", "https://"))


def spread(request: Request) -> Sequence[Request]:
    """The request itself; of a folder, one for each file of the kind, by name."""
    folder = Path(request.location)
    if is_address(request.location) or not request.suffixes:
        return [request]
    try:
        if not folder.is_dir():
            return [request]
        files = sorted(
            file
            for file in folder.iterdir()
            if file.suffix.casefold() in request.suffixes and file.is_file()
        )
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}.", where=str(folder)) from error
    if not files:
        kinds = " or ".join(request.suffixes)
        raise SourceError(f"no {kinds} file in this folder.", where=str(folder))
    return [replace(request, location=str(file)) for file in files]


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    try:
        file = Path(path).open("rb")  # noqa: SIM115  closed below; only opening is told apart
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}.", where=path) from error
    with file:
        yield file


class _Bounded:
    """A file that gives no more than LARGEST bytes at once, and tells errors in words."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self._file = file
        self._where = where

    def read(self, size: int = -1, /) -> bytes:
        """All of it, or `size` bytes; raises SourceError."""
        asked = LARGEST + 1 if size < 0 else size
        body = self._told(self._file.read, asked)
        if len(body) > LARGEST:
            raise SourceError(f"larger than {LARGEST // 2**20} MiB; split it.", where=self._where)
        return body

    def readline(self, size: int = -1, /) -> bytes:
        """One line, or `size` bytes of it."""
        return self._told(self._file.readline, LARGEST if size < 0 else size)

    def _told(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            return read(size)
        except OSError as error:
            raise SourceError(
                f"cannot be read: {error.strerror or error}.", where=self._where
            ) from error
