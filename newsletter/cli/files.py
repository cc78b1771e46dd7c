"""Files that commands write: in their place only once they are whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from newsletter.errors import RequestError


@contextmanager
def written(file: Path | None, mode: int = 0o666) -> Iterator[BinaryIO]:
    """The file to write, in its place only once it is whole; or standard output.

    A new file can be read by whom `mode` lets, less the umask.
    """
    if file is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # `| head` has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    try:
        target = file.resolve()  # of a link, what it leads to is written
        if target.exists() and not target.is_file():  # a pipe or a device is no file to replace
            with target.open("wb") as out:
                yield out
            return
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with open(draft, "wb", opener=lambda path, flags: os.open(path, flags, mode)) as out:
                yield out
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise RequestError(f"Cannot write {file}: {error.strerror}.") from error
