"""docs/deploy.md is done as it says, and what docs/deploy/ sets and starts is what there is."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.config import load
from newsletter.errors import ConfigError
from tests.commands import PAGE
from tests.deploying import DEPLOY, GUIDE, Server, blocks, understood

UNITS = sorted((*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")))
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
MOST_EXPOSED = 20  # tenths, as systemd-analyze reckons them: 100 is a service without any wall
KEPT = 14  # backups


def test_the_guide_is_done_as_it_says(tmp_path: Path):
    """Every block that is marked so, in order: settings, trial, signature, backup, restore."""
    server = Server(tmp_path)
    env = server.folder / "deploy/newsletter.env"
    server.environment |= dict(re.findall(r"^(NEWSLETTER_\w+)=(.*)$", env.read_text(), re.M))
    server.environment |= {  # a DNS that does not answer, and soon
        "NEWSLETTER_DOCTOR__NAMESERVERS": "127.0.0.1",
        "NEWSLETTER_DOCTOR__PORT": "1",
        "NEWSLETTER_DOCTOR__SECONDS": "0.5",
    }
    place, check, trial, sign, doctor, look, restore = blocks("run")

    server.do(place)
    settings = server.place("/etc/newsletter/newsletter.toml")
    source = f'\n[sources.page]\npath = "{PAGE}"\n'  # without a network
    settings.write_text(settings.read_text(encoding="utf-8") + source, encoding="utf-8")
    password = server.place("/etc/newsletter/smtp-password")
    assert password.stat().st_mode & 0o777 == 0o600
    password.write_text("as the editor wrote it\n", encoding="utf-8")
    assert "Good: mail goes by smtp" in server.do(check)

    told = server.do(trial)
    mails = list(server.place("/var/lib/newsletter/trial/mail/new").iterdir())
    assert mails
    assert told.endswith("".join(f"{name}\n" for name in sorted(mail.name for mail in mails)))
    assert any(b"you@your.domain" in mail.read_bytes() for mail in mails)
    assert "you@your.domain" not in server.do("newsletter subscribers list")  # a trial

    assert "papers1._domainkey.papers.your.domain" in server.do(sign)
    assert "signed as papers.your.domain" in server.do("newsletter config check")
    # Names such as your.domain lead nowhere; what is asked of the machine itself is well.
    assert "newsletter doctor" in doctor
    assert "0 error" not in server.do("newsletter doctor --offline")

    server.do("newsletter subscribe before@your.domain\nnewsletter collect\nnewsletter compose")
    server.do("/usr/local/bin/newsletter-backup")
    server.do("newsletter subscribe after@your.domain")
    server.place("/var/lib/newsletter/secret.key").write_text("lost\n", encoding="utf-8")
    server.do(restore)
    assert "is whole" in server.do(look)
    left = server.do("newsletter subscribers list")
    assert "before@your.domain" in left
    assert "after@your.domain" not in left


def test_backups_are_whole_and_the_oldest_make_room(tmp_path: Path):
    """Fourteen days are kept; a second one on a day is one; a failed one takes nothing away."""
    server = Server(tmp_path)
    server.do("mkdir -p /var/lib/newsletter /var/backups/newsletter /etc/newsletter")
    folder = server.place("/var/backups/newsletter")
    today = datetime.now(UTC).date()
    for ago in range(1, 20):
        (folder / f"{today - timedelta(days=ago)}").mkdir()
    (folder / "of-my-own").mkdir()
    script = "export NEWSLETTER_DATABASE__URL=sqlite:////var/lib/newsletter/newsletter.db\n"
    script += "deploy/newsletter-backup\n"
    state = server.place("/var/lib/newsletter")
    (state / "newsletter.db").mkdir()  # which is none
    with pytest.raises(AssertionError, match="database"):
        server.do(script)
    assert len(list(folder.glob("2*"))) == 19
    (state / "newsletter.db").rmdir()
    (state / "dkim-papers1.pem").write_text("a key", encoding="utf-8")
    for _ in range(2):
        server.do(script)
        days = sorted(one.name for one in folder.iterdir())
        assert len(days) == KEPT + 1, days
        assert days[-2:] == [f"{today}", "of-my-own"]
        assert days[0] == f"{today - timedelta(days=KEPT - 1)}"
    copied = {one.name: one for one in (folder / f"{today}").iterdir()}
    assert {"newsletter.db", "dkim-papers1.pem"} <= set(copied)
    assert copied["newsletter.db"].stat().st_mode & 0o077 == 0


def test_the_units_are_right_and_shut_in(tmp_path: Path):
    """systemd understands every line of them, and finds little that the services could reach."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    server = Server(tmp_path)
    server.do("cp deploy/newsletter-backup /usr/local/bin/")
    files = [server.folder / "deploy" / unit.name for unit in UNITS]
    verified = subprocess.run(
        ["systemd-analyze", "verify", *files], capture_output=True, text=True, timeout=60
    )
    ours = [line for line in verified.stderr.splitlines() if "newsletter" in line]
    assert verified.returncode == 0, verified.stderr
    assert not ours
    for unit in SERVICES:
        judged = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "Overall exposure level" in judged.stdout, judged.stderr
        assert judged.returncode == 0, judged.stdout


