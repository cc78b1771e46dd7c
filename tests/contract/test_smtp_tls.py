"""Whom the smtp transport trusts, against a real server with real certificates."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from newsletter.errors import ConfigError
from newsletter.transports import Envelope, TransportUnavailable
from newsletter.transports.smtp import SmtpTransport
from newsletter.transports.smtp_options import SmtpOptions
from tests.contract.real_smtp import real_smtp

ENVELOPE = Envelope(sender="b@example.org", recipient="å@example.org", message_id="1@example.org")
ENCRYPTED = pytest.mark.parametrize("security", ["starttls", "tls"])


@ENCRYPTED
def test_a_certificate_nobody_vouches_for_is_refused(security: str, tmp_path: Path) -> None:
    """Trusting another authority does not help; the sentence names the setting that would."""
    with real_smtp(security, tmp_path) as (_, values):
        (tmp_path / "other.pem").write_bytes(trustme.CA().cert_pem.bytes())
        road = SmtpTransport(SmtpOptions(**values | {"ca_file": tmp_path / "other.pem"}))
        with pytest.raises(TransportUnavailable, match=r"not trusted: .*ca_file") as told:
            road.open()
        assert not told.value.in_doubt


@ENCRYPTED
def test_a_certificate_of_another_name_is_refused(security: str, tmp_path: Path) -> None:
    """An authority's word for another host is no word for this one."""
    with real_smtp(security, tmp_path, "mail.example.org") as (_, values):
        road = SmtpTransport(SmtpOptions(**values))
        with pytest.raises(TransportUnavailable, match=r"certificate of another name.* host"):
            road.open()


def test_a_server_that_speaks_no_tls_is_told(tmp_path: Path) -> None:
    """Security tls on a port of plain SMTP is the settings' mistake, and said so."""
    with real_smtp("none", tmp_path) as (_, values):
        road = SmtpTransport(SmtpOptions(**values | {"security": "tls"}))
        with pytest.raises(TransportUnavailable, match=r"TLS: .* Check port and security"):
            road.open()


def test_a_port_that_waits_for_tls_is_given_up(tmp_path: Path) -> None:
    """Where both sides wait for the other to begin, the time-out ends it."""
    with real_smtp("tls", tmp_path) as (_, values):
        road = SmtpTransport(SmtpOptions(**values | {"security": "starttls", "timeout": 0.3}))
        with pytest.raises(TransportUnavailable, match="does not answer within 0.3 seconds"):
            road.open()


def test_a_wrong_password_is_told_on_opening(tmp_path: Path) -> None:
    """A real server's refusal names the user, not the password, and touches no message."""
    with real_smtp("starttls", tmp_path) as (_, values):
        road = SmtpTransport(SmtpOptions(**values | {"password": "a wrong guess"}))
        with pytest.raises(TransportUnavailable, match="login of ida: 535") as told:
            road.open()
        assert "guess" not in str(told.value)


def test_an_address_beyond_ascii_reaches_a_server_that_takes_it(tmp_path: Path) -> None:
    """With SMTPUTF8 the address arrives as it is written."""
    with real_smtp("starttls", tmp_path) as (sink, values):
        road = SmtpTransport(SmtpOptions(**values))
        road.send(ENVELOPE, b"Subject: a\r\n\r\nb\r\n")
        road.close()
        assert sink.recipients == ["å@example.org"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"username": "ida"}, "neither password nor password_file"),
        ({"password": "guess-me"}, "username is not"),
        ({"username": "ida", "password": "guess-me", "password_file": "x"}, "not both"),
        ({"ca_file": "absent.pem"}, "cannot read absent.pem"),
        ({"ca_file": __file__}, "no certificate in PEM form"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(values: dict[str, str], words: str) -> None:
    """What can be known without the network is told before it, and never a password."""
    options = SmtpOptions.read({"host": "mail.example.org", **values}, "test")
    with pytest.raises(ConfigError, match=words) as told:
        SmtpTransport(options)
    assert "guess-me" not in str(told.value)
    assert "guess-me" not in repr(options)
