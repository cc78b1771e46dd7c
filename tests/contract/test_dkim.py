"""newsletter dkim: from no key to a signed mail, and every wrong turn on the way."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from newsletter import dkim_keys
from newsletter.app import App
from newsletter.config import load
from newsletter.errors import ConfigError
from tests.commands import PAGE, newsletter, refused
from tests.opendkim import opendkim

DOMAIN = "papers.example.org"
SENDER = f'[sender]\naddress = "daily@{DOMAIN}"\n'


def done(place: Path, *words: str) -> str:
    ran = newsletter(place, *words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def records(told: str) -> dict[str, str]:
    """The TXT records that were printed, by name."""
    found = re.findall(r'^(\S+\._domainkey\.\S+)\n(".*")$', told, re.MULTILINE)
    return {name: value.replace('" "', "").strip('"') for name, value in found}


def settings(told: str) -> str:
    """The lines that were printed for newsletter.toml, without their table's head."""
    (table,) = re.findall(r"^\[dkim\].*\n((?:.+\n)+)", told, re.MULTILINE)
    return str(table)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that was given both keys by following what keygen says."""
    place = tmp_path_factory.mktemp("signed")
    toml = place / "newsletter.toml"
    toml.write_text(SENDER, encoding="utf-8")
    told = done(place, "dkim", "keygen", "--selector", "Papers1")
    toml.write_text(f"{SENDER}[dkim]\n{settings(told)}", encoding="utf-8")
    second = done(place, "dkim", "keygen", "--selector", "papers2", "--algorithm", "ed25519")
    with toml.open("a", encoding="utf-8") as file:
        file.write(settings(second))
    assert records(done(place, "dkim", "record")) == records(told) | records(second)
    return place


def test_keys_are_readable_by_their_owner_alone(keys: Path) -> None:
    """Mode 600, and the key itself is never printed."""
    for name in ("dkim-papers1.pem", "dkim-papers2.pem"):
        assert (keys / name).stat().st_mode & 0o777 == 0o600
        secret = (keys / name).read_text().splitlines()[1]
        for words in (("dkim", "record"), ("config", "show"), ("config", "check")):
            assert secret not in done(keys, *words)


def test_preview_and_send_show_the_same_signed_bytes(keys: Path, tmp_path: Path) -> None:
    """What lies in the maildir is what preview shows, and its signatures hold."""
    assert f"signed as {DOMAIN}" in done(keys, "config", "check")
    done(keys, "subscribe", "asa@example.org", "--topic", "alignment")
    done(keys, "collect", str(PAGE))
    done(keys, "compose")
    assert "1 would be sent" in done(keys, "send", "--now", "--dry-run")
    done(keys, "send", "--now")
    (mail,) = (keys / "mail" / "new").iterdir()
    done(keys, "preview", "asa@example.org", "--out", "previews")
    content = mail.read_bytes()
    assert (keys / "previews" / "asa@example.org.eml").read_bytes() == content
    with opendkim(tmp_path, records(done(keys, "dkim", "record"))) as verifier:
        assert verifier.verdicts(content) == [True, True]


def test_a_key_is_never_written_over(keys: Path) -> None:
    """A second keygen with the same selector leaves the file alone."""
    before = (keys / "dkim-papers1.pem").read_bytes()
    refused(newsletter(keys, "dkim", "keygen", "-s", "papers1"), 2, "exists already", "--out")
    assert (keys / "dkim-papers1.pem").read_bytes() == before


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """The key cannot be written, and nothing else happened."""
    ran = newsletter(tmp_path, "dkim", "keygen", "-s", "a", "--out", "nowhere/key.pem")
    refused(ran, 1, "nowhere/key.pem cannot be written")


def test_a_selector_that_no_dns_could_hold(tmp_path: Path) -> None:
    """Selectors are checked before a key is made."""
    refused(newsletter(tmp_path, "dkim", "keygen", "-s", "a b"), 2, "'a b' is not a selector")
    assert not list(tmp_path.iterdir())


def test_no_key_no_record(tmp_path: Path) -> None:
    """Without a key file DKIM is off, and says so."""
    refused(newsletter(tmp_path, "dkim", "record"), 3, "dkim.key_file is not set", "keygen")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('selector = "a"\nkey_file = "nope.pem"', ("cannot read", "nope.pem", "No such file")),
        ('selector = "a"\nkey_file = "text.pem"', ("text.pem", "not a private key in PEM")),
        ('key_file = "a.pem"', ("dkim in newsletter.toml", "key_file without selector")),
        ('selector = "a"', ("selector without key_file",)),
        (
            'second_selector = "b"\nsecond_key_file = "b.pem"',
            ("second_key_file without key_file",),
        ),
        (
            'selector = "a"\nkey_file = "a.pem"\nsecond_selector = "a"\nsecond_key_file = "b.pem"',
            ("same selector twice",),
        ),
        (
            'selector = "a"\nkey_file = "a.pem"\nsecond_selector = "b"\nsecond_key_file = "a.pem"',
            ("both keys are ed25519-sha256",),
        ),
        ('selector = "a b"\nkey_file = "a.pem"', ("dkim.selector", "letters, digits")),
        ('domain = "ex_ample.org"', ("dkim.domain", "letters, digits")),
    ],
)
def test_wrong_settings_are_told_before_mail_leaves(
    tmp_path: Path, lines: str, told: tuple[str, ...]
) -> None:
    """Each is a ConfigError that names the setting."""
    (tmp_path / "text.pem").write_text("no key", encoding="utf-8")
    (tmp_path / "a.pem").write_bytes(dkim_keys.generate(dkim_keys.ED25519))
    (tmp_path / "newsletter.toml").write_text(f"{SENDER}[dkim]\n{lines}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        _ = App(load(tmp_path / "newsletter.toml", {})).mail_signer
    for words in told:
        assert words in str(caught.value)


def test_a_key_that_is_gone_stops_both_check_and_send(keys: Path) -> None:
    """One line, exit code 3, and nothing is handed over unsigned."""
    for words in (("config", "check"), ("send",), ("preview",)):
        ran = newsletter(keys, *words, DKIM__SECOND_KEY_FILE="gone.pem")
        refused(ran, 3, "dkim.second_key_file", "gone.pem", "No such file")


def test_a_domain_that_dmarc_would_not_count(keys: Path) -> None:
    """A signature of somebody else's domain passes DKIM and helps nobody."""
    sends = {"DELIVERY__TRANSPORT": "smtp", "TRANSPORTS__SMTP__HOST": "localhost"}
    ran = newsletter(keys, "config", "check", DKIM__DOMAIN="relay.example.net", **sends)
    assert ran.returncode == 3
    assert "dkim.domain is relay.example.net, but mail is from papers.example.org" in ran.stderr
    aligned = newsletter(keys, "config", "check", DKIM__DOMAIN="example.org", **sends)
    assert "dkim.domain" not in aligned.stderr


def test_without_the_package(keys: Path, tmp_path: Path) -> None:
    """Who signs is told what to install; who does not never needs it."""
    program = (
        "import sys; sys.modules['cryptography'] = None; "
        "from newsletter.cli import main; sys.argv = ['newsletter', *sys.argv[1:]]; main()"
    )

    def ran(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, *words]
        return subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=60)

    refused(ran(keys, "send"), 3, "pip install 'trending-papers[dkim]'")
    assert ran(tmp_path, "config", "check").returncode == 0
