"""Opens what a source asks for, with a bound on its size. The only reader of outside bytes."""

from __future__ import annotations

import sys
from pathlib import Path

from newsletter.errors import SourceError
from newsletter.sources.port import Request

LARGEST = 64 * 1024 * 1024  # bytes; the saved page has 117 kB, a day of all arXiv about 5 MB


def fetch(request: Request) -> bytes:
    """The bytes at a path, or of standard input for "-"; raises SourceError."""
    where = "standard input" if request.location == "-" else request.location
    try:
        if request.location == "-":
            body = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with Path(request.location).open("rb") as file:
                body = file.read(LARGEST + 1)
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}.", where=where) from error
    if len(body) > LARGEST:
        raise SourceError(f"larger than {LARGEST // 2**20} MiB; split it.", where=where)
    return body
