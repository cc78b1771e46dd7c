"""Wrong input at the command line: one clear line, the documented exit code, nothing half done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import PAGE, newsletter, prepare, refused, smtp
from tests.contract.scripted_smtp import ScriptedSmtp


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a composed issue for one reader."""
    following = ("subscribe", "asa@example.org", "--topic", "alignment")
    return prepare(tmp_path, following, ("collect", str(PAGE)), ("compose",))


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("subscribe", "nobody"), 2, ("'nobody' is not an e-mail address",)),
        (("subscribe", "a@example.org\r\nBcc: b@example.org"), 2, ("not an e-mail address",)),
        (("subscribe", "a@example.org", "-t", "alignmnt"), 2, ("'alignmnt'", "alignment")),
        (("subscribe", "a@example.org", "--at", "25:00"), 2, ("'25:00'", "08:00")),
        (("subscribe", "a@example.org", "--zone", "Mars/One"), 2, ("'Mars/One'", "IANA")),
        (("subscribe", "a@example.org", "--days", "someday"), 2, ("'someday'",)),
        (("subscribe", "a@example.org", "--length", "0"), 2, ("1 to 50",)),
        (("subscribe", "a@example.org", "-t", "robotics", "-m", "robotics"), 2, ("robotics",)),
        (("subscribe", "a@example.org", "--language", "xx"), 2, ("into 'xx'", "en, de")),
        (("unsubscribe", "1.altered"), 2, ("not valid",)),
        (("unsubscribe", "a@example.org"), 2, ("a@example.org",)),
        (("collect", "--source", "huggingfce"), 2, ("Did you mean huggingface?",)),
        (("collect", "--date", "yesterday"), 2, ("'yesterday'", "2026-03-05")),
        (("collect", "--week", "2026-W60"), 2, ("'2026-W60'", "2026-W10")),
        (("collect", "--date", "2026-03-05", "--since", "2026-03-01"), 2, ("one of",)),
        (("collect", "--since", "2026-03-05", "--until", "2026-03-01"), 2, ("before --since",)),
        (("collect", "--until", "2026-03-05"), 2, ("--until goes with --since",)),
        (("collect", "x.txt", "--date", "2026-03-05"), 2, ("not both",)),
        (("collect", "--as", "page"), 2, ("FILE",)),
        (("papers", "add", "nonsense"), 2, ("'nonsense' names no paper", "2403.01234")),
        (("papers", "add", "2403.01234", "--abstract", "x"), 2, ("--title",)),
        (("papers", "pin", "2403.01234"), 2, ("no paper '2403.01234'",)),
        (("papers", "pin", "2403.01234", "--by", ""), 2, ("--by",)),
        (("papers", "export", "--since", "soon"), 2, ("'soon' is not a day",)),
        (("papers", "export", "nowhere/papers.jsonl"), 2, ("nowhere/papers.jsonl",)),
        (("sources", "show", "nowhere"), 2, ("no source 'nowhere'", "huggingface")),
        (("sources", "test", "nowhere"), 2, ("nowhere",)),
        (("collect", "missing.txt"), 4, ("missing.txt", "No such file")),
        (("collect", "--source", "nowhere"), 2, ("nowhere",)),
        (("preview",), 2, ("newsletter compose",)),
        (("status",), 2, ("newsletter compose",)),
        (("status", "yesterday"), 2, ("'yesterday'", "2026-03-11")),
        (("papers", "show", "title:nothing"), 2, ("title:nothing",)),
        (("topics", "show", "alignmnt"), 2, ("alignment",)),
        (("--config", "missing.toml", "status"), 3, ("missing.toml",)),
    ],
)
def test_a_wrong_request_is_told_in_one_line(
    tmp_path: Path, words: tuple[str, ...], code: int, told: tuple[str, ...]
) -> None:
    """What cannot be meant is refused in words, with its exit code."""
    refused(newsletter(tmp_path, *words), code, *told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (PAGE.read_text(encoding="utf-8")[:5000], "line 21: the last abstract ends in mid-sen"),
        ("\n".join(PAGE.read_text(encoding="utf-8").split("\n")[:11]), "line 11"),
        ("", "the page is empty"),
        ("hello", "line 1: not a page of trending papers"),
        ("Get trending papers in your email inbox!\n\nno date", "no date"),
    ],
)
def test_a_page_that_is_cut_is_kept_not_even_in_part(tmp_path: Path, text: str, told: str) -> None:
    """The line is named, and no paper of such a page is kept."""
    (tmp_path / "page.txt").write_text(text, encoding="utf-8")
    refused(newsletter(tmp_path, "collect", "page.txt"), 4, "page.txt", told)
    assert newsletter(tmp_path, "papers", "list", "--json").stdout.strip() == "[]"


@pytest.mark.parametrize("url", ["afile/x.db", "nofolder/x.db", "afile"])
def test_a_database_that_cannot_be_used_is_told_with_its_place(tmp_path: Path, url: str) -> None:
    """Below a file, in a folder that is not there, or not a database at all."""
    (tmp_path / "afile").write_text("not a database, and longer than a header of one " * 4)
    done = newsletter(tmp_path, "status", DATABASE__URL=f"sqlite:///{url}")
    refused(done, 5, url)


