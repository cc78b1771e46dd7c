"""newsletter doctor as a real process, against whole installations, well and sick."""

from __future__ import annotations

import json
import socket
import sqlite3
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from newsletter.store import source_states
from newsletter.store.database import HEAD, Database
from tests.commands import PAGE, newsletter, prepare, refused, start
from tests.contract.real_smtp import PASSWORD, USER, real_smtp
from tests.contract.upstream import Play, Upstream
from tests.dns_server import DnsServer
from tests.receiver import Receiver
from tests.test_doctor_cli import zone

HOME = "paperlab.io"
STAYS = {"SENDER__ADDRESS": f"daily@{HOME}"}


def ran(place: Path, *words: str, **settings: str) -> tuple[int, list[dict[str, Any]]]:
    """How the doctor ended, and what it found."""
    done = newsletter(place, "doctor", "--json", *words, **STAYS | settings)
    assert "Traceback" not in done.stderr, done.stderr
    report = json.loads(done.stdout)
    assert report["healthy"] is (done.returncode == 0)
    return done.returncode, report["findings"]


def of(found: list[dict[str, Any]], area: str, *states: str) -> list[str]:
    """What was found in an area, with what to do."""
    return [
        f"{one['check']}: {one['what']} {one['do']}"
        for one in found
        if one["area"] == area and (not states or one["state"] in states)
    ]


