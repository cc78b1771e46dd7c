"""The file of the key that signs links: what it may hold, and how it is rotated."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from newsletter import key_file
from newsletter.errors import ConfigError, RequestError
from newsletter.key_file import Keys, OlderKey

TODAY = date(2026, 3, 11)
LONG, OTHER = "a key of more than sixteen letters", "another-key-of-as-many-letters"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{LONG}\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def test_a_key_stands_above_those_it_replaced() -> None:
    """A key may hold spaces, and empty lines are passed over."""
    text = f"\n{LONG}\n\n  {OTHER} until 2026-03-11 \n{LONG} until 2026-03-10\n"
    keys = key_file.parse(text, "The key", 16)
    assert keys == Keys(
        key=LONG,
        older=(
            OlderKey(key=OTHER, until=TODAY),
            OlderKey(key=LONG, until=date(2026, 3, 10)),
        ),
    )


def test_an_older_key_counts_to_the_end_of_its_day() -> None:
    """On its date it is read with, a day later it is not."""
    keys = Keys(key=LONG, older=(OlderKey(key=OTHER, until=TODAY),))
    assert keys.valid(TODAY) == (LONG.encode(), OTHER.encode())
    assert keys.valid(date(2026, 3, 12)) == (LONG.encode(),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The key is empty. Mend it."),
        (" \n\n", "The key is empty."),
        ("short", "The key must have at least 16 characters. Mend it."),
        (f"{LONG}\nshort until 2026-03-11", "The key, older key 1, must have at least 16"),
        (f"{LONG}\n\n{OTHER}", "The key, line 3: an older key is written as KEY until YYYY-MM-DD"),
        (f"{LONG}\n{OTHER} until tomorrow", "The key, line 2: an older key is written as"),
        (f"{LONG}\n{OTHER} until 2026-02-30", "The key, line 2: an older key is written as"),
        (f"{LONG}\nuntil 2026-02-03", "The key, line 2: an older key is written as"),
        (f"{OTHER} until 2026-03-11", "The key, line 1: this is an older key, and the one that"),
    ],
)
def test_what_is_wrong_in_it_is_told(text: str, words: str) -> None:
    """By its line, without the key."""
    with pytest.raises(ConfigError) as told:
        key_file.parse(text, "The key", 16, " Mend it.")
    assert str(told.value).startswith(words)
    assert LONG not in str(told.value)
    assert OTHER not in str(told.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """None there, a folder, bytes that are no text; by the setting that names it, if one does."""
    (tmp_path / "bytes").write_bytes(b"\xff" * 40)
    for name, reason in (("no", "No such file"), (".", "directory"), ("bytes", "not a text file")):
        with pytest.raises(ConfigError, match=f"secret_file: cannot read .*: .*{reason}"):
            key_file.read(tmp_path / name, 16, "secret_file")
        with pytest.raises(ConfigError, match=f"Cannot read the key .*: .*{reason}"):
            key_file.read(tmp_path / name, 16)


def test_a_rotation_puts_a_new_key_in_front(file: Path) -> None:
    """The one before gets a date, an older one keeps its own, one that has ended is dropped."""
    first = key_file.rotate(file, 16, date(2026, 4, 1), TODAY)
    assert first.older == (OlderKey(key=LONG, until=date(2026, 4, 1)),)
    second = key_file.rotate(file, 16, date(2026, 5, 1), date(2026, 4, 1))
    assert [one.key for one in second.older] == [first.key, LONG]
    third = key_file.rotate(file, 16, None, date(2026, 4, 2))  # what leaked counts no more
    assert third.older == (OlderKey(key=first.key, until=date(2026, 5, 1)),)
    assert key_file.read(file, 16) == third
    assert len({LONG, first.key, second.key, third.key}) == 4
    assert all(len(key.key) == 43 for key in (first, second, third))


def test_a_rotation_leaves_the_file_to_those_who_had_it(file: Path) -> None:
    """Its owner alone, or also its group, never all; a link stays one, and no draft is left."""
    link = file.with_name("link")
    link.symlink_to(file)
    for mode, after in ((0o600, 0o600), (0o640, 0o640), (0o664, 0o640), (0o644, 0o640)):
        file.chmod(mode)
        key_file.rotate(link, 16, TODAY, TODAY)
        assert file.stat().st_mode & 0o777 == after
    assert link.is_symlink()
    assert sorted(one.name for one in file.parent.iterdir()) == ["key", "link"]


def test_a_rotation_that_cannot_be_done_changes_nothing(file: Path) -> None:
    """Another one under way, a wrong file: told, and the file is as it was."""
    draft = file.with_name("key.new")
    draft.touch()
    with pytest.raises(RequestError, match=r"Another rotation is under way.* remove .*key\.new"):
        key_file.rotate(file, 16, TODAY, TODAY)
    assert draft.exists()
    draft.unlink()
    assert file.read_text() == f"{LONG}\n"
    file.write_text(f"{LONG}\nwrong\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 2"):
        key_file.rotate(file, 16, TODAY, TODAY)
    assert file.read_text() == f"{LONG}\nwrong\n"
    assert not draft.exists()


def test_a_file_that_is_not_ours_to_write_is_not_rotated(file: Path) -> None:
    """One that may only be read is left alone, and none is made where there is none."""
    file.chmod(0o400)
    if os.geteuid() == 0:  # who may write everything, but not what is not there
        file.unlink()
    with pytest.raises(RequestError, match="cannot be written"):
        key_file.rotate(file, 16, TODAY, TODAY)


def test_the_first_key_is_made_once(tmp_path: Path) -> None:
    """Who comes second finds the first one's; nobody else can read it."""
    path = tmp_path / "secret.key"
    key_file.make(path)
    made = key_file.read(path, 32)
    key_file.make(path)
    assert key_file.read(path, 32) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["secret.key"]
    with pytest.raises(ConfigError, match="cannot be made"):
        key_file.make(tmp_path / "no" / "secret.key")
