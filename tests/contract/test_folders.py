"""What the folder transports leave on a disk that is full, taken, or already has the message."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from newsletter.transports import Envelope, TransportUnavailable
from newsletter.transports.folders import FileTransport, FolderOptions, MaildirTransport

MAIL = b"To: reader@example.org\r\n\r\nhello\r\n"
BOTH = pytest.mark.parametrize("kind", [MaildirTransport, FileTransport])

# In a process of its own, since a limit on the size of files holds for the whole process.
FULL = """
import resource, sys
from pathlib import Path
from newsletter.transports import Envelope, TransportUnavailable, build

road = build(sys.argv[1], {"path": sys.argv[2]}, "test", Path())
road.open()
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # Python ignores SIGXFSZ by itself
try:
    road.send(Envelope(sender="b", recipient="r", message_id="1@example.org"), b"x" * 5000)
except TransportUnavailable as error:
    print(error.in_doubt, error)
"""


def envelope(message_id: str) -> Envelope:
    return Envelope(sender="b@example.org", recipient="reader@example.org", message_id=message_id)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["maildir", "file"])
def test_a_full_disk_closes_the_road_and_leaves_nothing(kind: str, tmp_path: Path) -> None:
    """The path and the system's reason are told, no half message stays, nothing is in doubt."""
    ran = subprocess.run(
        [sys.executable, "-c", FULL, kind, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.startswith("False ")
    assert f"{tmp_path / 'out'}: File too large" in ran.stdout
    assert files(tmp_path) == []


@BOTH
def test_a_message_already_there_is_not_written_again(
    kind: type[MaildirTransport], tmp_path: Path
) -> None:
    """The same Message-ID is one file, whether in this opening or the next."""
    road = kind(FolderOptions(path=tmp_path))
    answers = []
    for _ in range(2):
        road.open()
        answers += [road.send(envelope("1@example.org"), MAIL).text for _ in range(2)]
        road.close()
    assert answers == ["written", *["already there"] * 3]
    assert [path.read_bytes() for path in files(tmp_path)] == [MAIL]


def test_a_message_that_was_read_is_not_new_again(tmp_path: Path) -> None:
    """A mail program moves what it has seen to cur/ and adds flags: it is still there."""
    road = MaildirTransport(FolderOptions(path=tmp_path))
    road.send(envelope("1@example.org"), MAIL)
    road.close()
    (new,) = files(tmp_path)
    new.rename(tmp_path / "cur" / f"{new.name}:2,S")
    assert road.send(envelope("1@example.org"), MAIL).text == "already there"


@BOTH
def test_different_messages_never_share_a_file(
    kind: type[MaildirTransport], tmp_path: Path
) -> None:
    """Whatever characters a name cannot have, and however long the Message-IDs, none is lost."""
    ids = ["a/b@x.test", "a_b@x.test", "a:b@x.test", "A_b@x.test", "a_b@y.test", "../../a@x.test"]
    ids += [f"{'long' * 100}{number}@x.test" for number in range(2)]
    road = kind(FolderOptions(path=tmp_path / "out"))
    for one in ids:
        assert road.send(envelope(one), MAIL).text == "written"
    assert len(files(tmp_path / "out")) == len(files(tmp_path)) == len(ids)


@BOTH
def test_names_hold_no_address_and_files_are_the_owners(
    kind: type[MaildirTransport], tmp_path: Path
) -> None:
    """Who reads what is the operator's knowledge, not every user's of the machine."""
    road = kind(FolderOptions(path=tmp_path / "out"))
    road.send(envelope("2026-03-11.k3@example.org"), MAIL)
    (file,) = files(tmp_path)
    assert file.name.startswith("2026-03-11.k3.")
    assert "@" not in file.name
    assert file.stat().st_mode & 0o077 == 0


@BOTH
def test_a_folder_that_vanished_closes_the_road(
    kind: type[MaildirTransport], tmp_path: Path
) -> None:
    """A disk unplugged on the way is told, and nothing is in doubt."""
    road = kind(FolderOptions(path=tmp_path / "out"))
    road.open()
    (tmp_path / "out").rename(tmp_path / "gone")
    with pytest.raises(TransportUnavailable, match="No such file or directory") as told:
        road.send(envelope("1@example.org"), MAIL)
    assert not told.value.in_doubt