def mail_server(name: str, options: dict[str, Any], **more: str) -> dict[str, str]:
    """The settings of a transport that reaches a server."""
    told = {key: str(value) for key, value in options.items()} | more
    return {
        f"TRANSPORTS__{name.upper()}__{key.upper()}": value
        for key, value in {"kind": "smtp", **told}.items()
    }


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An installation with papers and a reader, whose sources were just asked."""
    made = prepare(tmp_path, ("subscribe", "asa@example.org"), ("collect", str(PAGE)))
    sources_were(made, succeeded_at=datetime.now(UTC))
    return made


def sources_were(place: Path, **changes: Any) -> None:
    """Keeps how the last runs of all sources went."""
    database = Database(f"sqlite:///{place}/newsletter.db")
    with database.write() as connection:
        for name in ("huggingface", "arxiv"):
            changes = {"started_at": datetime.now(UTC)} | changes
            source_states.put(connection, name, **changes)
    database.close()


def listens(url: str) -> bool:
    """Whether somebody takes connections there."""
    port = int(url.rstrip("/").rpartition(":")[2])
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def served(place: Path) -> Iterator[str]:
    """The pages of an installation, and their address."""
    out = place.parent / f"{place.name}.out"
    with out.open("wb") as file:
        running = start(place, ["serve", "--port", "0"], {}, file, file)
        try:
            ends = time.monotonic() + 30
            url = ""
            while not url or not listens(url):
                told = out.read_text(encoding="utf-8").splitlines()  # with the log's lines
                url = next((line.split()[0] for line in told if " serves " in line), "")
                assert running.runs(), told
                assert time.monotonic() < ends
                time.sleep(0.02)
            yield url.rstrip("/")
        finally:
            running.kill()
            running.wait()


def test_a_healthy_installation_ends_with_0(place: Path, tmp_path: Path) -> None:
    """Database, folders, templates, sources, login and pages are well; nothing is sent or made."""
    before = {file: file.read_bytes() for file in place.iterdir() if file.suffix in (".db", ".key")}
    authority = tmp_path / "tls"
    authority.mkdir()
    with (
        real_smtp("starttls", authority) as (sink, options),
        served(place) as url,
        DnsServer(zone("")) as dns,
    ):
        mine = {"DELIVERY__TRANSPORT": "out", "PAGES__URL": url, "REPORT__TO": f"ida@{HOME}"}
        mine |= mail_server("out", options)
        mine |= {"DOCTOR__NAMESERVERS": "127.0.0.1", "DOCTOR__PORT": str(dns.port)}
        code, found = ran(place, **mine)
        people = newsletter(place, "doctor", **STAYS | mine)
    assert [one for one in found if one["state"] == "error"] == []
    assert code == 0
    assert sink.contents == []
    assert {one["area"] for one in found} >= {"configuration", "database", "clock", "pages"}
    assert of(found, "database", "warning", "skipped") == []
    assert of(found, "templates", "warning", "skipped") == []
    assert len(of(found, "sources", "ok")) == 2
    server, login, certificate = of(found, "transports", "ok")
    assert "by TLSv1" in server
    assert "8BITMIME, SMTPUTF8; without PIPELINING" in server
    assert f"login of {USER}" in login
    assert "is valid for" in certificate
    assert PASSWORD not in people.stdout
    assert "know its key" in of(found, "pages", "ok")[1]
    assert "agrees with that of http://127.0.0.1" in of(found, "clock", "ok")[1]
    assert people.returncode == 0
    assert people.stdout.index("Configuration") < people.stdout.index("Transports")
    assert {file: file.read_bytes() for file in before} == before


def test_a_sick_installation_is_told_all_at_once(place: Path, tmp_path: Path) -> None:
    """No trouble hides another, and each says what to do; the end is 1."""
    sources_were(place, succeeded_at=datetime.now(UTC) - timedelta(days=3), failures=4, error="500")
    card = place / "mine" / "digest" / "card.html"
    card.parent.mkdir(parents=True)
    card.write_text("{{ nothing }}", encoding="utf-8")
    (place / "file").touch()
    key = place / "secret.key"
    key.write_text("k" * 43, encoding="utf-8")
    key.chmod(0o644)
    soon = datetime.now(UTC) + timedelta(days=10)
    with socket.socket() as nobody, trouble(tmp_path, soon) as servers, DnsServer({}) as dns:
        nobody.bind(("127.0.0.1", 0))  # taken, and deaf
        code, found = ran(
            place,
            **servers,
            DELIVERY__TRANSPORT="wrong, soon, deaf, strange, none, box",
            **mail_server("deaf", {"host": "127.0.0.1", "port": nobody.getsockname()[1]}),
            TRANSPORTS__BOX__KIND="maildir",
            TRANSPORTS__BOX__PATH="file/mail",
            LOOK__TEMPLATES="mine",
            PAGES__URL=f"https://127.0.0.1:{nobody.getsockname()[1]}",
            PAGES__HOSTS=HOME,
            DATABASE__URL="sqlite:///newsletter.db",
            DOCTOR__NAMESERVERS="127.0.0.1",
            DOCTOR__PORT=str(dns.port),
        )
    assert code == 1
    assert any("pages.hosts does not name 127.0.0.1" in x for x in of(found, "configuration"))
    assert any("secret.key" in x for x in of(found, "configuration", "warning"))
    assert any("report.to" in x for x in of(found, "configuration", "warning"))
    (folder,) = of(found, "folders", "error")
    assert "file/mail" in folder
    (template,) = of(found, "templates", "error")
    assert "card.html, line 1: 'nothing' is undefined" in template
    assert [x.count("failed 4 times in a row") for x in of(found, "sources", "error")] == [1, 1]
    login, deaf, strange, none = of(found, "transports", "error")
    assert "there is no [transports.none]" in none
    assert "does not accept the login of ida" in login
    assert "transports.wrong.username" in login
    assert "nothing listens there" in deaf
    assert "transports.strange.ca_file" in strange
    assert "certificate that is not trusted" in strange
    (ending,) = of(found, "transports", "warning")
    assert "valid for 9 days" in ending
    (pages,) = of(found, "pages", "error")
    assert "newsletter run" in pages
    assert "does not answer" in pages


@contextmanager
def trouble(place: Path, ends: datetime) -> Iterator[dict[str, str]]:
    """Three mail servers: for a wrong password, a certificate that ends, one nobody vouches for."""
    for name in ("a", "b", "other"):
        (place / name).mkdir()
    (place / "other" / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    with (
        real_smtp("starttls", place / "a") as (_, wrong),
        real_smtp("tls", place / "b", ends=ends) as (_, soon),
    ):
        strange = wrong | {"ca_file": place / "other" / "ca.pem"}
        yield (
            mail_server("wrong", wrong, password="guess")
            | mail_server("soon", soon)
            | mail_server("strange", strange)
        )


def test_a_database_of_an_older_version_is_told_and_left(place: Path) -> None:
    """`doctor` migrates nothing; sources are not asked, whose turns stand there."""
    file = place / "newsletter.db"
    with closing(sqlite3.connect(file)) as own:
        own.execute("UPDATE alembic_version SET version_num = '0011'")
        own.commit()
    code, found = ran(place, "--sources")
    assert code == 0
    (schema,) = of(found, "database", "warning")
    assert "0011" in schema
    assert "newsletter db upgrade" in schema
    assert len(of(found, "sources", "skipped")) == 1
    with closing(sqlite3.connect(file)) as own:
        assert own.execute("SELECT version_num FROM alembic_version").fetchall() == [("0011",)]


def test_a_broken_file_is_an_error_and_hides_nothing(place: Path) -> None:
    """Neither its being a database at all; --offline says what was not asked."""
    (place / "newsletter.db").write_bytes(b"this is no database" * 100)
    code, found = ran(place, "--offline", PAGES__URL="https://papers.paperlab.io")
    assert code == 1
    (broken,) = of(found, "database", "error")
    assert "damaged" in broken
    assert "db restore" in broken
    assert of(found, "templates", "ok")
    assert "--offline" in of(found, "pages", "skipped")[0]
    assert "--offline" in of(found, "dns", "skipped")[0]


def test_a_database_that_is_not_told_hides_nothing(tmp_path: Path) -> None:
    """Settings, folders and the rest are judged all the same."""
    code, found = ran(tmp_path, "--offline", DATABASE__URL_FILE="gone", REPORT__EDITOR="e@b.io")
    assert code == 1
    assert {one["check"] for one in found if one["state"] == "error"} == {"key", "database"}
    assert "database.url_file: cannot read" in of(found, "database", "error")[0]
    assert any("maildir.path" in one for one in of(found, "folders", "ok"))


def test_a_server_that_has_no_schema_is_an_error(
    tmp_path: Path, postgres_database_url: str
) -> None:
    """It is for `db upgrade` to make; then its clock is compared."""
    mine = {"DATABASE__URL": postgres_database_url, "SECRET": "s" * 40}
    code, found = ran(tmp_path, "--offline", **mine)
    assert code == 1
    (schema,) = of(found, "database", "error")
    assert "newsletter db upgrade" in schema
    assert newsletter(tmp_path, "db", "upgrade", **mine).returncode == 0
    code, found = ran(tmp_path, "--offline", **mine)
    assert code == 0, found
    assert HEAD in of(found, "database", "ok")[1]
    assert any("the database server's" in one for one in of(found, "clock", "ok"))


def test_sources_are_asked_where_wanted(place: Path) -> None:
    """One answers, one does not; nothing is kept of it, and the rest is told."""
    with Upstream() as upstream:
        late = {"Date": "Wed, 11 Mar 2020 10:00:00 GMT"}
        upstream.always("/feed", Play(body=FEED, kind="application/atom+xml", headers=late))
        (place / "newsletter.toml").write_text(
            f'[sources.good]\nkind = "feed"\nurl = "{upstream.url}/feed"\n'
            f'[sources.gone]\nkind = "feed"\nurl = "{upstream.url}/gone"\n',
            encoding="utf-8",
        )
        code, found = ran(place, "--sources")
    assert code == 1
    assert any("good answers in" in one and "1 paper" in one for one in of(found, "sources"))
    (gone,) = of(found, "sources", "error")
    assert "gone could not be read now" in gone
    assert "404" in gone
    assert len(upstream.asked) == 2


FEED = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>f</title><id>f</id>
<entry><id>1</id><title>A paper</title><link href="https://arxiv.org/abs/2603.00001"/>
<updated>2026-03-11T10:00:00Z</updated></entry></feed>"""


def test_pages_that_are_not_ours_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody answers with a good certificate that ends, but not as our pages do."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ends = datetime.now(UTC) + timedelta(days=2, hours=1)
    authority.issue_cert("127.0.0.1", not_after=ends).configure_cert(context)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with Receiver(context) as other:
        code, found = ran(tmp_path, PAGES__URL=f"https://127.0.0.1:{other.port}")
    assert code == 1
    assert len(of(found, "pages", "error")) == 2, found
    strange, certificate = of(found, "pages", "error")
    assert "/healthz answers" in strange
    assert "valid for 2 days" in certificate


def test_who_is_offline_asks_nobody(tmp_path: Path) -> None:
    """Options that contradict each other are refused."""
    done = newsletter(tmp_path, "doctor", "--offline", "--sources")
    refused(done, 2, "--offline", "--sources")