def test_a_postgresql_password_is_not_shown(tmp_path: Path) -> None:
    """An unreachable server is named without the password."""
    url = "postgresql+psycopg://ida:hunter2@127.0.0.1:1/papers"
    done = newsletter(tmp_path, "status", DATABASE__URL=url)
    refused(done, 5, "127.0.0.1")
    assert "hunter2" not in done.stderr


def test_what_cannot_be_shown_is_not_served(place: Path) -> None:
    """A reader who is not there ends `preview --watch`, instead of a page that says so for ever."""
    words = ("preview", "nobody@example.org", "--watch", "--port", "0")
    refused(newsletter(place, *words), 2, "nobody@example.org")


def still_queued(place: Path) -> bool:
    return '"queued": 1' in newsletter(place, "status", "--json").stdout


def test_a_server_that_is_away_charges_nobody(place: Path) -> None:
    """Nothing is touched where no connection can be made."""
    refused(newsletter(place, "send", "--now", **smtp(1)), 6, "127.0.0.1:1")
    assert still_queued(place)


def test_a_wrong_password_charges_nobody(place: Path) -> None:
    """The login is refused before any delivery is touched, and the password is not shown."""
    with ScriptedSmtp(
        {"EHLO": b"250-here\r\n250 AUTH PLAIN LOGIN", "AUTH": b"535 5.7.8 wrong"}
    ) as server:
        settings = smtp(server.port, USERNAME="ida", PASSWORD="hunter2-hunter2")
        done = newsletter(place, "send", "--now", **settings)
    refused(done, 6, "ida")
    assert "hunter2" not in done.stderr + done.stdout
    assert still_queued(place)


def test_a_full_disk_loses_nothing(place: Path) -> None:
    """A maildir on a full disk closes the road; the delivery waits and no half mail is left."""
    small = place / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(small)]
    can = os.geteuid() == 0 and shutil.which("mount") is not None
    mounted = can and subprocess.run(mount, check=False).returncode == 0
    path = str(small) if mounted else "/dev/full/mail"  # as closed, where no disk can be small
    try:
        done = newsletter(place, "send", "--now", TRANSPORTS__MAILDIR__PATH=path)
        refused(done, 6, path)
        assert [one for one in small.rglob("*") if one.is_file()] == []
    finally:
        if mounted:
            subprocess.run(["umount", str(small)], check=True)
    assert newsletter(place, "send", "--now").stdout.startswith("1 sent")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"SENDR__ADDRESS": "a@example.org"}, "NEWSLETTER_SENDER__ADDRESS"),
        ({"DELIVERY__TRANSPORT": "mailder"}, "maildir"),
        ({"TRANSPORTS__MAILDIR__PAHT": "x"}, "path"),
        ({"ISSUE__WINDOW_DAYS": "many"}, "whole number"),
        ({"TRANSPORTS__MAILDIR__WIEGHT": "2"}, "Did you mean weight?"),
        ({"TRANSPORTS__MAILDIR__PER_SECOND": "1e-300"}, "at least 0.0001"),
        ({"TRANSPORTS__MAILDIR__PER_SECOND": "-1"}, "at least 0.0001"),
    ],
)
def test_a_wrong_setting_is_told_with_the_nearest(
    tmp_path: Path, settings: dict[str, str], told: str
) -> None:
    """Every group of settings refuses what it does not know."""
    refused(newsletter(tmp_path, "send", **settings), 3, told)


def test_the_job_by_hand(place: Path) -> None:
    """Preview shows the bytes that send leaves in the maildir, and sending again sends nothing."""
    shown = subprocess.run(
        [sys.executable, "-m", "newsletter", "preview", "asa@example.org", "--raw"],
        cwd=place,
        capture_output=True,
        check=True,
    ).stdout
    assert newsletter(place, "send", "--dry-run", "--json").returncode == 0
    assert still_queued(place) or newsletter(place, "status").returncode == 0
    # The hour may still be ahead: what is brought forward is dated now, so the preview is redone.
    newsletter(place, "send", "--now")
    after = subprocess.run(
        [sys.executable, "-m", "newsletter", "preview", "asa@example.org", "--raw"],
        cwd=place,
        capture_output=True,
        check=True,
    ).stdout
    (mail,) = (place / "mail" / "new").iterdir()
    assert mail.read_bytes() == after
    without_date = [
        [line for line in content.split(b"\r\n") if not line.startswith(b"Date:")]
        for content in (shown, after)
    ]
    assert without_date[0] == without_date[1]
    assert "nobody was sent anything" in newsletter(place, "send", "--now").stdout
    assert newsletter(place, "status").returncode == 0


def test_the_demo_twice_sends_once(tmp_path: Path) -> None:
    """The second run says that everybody has the issue, and the maildir holds no more."""
    first = newsletter(tmp_path, "demo", "here", "--no-pictures")
    assert first.returncode == 0, first.stderr
    mails = sorted((tmp_path / "here" / "mail" / "new").iterdir())
    assert len(mails) == 4
    again = newsletter(tmp_path, "demo", "here", "--no-pictures")
    assert "nobody gets it twice" in again.stdout
    assert sorted((tmp_path / "here" / "mail" / "new").iterdir()) == mails
