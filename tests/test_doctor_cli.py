"""What newsletter doctor tells of the DNS, as a real process against a server on loopback."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from newsletter import dkim_keys
from newsletter.app import App
from newsletter.config import load
from newsletter.doctor.findings import State
from tests.commands import PAGE, newsletter, refused
from tests.crash.sink import Sink
from tests.dns_server import SILENT, DnsServer, txt

HOME = "paperlab.io"
SELECTOR = f"papers1._domainkey.{HOME}"


def settings(server: DnsServer, key: Path | None = None, port: int = 9) -> dict[str, str]:
    """Mail by a relay, from our domain, its DNS on loopback."""
    told = {
        "SENDER__ADDRESS": f"daily@{HOME}",
        "DELIVERY__TRANSPORT": "smtp",
        "TRANSPORTS__SMTP__HOST": "127.0.0.1",
        "TRANSPORTS__SMTP__PORT": str(port),
        "TRANSPORTS__SMTP__SECURITY": "none",
        "DOCTOR__NAMESERVERS": "127.0.0.1",
        "DOCTOR__PORT": str(server.port),
    }
    signs = {"DKIM__KEY_FILE": str(key), "DKIM__SELECTOR": "papers1"} if key else {}
    return told | signs


def zone(record: str) -> dict[tuple[str, str], list[str]]:
    """A sender in order, whose key is told by `record`."""
    return {
        (HOME, "TXT"): [txt("v=spf1 mx -all")],
        (HOME, "MX"): [f"10 mx.{HOME}."],
        (f"mx.{HOME}", "A"): ["192.0.2.1"],
        (f"out.{HOME}", "A"): ["192.0.2.1"],
        ("1.2.0.192.in-addr.arpa", "PTR"): [f"out.{HOME}."],
        (SELECTOR, "TXT"): [txt(record)],
        (f"_dmarc.{HOME}", "TXT"): [txt("v=DMARC1; p=quarantine")],
    }


def of_dns(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """What was found in the DNS."""
    return [one for one in json.loads(done.stdout)["findings"] if one["area"] == "dns"]


def key_in(place: Path) -> tuple[Path, str]:
    """A key file, and the record that tells it."""
    pem = dkim_keys.generate(dkim_keys.RSA)
    file = place / "key.pem"
    file.write_bytes(pem)
    return file, dkim_keys.read(pem, "The key").record()


def test_a_sender_in_order_is_healthy(tmp_path: Path) -> None:
    """Everything is told with its state, for people and for programs; the end is 0."""
    key, record = key_in(tmp_path)
    with DnsServer(zone(record)) as server, Sink() as sink:
        given = settings(server, key, sink.port) | {"DOCTOR__HOST": f"out.{HOME}"}
        done = newsletter(tmp_path, "doctor", **given)
        told = newsletter(tmp_path, "doctor", "--json", **given)
        assert sink.taken == {}
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DNS" in (line.strip() for line in done.stdout.splitlines())
    report = json.loads(told.stdout)
    assert report["healthy"] is True
    assert [(one["check"], one["state"]) for one in of_dns(told)] == [
        ("spf", "ok"),
        ("dkim", "ok"),
        ("dmarc", "ok"),
        ("mx", "ok"),
        ("ptr", "ok"),
    ]
    assert not (tmp_path / "newsletter.db").exists()
    assert not (tmp_path / "secret.key").exists()


def test_a_key_that_the_dns_does_not_tell_is_an_error(tmp_path: Path) -> None:
    """The end is 1, and the command that tells the record is named."""
    key, _ = key_in(tmp_path)
    with DnsServer(zone("v=DKIM1; k=rsa; p=QUJD")) as server, Sink() as sink:
        done = newsletter(tmp_path, "doctor", "--json", **settings(server, key, sink.port))
    assert done.returncode == 1
    (found,) = (one for one in json.loads(done.stdout)["findings"] if one["state"] == "error")
    assert "another key" in found["what"]
    assert "newsletter dkim record" in found["do"]


def test_a_process_that_runs_on_asks_the_dns_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at once; but a record that was mended lets the next issue go, without a restart."""
    key, record = key_in(tmp_path)
    told = zone("v=DKIM1; k=rsa; p=QUJD")
    with DnsServer(told) as server:
        given = {f"NEWSLETTER_{name}": value for name, value in settings(server, key).items()}
        (tmp_path / "newsletter.toml").touch()
        app = App(load(tmp_path / "newsletter.toml", given))
        first = app.dns()
        asked = sum(server.asked.values())
        assert app.dns() == first
        assert sum(server.asked.values()) == asked
        told |= zone(record)
        monkeypatch.setattr("newsletter.app.DNS_KEPT", 0.0)
        both = (first, app.dns())
        states = [[one.state for one in found if one.check == "dkim"] for found in both]
    assert states == [[State.ERROR], [State.OK]]


def test_a_dns_that_is_away_is_a_warning(tmp_path: Path) -> None:
    """Nothing is concluded from silence, and nothing raised."""
    with DnsServer({}, {"*": SILENT}) as server, Sink() as sink:
        done = newsletter(tmp_path, "doctor", "--json", **settings(server, port=sink.port))
    assert done.returncode == 0, done.stderr
    assert [one["state"] for one in of_dns(done)] == ["warning", "skipped", "skipped"]
    assert "could not be asked" in of_dns(done)[0]["what"]


