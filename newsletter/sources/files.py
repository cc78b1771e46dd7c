"""What the sources that read files share: a path, a folder of files, or standard input."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import Field

from newsletter.options import Options
from newsletter.sources.port import Ask, Cursor, Request


class FileOptions(Options):
    """The settings of a [sources.NAME] that reads files."""

    path: Path = Field(description='A file, a folder of such files, or "-" for standard input.')


class Files:
    """The asking half of a source of files; what it reads is the subclass's."""

    dated = False
    suffixes: tuple[str, ...] = ()  # of the files it looks for in a folder

    def __init__(self, name: str, options: FileOptions) -> None:
        self.name = name
        self._location = str(options.path)

    def requests(self, ask: Ask, cursor: Cursor, now: datetime) -> Sequence[Request]:
        """The file; of a folder, every file of the kind, by name."""
        return [Request(location=self._location, suffixes=self.suffixes)]
