"""Folders that are written to, and files that hold secrets: whether they are there and safe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from newsletter.doctor.findings import Finding, error, ok, warning

LEAST_ROOM, LITTLE_ROOM = 50 * 2**20, 500 * 2**20  # bytes free on a disk
FOLDER, SECRECY, ROOM = "folder", "secrecy", "room"


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder that settings name."""

    whose: str  # what it is for, such as "receipts (delivery.receipts)"
    path: str
    there: bool
    is_folder: bool = True  # or the nearest one above it, where it is not there
    writable: bool = True  # likewise
    readable: bool = True
    written: bool = True  # whether we write there; else it has to be there
    free: int | None = None  # bytes


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A file that holds a secret."""

    whose: str
    path: str
    others_read: bool
    others_write: bool


def folders(found: Iterable[Folder]) -> Iterator[Finding]:
    """Whether each can be used."""
    for one in found:
        yield from _folder(one)


def _folder(one: Folder) -> Iterator[Finding]:
    what = f"The folder of {one.whose}, {one.path},"
    if not one.is_folder:
        yield error(
            FOLDER, f"{what} is no folder, or lies below a file.", "Move the file, or correct it."
        )
    elif not one.there and not one.written:
        yield error(FOLDER, f"{what} is not there.", "Make it, or correct the setting.")
    elif not one.readable:
        yield error(
            FOLDER, f"{what} cannot be read.", "Give it to the user that `newsletter` runs as."
        )
    elif one.written and not one.writable:
        above = "" if one.there else " is not there, and the one above it"
        yield error(
            FOLDER,
            f"{what}{above} cannot be written to.",
            "Give it to the user that `newsletter` runs as (chown), or mount it to be written.",
        )
    elif not one.there:
        yield ok(FOLDER, f"{what} is made when it is first needed.")
    else:
        yield ok(FOLDER, f"{what} can be {'written to' if one.written else 'read'}.")
    if one.written and one.free is not None and one.free < LITTLE_ROOM:
        free = f"{what} has {one.free // 2**20:,} MiB free on its disk."
        if one.free < LEAST_ROOM:
            yield error(ROOM, free, "Make room: what is sent cannot be recorded on a full disk.")
        else:
            yield warning(ROOM, free, "Make room before it is full.")


def secrets(found: Iterable[Secret]) -> Iterator[Finding]:
    """Whether nobody else can read them."""
    known = tuple(found)
    open_ones = [one for one in known if one.others_read or one.others_write]
    for one in open_ones:
        can = "written" if one.others_write else "read"
        yield warning(
            SECRECY,
            f"{one.path} ({one.whose}) can be {can} by everybody on this machine.",
            f"chmod o= {one.path}, and change what it holds if others were on the machine.",
        )
    if known and not open_ones:
        number = f"{len(known)} file" + ("s" if len(known) > 1 else "")
        yield ok(SECRECY, f"{number} with secrets cannot be read by others on this machine.")
