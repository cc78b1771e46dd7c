"""How far the doctor goes with mail servers and pages, and what it makes of their moods."""

from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from newsletter import calls
from newsletter.doctor.findings import Area, State
from newsletter.doctor.mail_servers import Trouble
from newsletter.doctor.web_pages import Trouble as PageTrouble
from newsletter.errors import ConfigError
from newsletter.pipeline.examining.asking import Question
from newsletter.transports import TransportUnavailable, smtp_look
from newsletter.transports.smtp_options import SmtpOptions
from tests.contract.real_smtp import real_smtp
from tests.contract.scripted_smtp import HANG_UP, SILENCE, ScriptedSmtp
from tests.contract.upstream import Play, Upstream
from tests.receiver import Receiver

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def plain(port: int, **more: str) -> SmtpOptions:
    return SmtpOptions.read(
        {"host": "127.0.0.1", "port": port, "security": "none", **more}, "[transports.out]"
    )


def test_a_mail_server_is_left_before_any_message() -> None:
    """It is greeted, logged in to, asked for a sign, and told goodbye; what it offers is kept."""
    offer = b"250-here\r\n250-SIZE 1000\r\n250-PIPELINING\r\n250 AUTH PLAIN"
    with ScriptedSmtp({"EHLO": offer}) as server:
        options = plain(server.port, username="ida", password="x" * 9)
        seen = smtp_look.look(options, "[transports.out]", 2)
    assert [one.partition(" ")[0] for one in server.commands] == ["EHLO", "AUTH", "NOOP", "QUIT"]
    assert (seen.size, seen.extensions, seen.user, seen.tls) == (1000, ("PIPELINING",), "ida", "")


@pytest.mark.parametrize(
    ("answers", "trouble"),
    [
        ({"": SILENCE}, Trouble.SILENT),
        ({"EHLO": HANG_UP}, Trouble.OTHER),
        ({"EHLO": b"250-here\r\n250 AUTH PLAIN", "AUTH": b"535 5.7.8 no"}, Trouble.LOGIN),
        ({"": b"554 go away"}, Trouble.OTHER),
    ],
)
def test_what_is_wrong_with_a_mail_server_is_told_apart(
    answers: dict[str, bytes], trouble: Trouble
) -> None:
    """Each within the seconds given."""
    begun = time.monotonic()
    with ScriptedSmtp(answers) as server:
        options = plain(server.port, username="ida", password="x" * 9)
        with pytest.raises(TransportUnavailable) as told:
            smtp_look.look(options, "[transports.out]", 0.3)
    assert smtp_look.trouble(told.value) is trouble
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("name", "ends", "trouble"),
    [
        ("localhost", LONG_AGO, Trouble.EXPIRED),
        ("mail.example.org", None, Trouble.OTHER_NAME),
    ],
)
def test_a_certificate_that_does_not_hold_is_told(
    name: str, ends: datetime | None, trouble: Trouble, tmp_path: Path
) -> None:
    """One that has expired is not the same as one of another name."""
    with (
        real_smtp("tls", tmp_path, name, ends) as (_, values),
        pytest.raises(TransportUnavailable) as told,
    ):
        smtp_look.look(SmtpOptions(**values), "[transports.out]", 2)
    assert smtp_look.trouble(told.value) is trouble


def test_nobody_and_nothing_are_told_apart() -> None:
    """A name that is not there, a port where nothing listens, a file that is not there."""
    with Receiver() as closed:
        port = closed.port
    for options, trouble in (
        (plain(port), Trouble.CLOSED),
        (plain(port).model_copy(update={"host": "mail.invalid"}), Trouble.NAME),
    ):
        with pytest.raises(TransportUnavailable) as told:
            smtp_look.look(options, "[transports.out]", 2)
        assert smtp_look.trouble(told.value) is trouble
    with pytest.raises(ConfigError, match=r"\[transports.out\]: password_file: cannot read"):
        options = plain(port, username="a", password_file="/no/such")
        smtp_look.look(options, "[transports.out]", 2)


def test_a_page_is_looked_at_within_bounds() -> None:
    """Little of it is read, no redirect followed, and who drips is not waited for."""
    with Upstream() as upstream:
        upstream.always("/big", Play(body=b"x" * 10**6))
        upstream.always("/on", Play(status=302, headers={"Location": "/big"}))
        upstream.always("/slow", Play(wait=2))
        upstream.always("/cached", Play(headers={"Age": "9"}))
        big = calls.look(f"{upstream.url}/big", "test", 2)
        assert (big.status, len(big.body)) == (200, calls.LONGEST_BODY)
        assert big.date
        on = calls.look(f"{upstream.url}/on", "test", 2)
        assert (on.status, on.location) == (302, "/big")
        begun = time.monotonic()
        slow = calls.look(f"{upstream.url}/slow", "test", 0.3)
        assert (slow.status, slow.trouble) == (None, PageTrouble.SILENT)
        assert time.monotonic() - begun < 1.5
        assert calls.look(f"{upstream.url}/cached", "test", 2).date == ""
    gone = calls.look(f"{upstream.url}/big", "test", 2)
    assert (gone.status, gone.trouble) == (None, PageTrouble.CLOSED)
    nobody = calls.look("https://papers.invalid/healthz", "test", 2)
    assert (nobody.status, nobody.trouble) == (None, PageTrouble.NAME)


def test_a_pages_certificate_is_verified_and_dated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One that nobody vouches for, or has expired, is no answer."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
    for until, status, trouble in ((ends, 501, None), (LONG_AGO, None, PageTrouble.EXPIRED)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", not_after=until).configure_cert(context)
        with Receiver(context) as server:
            url = f"https://127.0.0.1:{server.port}/"
            monkeypatch.delenv("SSL_CERT_FILE", raising=False)
            assert calls.look(url, "test", 2).trouble is not PageTrouble.OTHER
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
            found = calls.look(url, "test", 2)
        assert found.status == status
        if trouble is None:
            assert found.certificate_ends == ends
        else:
            assert found.trouble is trouble


def test_a_question_is_not_waited_for_beyond_its_time() -> None:
    """What hangs, and what raises, are findings like others."""

    def hangs() -> list[object]:
        time.sleep(5)
        return []

    def breaks() -> list[object]:
        raise RuntimeError("oh")

    begun = time.monotonic()
    hung = Question(Area.PAGES, "pages", hangs, 0.2)  # type: ignore[arg-type]
    (late,) = hung.found()
    (broken,) = Question(Area.DNS, "dns", breaks, 2).found()  # type: ignore[arg-type]
    assert time.monotonic() - begun < 2
    assert (late.area, late.state) == (Area.PAGES, State.ERROR)
    assert "no answer in 0.2 seconds" in late.what
    assert "RuntimeError: oh" in broken.what
