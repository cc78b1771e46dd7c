"""Every kind of mailbox gives what it holds once, and again until it is put aside."""

from __future__ import annotations

import io
import mailbox as standard
import sys
from pathlib import Path

import pytest
import trustme

from newsletter.errors import MailboxError, RequestError
from newsletter.mailboxes import BATCH, HELD, WINDOW, Account, Imap, Mailbox, Maildir, MailFile
from newsletter.mime import LARGEST
from tests.contract.scripted_imap import ScriptedImap

MAILS = [b"Subject: %d\n\nFrom me.\n" % number for number in range(3)]


def contents(box: Mailbox) -> list[bytes]:
    return [item.content for batch in box.batches() for item in batch]


def maildir(path: Path, mails: list[bytes] = MAILS) -> Path:
    for name in ("new", "cur", "tmp"):
        (path / name).mkdir(parents=True)
    for number, mail in enumerate(mails):
        (path / "new" / f"17733024{number:03}.a.host").write_bytes(mail)
    return path


def test_a_maildir_is_read_until_it_is_put_aside(tmp_path: Path) -> None:
    """What is done lies in cur/, as seen, where mail programs find it."""
    box = Maildir(maildir(tmp_path))
    assert contents(box) == contents(box) == MAILS
    (batch,) = box.batches()
    box.put_aside(batch[:2])
    box.put_aside(batch[:2])  # another run was quicker
    assert contents(box) == MAILS[2:]
    kept = standard.Maildir(tmp_path, create=False)
    assert sorted(one.get_flags() for one in kept) == ["", "S", "S"]


def test_a_maildir_comes_in_batches_and_messages_are_cut(tmp_path: Path) -> None:
    """However much there is, little is held at once."""
    box = Maildir(maildir(tmp_path, [b"x" * (LARGEST + 9), *[b"y"] * BATCH]))
    first, second = box.batches()
    assert (len(first), len(second)) == (BATCH, 1)
    assert len(first[0].content) == LARGEST