def test_a_maildir_asks_nobody(tmp_path: Path) -> None:
    """The demo's settings ask no DNS; --dns does, but not about names for examples."""
    with DnsServer({}) as server:
        mine = {key: value for key, value in settings(server).items() if "DOCTOR" in key}
        done = newsletter(tmp_path, "doctor", "--json", "--dns", **mine)
        assert done.returncode == 0, done.stderr
        assert {one["state"] for one in of_dns(done)} == {"skipped"}
        home = {"SENDER__ADDRESS": f"daily@{HOME}"}
        assert newsletter(tmp_path, "doctor", **home, **mine).returncode == 0
        assert not server.asked
        assert newsletter(tmp_path, "doctor", "--dns", **home, **mine).returncode == 1
        assert server.asked


def test_servers_are_named_by_address(tmp_path: Path) -> None:
    """A name would have to be asked of the very servers it names."""
    done = newsletter(tmp_path, "doctor", DOCTOR__NAMESERVERS="dns.example")
    refused(done, 3, "NEWSLETTER_DOCTOR__NAMESERVERS must be IP addresses")


def issue_in(place: Path) -> None:
    """An issue for one reader, from our domain."""
    home = {"SENDER__ADDRESS": f"daily@{HOME}"}
    for words in (("subscribe", "asa@example.org"), ("collect", str(PAGE)), ("compose",)):
        assert newsletter(place, *words, **home).returncode == 0


def test_a_preflight_refuses_an_issue_whose_signatures_will_fail(tmp_path: Path) -> None:
    """The DNS tells another key: 8, for send too, unless forced; the record mended, it passes."""
    issue_in(tmp_path)
    key, record = key_in(tmp_path)
    with DnsServer(zone("v=DKIM1; k=rsa; p=QUJD")) as server, Sink() as sink:
        mail = settings(server, key) | {"TRANSPORTS__SMTP__PORT": str(sink.port)}
        done = newsletter(tmp_path, "preflight", "--no-spam", "--json", **mail)
        assert done.returncode == 8
        told = json.loads(done.stdout)
        (found,) = (one for one in told["findings"] if one["level"] == "error")
        assert (found["check"], found["where"]) == ("sender-dns", "dkim")
        assert (told["passes"], told["passes_with_force"]) == (False, True)
        assert [one["check"] for one in told["dns"]][:2] == ["spf", "dkim"]
        refused(newsletter(tmp_path, "send", "--now", **mail), 8, "another key", "--force")
        assert sink.taken == {}
        assert newsletter(tmp_path, "send", "--now", "--force", **mail).returncode == 0
        assert len(sink.taken) == 1
    with DnsServer(zone(record)) as server:
        mail = settings(server, key)
        done = newsletter(tmp_path, "preflight", "--no-spam", **mail)
    assert done.returncode == 0, done.stdout
    assert "Sender's DNS: 4 ok, 1 skipped;" in done.stdout


def test_a_dns_that_is_away_stops_no_send(tmp_path: Path) -> None:
    """Silence is told as a warning, asked for once, and costs seconds."""
    issue_in(tmp_path)
    key, _ = key_in(tmp_path)
    with DnsServer({}, {"*": SILENT}) as server, Sink() as sink:
        mail = settings(server, key) | {"TRANSPORTS__SMTP__PORT": str(sink.port)}
        done = newsletter(tmp_path, "send", "--now", **mail)
        assert done.returncode == 0, done.stderr
        assert "Preflight: " in done.stdout
        assert len(sink.taken) == 1
        assert len(server.asked) == 1
        done = newsletter(tmp_path, "preflight", "--no-spam", "--json", **mail)
    found = [one for one in json.loads(done.stdout)["findings"] if one["check"] == "sender-dns"]
    assert [(one["level"], one["where"]) for one in found] == [("warning", "dns")]


def test_a_dns_without_records_stops_no_send(tmp_path: Path) -> None:
    """Neither SPF nor DMARC nor MX: the doctor calls them errors, a preflight warns."""
    issue_in(tmp_path)
    with DnsServer({}) as server, Sink() as sink:
        mail = settings(server, port=sink.port)
        done = newsletter(tmp_path, "doctor", "--json", **mail)
        assert done.returncode == 1
        assert "error" in {one["state"] for one in of_dns(done)}
        done = newsletter(tmp_path, "preflight", "--no-spam", "--json", **mail)
    assert done.returncode == 0, done.stdout
    levels = [one["level"] for one in json.loads(done.stdout)["findings"]]
    assert levels == ["warning"] * len(levels)


def test_a_preflight_of_mail_that_stays_asks_nobody(tmp_path: Path) -> None:
    """It says that the DNS was not asked, and why."""
    issue_in(tmp_path)
    with DnsServer({}) as server:
        mail = settings(server) | {"DELIVERY__TRANSPORT": "maildir"}
        done = newsletter(tmp_path, "preflight", "--no-spam", **mail)
        assert not server.asked
    assert done.returncode == 0, done.stdout
    assert "Sender's DNS: not asked. Mail stays on this machine" in done.stdout