def test_the_units_agree():
    """Each service is behind the same walls; a wrong setting is not tried again."""
    first, *others = (unit.read_text(encoding="utf-8") for unit in SERVICES)
    walls = re.findall(
        r"^(?:Protect|Private|Restrict[A-Z]|SystemCall|Memory|Lock)\w+=.*", first, re.M
    )
    assert len(walls) > 15
    for other in others:
        missing = [wall for wall in walls if wall not in other.splitlines()]
        assert missing in ([], ["PrivateNetwork=yes"]), missing
    service = (DEPLOY / "newsletter.service").read_text(encoding="utf-8")
    assert f"RestartPreventExitStatus={ConfigError.exit_code}\n" in service
    by_hand = (DEPLOY / "newsletter").read_text(encoding="utf-8")
    for shared in re.findall(r"^(EnvironmentFile=.*|LoadCredential=.*|UMask=.*)", service, re.M):
        assert f"--property={shared} " in by_hand, shared
    (setting,) = re.findall(r"^Environment=(\w+)=%d/smtp-password", service, re.M)
    assert f"{setting}=/run/credentials/" in by_hand
    subprocess.run(["sh", "-n", DEPLOY / "newsletter"], check=True)


def test_every_setting_that_is_named_is_there():
    """Variables of the guide and its files are settings, and the settings file is one."""
    text = GUIDE + "".join(file.read_text(encoding="utf-8") for file in DEPLOY.iterdir())
    named = set(re.findall(r"\bNEWSLETTER_[A-Z_]*[A-Z]\b", text))
    assert len(named) > 5
    load(DEPLOY / "newsletter.toml", dict.fromkeys(named, ""))
    with pytest.raises(ConfigError):
        load(DEPLOY / "newsletter.toml", {"NEWSLETTER_NO__SUCH": ""})


def command_lines() -> list[list[str]]:
    """The words after `newsletter` of all commands that the guide and the units run."""
    typed = "\n".join(block for kind in ("", "run", "install") for block in blocks(kind))
    lines = re.findall(
        r"(?:^|&& |^docker compose (?:exec|run --rm) newsletter )newsletter (.*)", typed, re.M
    )
    for unit in SERVICES:
        text = unit.read_text(encoding="utf-8")
        lines += re.findall(r"^#?ExecStart=/opt/newsletter/current/bin/newsletter (.*)", text, re.M)
    return [shlex.split(line, comments=True) for line in lines]


@pytest.mark.parametrize("words", command_lines(), ids=" ".join)
def test_every_command_that_is_named_is_there(words: list[str]):
    """Its name, its options and its arguments."""
    understood(words)