def test_a_batch_ends_where_enough_is_held(tmp_path: Path) -> None:
    """A hundred huge messages are not held at once."""
    box = Maildir(maildir(tmp_path, [b"x" * LARGEST] * 70))
    assert [len(batch) for batch in box.batches()] == [HELD // LARGEST, 70 - HELD // LARGEST]


def test_a_file_that_cannot_be_read_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    """It is told, and stays where it is."""
    path = maildir(tmp_path)
    (path / "new" / "0.a.folder").mkdir()
    box = Maildir(path)
    assert contents(box) == MAILS
    assert box.unreadable == [
        f"{path / 'new' / '0.a.folder'} cannot be read: Is a directory. Mend or remove it."
    ]


def test_what_is_no_maildir_is_told(tmp_path: Path) -> None:
    """A folder without new/ and cur/ is a typing error."""
    with pytest.raises(RequestError, match="no maildir"):
        Maildir(tmp_path)


def test_an_mbox_gives_what_the_standard_library_wrote(tmp_path: Path) -> None:
    """Another's writer, our reader; the file is not changed."""
    path = tmp_path / "box"
    written = standard.mbox(path)
    for mail in MAILS:
        written.add(mail)
    written.close()
    before = path.read_bytes()
    box = MailFile(str(path))
    found = contents(box)
    assert [one.splitlines()[0] for one in found] == [mail.splitlines()[0] for mail in MAILS]
    assert all(one.endswith(b">From me.\n\n") for one in found[:2])
    (batch,) = box.batches()
    box.put_aside(batch)
    assert path.read_bytes() == before
    assert [item.name for item in batch] == [f"{path}, message {n}" for n in (1, 2, 3)]


def test_a_single_message_and_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail server may hand over each message as it comes; an empty pipe is one without words."""
    path = tmp_path / "one.eml"
    path.write_bytes(MAILS[0] + b"x" * LARGEST)
    assert contents(MailFile(str(path))) == [(MAILS[0] + b"x" * LARGEST)[:LARGEST]]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(MAILS[1])))
    assert contents(MailFile("-")) == [MAILS[1]]
    (tmp_path / "empty").touch()
    assert contents(MailFile(str(tmp_path / "empty"))) == []
    with pytest.raises(RequestError, match="No such file"):
        contents(MailFile(str(tmp_path / "missing")))


def test_a_line_without_end_is_no_new_message(tmp_path: Path) -> None:
    """An mbox of one line a megabyte long is cut, and the message after it is found."""
    path = tmp_path / "box"
    path.write_bytes(b"From a\nS: 1\n\nx" + b"From " * (LARGEST // 2) + b"\n\nFrom b\nS: 2\n\n")
    first, second = contents(MailFile(str(path)))
    assert len(first) == LARGEST
    assert second == b"S: 2\n\n"


def account(server: ScriptedImap, **more: object) -> Account:
    values: dict[str, object] = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": "ida",
        "password": "right",
        "ca_file": server.ca_file,
    }
    return Account(**(values | more))  # type: ignore[arg-type]


def test_imap_marks_what_is_done_as_seen(tmp_path: Path) -> None:
    """Reading marks nothing; what was not put aside is read again, by this run or the next."""
    with ScriptedImap(MAILS, tmp_path) as server:
        box = Imap(account(server))
        (batch,) = box.batches()
        assert [item.content for item in batch] == MAILS
        assert server.seen == set()
        box.put_aside(batch[:1])
        box.put_aside([])
        box.close()
        again = Imap(account(server))
        assert contents(again) == MAILS[1:]
        again.close()
    assert "LOGOUT" in server.commands
    assert any("BODY.PEEK[]<0." in command for command in server.commands)


@pytest.mark.parametrize("moves", [True, False])
def test_imap_moves_what_is_done(tmp_path: Path, moves: bool) -> None:
    """By MOVE where it is offered, else by a copy; nobody else's message is expunged."""
    with ScriptedImap(MAILS, tmp_path, moves=moves) as server:
        box = Imap(account(server, aside="Done"))
        (batch,) = box.batches()
        box.put_aside(batch[:2])
        assert server.aside == MAILS[:2]
        assert contents(box) == MAILS[2:]
        box.close()
    assert not any("EXPUNGE" in command for command in server.commands)


def test_imap_moves_by_copying_only_where_it_must(tmp_path: Path) -> None:
    """What a server offers after the login counts."""
    for moves in (True, False):
        folder = tmp_path / str(moves)
        folder.mkdir()
        with ScriptedImap(MAILS, folder, moves=moves) as server:
            box = Imap(account(server, aside="Done"))
            (batch,) = box.batches()
            box.put_aside(batch)
            box.close()
        assert any("UID MOVE" in command for command in server.commands) is moves
        assert any("UID COPY" in command for command in server.commands) is not moves


def test_imap_asks_for_a_large_folder_in_windows(tmp_path: Path) -> None:
    """imaplib takes no line of a million bytes, which the numbers of 100,000 messages are."""
    with ScriptedImap([b"x"] * (10 * WINDOW + 1), tmp_path) as server:
        box = Imap(account(server))
        uids = box._uids()
        assert (len(uids), len(set(uids))) == (10 * WINDOW + 1,) * 2
        box.close()
    with ScriptedImap([], tmp_path) as server:
        box = Imap(account(server))
        assert contents(box) == []
        box.close()


def test_imap_leaves_a_message_that_the_server_cannot_give(tmp_path: Path) -> None:
    """The others are read, and it is told which one was not."""
    with ScriptedImap(MAILS, tmp_path) as server:
        server.broken = list(server.messages)[1]
        box = Imap(account(server))
        assert contents(box) == [MAILS[0], MAILS[2]]
        assert "says no to FETCH" in box.unreadable[0]
        box.close()


def test_imap_believes_no_length_beyond_reason(tmp_path: Path) -> None:
    """A server that announces more than memory holds is left."""
    with ScriptedImap(MAILS, tmp_path) as server:
        server.boasts = True
        box = Imap(account(server))
        with pytest.raises(MailboxError, match="it announces 9{22} bytes"):
            contents(box)
        box.close()


def test_imap_takes_no_password_beyond_ascii(tmp_path: Path) -> None:
    """LOGIN could not carry it; nothing of it is told."""
    with (
        ScriptedImap(MAILS, tmp_path) as server,
        pytest.raises(RequestError, match="plain ASCII") as told,
    ):
        Imap(account(server, password="hemmelig-ål"))
    assert "hemmelig" not in str(told.value)
    assert "ål" not in str(told.value)


def test_imap_tells_what_is_wrong(tmp_path: Path) -> None:
    """Nobody there, a wrong password, a strange certificate, a broken line: a sentence each."""
    with ScriptedImap(MAILS, tmp_path) as server:
        with pytest.raises(MailboxError, match="login of ida") as told:
            Imap(account(server, password="wrong-hunter2"))
        assert "hunter2" not in str(told.value)
        with pytest.raises(RequestError, match="plain ASCII"):
            Imap(account(server, folder='IN"BOX'))
        other = tmp_path / "other.pem"
        other.write_bytes(trustme.CA().cert_pem.bytes())
        with pytest.raises(MailboxError, match="over TLS"):
            Imap(account(server, ca_file=other))
        server.breaks_at = "UID FETCH"
        box = Imap(account(server))
        with pytest.raises(MailboxError, match="run it again"):
            contents(box)
        box.close()
    with pytest.raises(MailboxError, match="cannot be reached"):
        Imap(account(server))
