"""Caddy and nginx, set up as docs/deploy/ has it, before pages that are really served."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trustme

from tests.commands import start
from tests.deploying import DEPLOY
from tests.test_deploy_container import health

NAME = "papers.example.org"
TOKEN = "a-token-that-no-log-may-have"
PATIENCE = 30  # seconds; it takes one
SETTINGS = {  # beside those of docs/deploy/
    "NEWSLETTER_CONFIG": str(DEPLOY / "newsletter.toml"),
    "NEWSLETTER_DELIVERY__TRANSPORT": "maildir",
    "NEWSLETTER_PAGES__ASKS_PER_NETWORK": "1",
    "NEWSLETTER_PAGES__LEAST_SECONDS": "0",
}


WORDS = ("serve", "--no-letters", "--port", "0")


@dataclass(frozen=True)
class Proxy:
    """One that runs before pages that run."""

    port: int
    folder: Path
    trusted: ssl.SSLContext

    def visitor(self, address: str = "127.0.0.1") -> httpx.Client:
        """A browser on another address of this machine."""
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}",
            headers={"Host": NAME},
            transport=_Named(verify=self.trusted, local_address=address),
            timeout=PATIENCE,
        )

    def logged(self) -> str:
        """All that it wrote down."""
        return "".join(file.read_text(errors="replace") for file in self.folder.glob("*.log"))


class _Named(httpx.HTTPTransport):
    """Asks for the name that the certificate has, wherever it is here."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = NAME
        return super().handle_request(request)


def free() -> int:
    """A port that nobody listens on."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def until_it_listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits for a process to take connections."""
    ends_at = time.monotonic() + PATIENCE
    while not answers(port):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < ends_at, log.read_text()
        time.sleep(0.02)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs certificates here."""
    return trustme.CA()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of pages that are served with the settings of docs/deploy/."""
    folder = tmp_path_factory.mktemp("pages")
    settings = SETTINGS | {"NEWSLETTER_DATABASE__URL": f"sqlite:///{folder}/newsletter.db"}
    out = folder / "out"
    with out.open("wb") as opened:
        running = start(folder, WORDS, settings, opened, opened)
        ends_at = time.monotonic() + PATIENCE
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)/", out.read_text())):
            assert running.runs(), out.read_text()
            assert time.monotonic() < ends_at
            time.sleep(0.02)
        while not answers(int(found[1])):  # it says so before it takes anybody
            assert running.runs(), out.read_text()
            time.sleep(0.02)
        yield int(found[1])
        os.kill(running.pid, signal.SIGTERM)
        assert running.wait() == 0
    assert "Error" not in out.read_text()


def nginx(folder: Path, port: int, pages: int) -> list[str]:
    """Its configuration, on ports and in a folder of the test."""
    site = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    site = re.sub(r"listen \[::\].*\n", "", site)
    site = site.replace("listen 80;", f"listen 127.0.0.1:{free()};")
    site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    site = site.replace("127.0.0.1:8080", f"127.0.0.1:{pages}")
    site = site.replace(f"/etc/letsencrypt/live/{NAME}/", f"{folder}/")
    site = site.replace("/var/log/nginx/", f"{folder}/")
    own = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "site.conf").write_text(site, encoding="utf-8")
    (folder / "main.conf").write_text(
        f"{user}daemon off;\npid {folder}/pid;\nerror_log {folder}/main.log;\n"
        f"events {{}}\nhttp {{\n{own}include {folder}/site.conf;\n}}\n",
        encoding="utf-8",
    )
    command = ["nginx", "-c", str(folder / "main.conf"), "-e", str(folder / "start.log")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=PATIENCE)
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr
    return command


def caddy(folder: Path, port: int, pages: int) -> list[str]:
    """Its configuration, on a port and with a certificate of the test."""
    told = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    own = "{\n\tadmin off\n\tauto_https disable_redirects\n"
    certificate = f"{folder}/fullchain.pem {folder}/privkey.pem"
    site = f"https://{NAME}:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate}\n"
    told = told.replace("{\n", own, 1).replace(f"{NAME} {{\n", site)
    told = told.replace("127.0.0.1:8080}", f"127.0.0.1:{pages}}}")
    (folder / "Caddyfile").write_text(told, encoding="utf-8")
    given = ["--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    checked = subprocess.run(
        ["caddy", "validate", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile"],
        env=os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert checked.returncode == 0, checked.stderr
    return ["caddy", "run", *given]


Conf = Callable[[Path, int, int], list[str]]


@contextmanager
def running(conf: Conf, folder: Path, pages: int, authority: trustme.CA) -> Iterator[Proxy]:
    """A proxy before the pages at a port."""
    if shutil.which(conf.__name__) is None:
        pytest.skip(f"{conf.__name__} is not installed: apt-get install {conf.__name__}")
    certificate = authority.issue_cert(NAME)
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(folder / "fullchain.pem", append=True)
    certificate.private_key_pem.write_to_path(folder / "privkey.pem")
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    port = free()
    command = conf(folder, port, pages)
    out = folder / "out.log"
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with out.open("wb") as opened:
        process = subprocess.Popen(
            command, stdout=opened, stderr=opened, env=os.environ | home, cwd=folder
        )
        try:
            until_it_listens(port, process, out)
            yield Proxy(port=port, folder=folder, trusted=trusted)
        finally:
            process.terminate()
            process.wait(PATIENCE)


@pytest.fixture(scope="module", params=[caddy, nginx], ids=["caddy", "nginx"])
def conf(request: pytest.FixtureRequest) -> Conf:
    """Each of them."""
    found: Conf = request.param
    return found


@pytest.fixture(scope="module")
def proxy(
    conf: Conf, pages: int, authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """It, before the pages."""
    with running(conf, tmp_path_factory.mktemp(conf.__name__), pages, authority) as started:
        yield started


def by_the_pages(answer: httpx.Response | http.client.HTTPResponse) -> bool:
    """Whether the pages gave the answer, not the proxy."""
    return "Content-Security-Policy" in answer.headers


def test_pages_are_passed_on_once_and_whole(proxy: Proxy):
    """The front page by TLS, with each header of ours once, HSTS too."""
    with proxy.visitor() as visitor:
        answer = visitor.get("/")
    assert answer.status_code == 200
    assert 'name="address"' in answer.text
    assert answer.headers.get_list("Strict-Transport-Security") == ["max-age=31536000"]
    assert by_the_pages(answer)


@pytest.mark.parametrize("path", ["/metrics", "/metrics?a=b", "/metrics/", "/%6detrics"])
def test_numbers_for_operators_are_not_for_the_world(proxy: Proxy, path: str):
    """The proxy itself says that there is nothing, however it is written."""
    asking = http.client.HTTPSConnection("127.0.0.1", proxy.port, timeout=PATIENCE)
    asking.sock = proxy.trusted.wrap_socket(
        socket.create_connection(("127.0.0.1", proxy.port)), server_hostname=NAME
    )
    asking.request("GET", path, headers={"Host": NAME})
    answer = asking.getresponse()
    assert answer.status == 404
    assert not by_the_pages(answer)
    asking.close()


def ask(visitor: httpx.Client, **headers: str) -> httpx.Response:
    """Asks for a mail with the link, by the form."""
    found = re.search(r'name="t" value="([^"]+)"', visitor.get("/lost").text)
    assert found is not None
    form = {"address": "asa@example.org", "t": found[1]}
    return visitor.post("/lost", data=form, headers=headers)


def test_who_asks_is_believed_of_the_proxy_and_not_of_the_visitor(proxy: Proxy, conf: Conf):
    """Each network may ask once here: another may still, one that says it is another may not."""
    own = 1 if conf is caddy else 101
    with proxy.visitor(f"127.0.{own}.1") as first, proxy.visitor(f"127.0.{own + 1}.1") as second:
        assert ask(first).status_code == 200
        refused = ask(first, **{"X-Forwarded-For": "198.51.100.7"})
        assert refused.status_code == 429
        assert by_the_pages(refused)
        assert ask(second).status_code == 200


def test_what_is_too_large_goes_no_further(proxy: Proxy, conf: Conf):
    """A body over 64 KiB is refused, by the proxy or by the pages."""
    refusals = {413} if conf is nginx else {413, 502}  # Caddy may miss why the pages hung up
    with proxy.visitor() as visitor:
        for size in (70_000, 1_000_000):
            try:
                assert visitor.post("/subscribe", content=b"a" * size).status_code in refusals
            except httpx.RemoteProtocolError:
                assert conf is caddy  # which hangs up itself while it is sent more


def test_no_log_has_an_address_of_a_page(
    proxy: Proxy, conf: Conf, authority: trustme.CA, tmp_path: Path
):
    """Neither where the pages answer nor where they cannot be reached."""
    path = f"/u/{TOKEN}"
    with proxy.visitor() as visitor:
        assert visitor.get(path).status_code == 400
    assert TOKEN not in proxy.logged()
    with running(conf, tmp_path, free(), authority) as alone, alone.visitor() as visitor:
        assert visitor.get(path, headers={"Referer": f"https://{NAME}{path}"}).status_code == 502
        ends_at = time.monotonic() + PATIENCE
        while not re.search(r"\b502\b", alone.logged()):
            assert time.monotonic() < ends_at
            time.sleep(0.02)
        assert TOKEN not in alone.logged()


def test_nginx_holds_up_forms_and_never_unsubscribing(proxy: Proxy, conf: Conf):
    """Whoever sends forms in a row has to wait; one click of a mail client does not."""
    if conf is not nginx:
        return
    with proxy.visitor("127.0.201.1") as visitor:
        forms = [visitor.post("/lost", data={"address": "bo@example.org"}) for _ in range(14)]
        held = [answer for answer in forms if not by_the_pages(answer)]
        assert held
        assert {answer.status_code for answer in held} == {429}
        assert by_the_pages(forms[0])
        for _ in range(80):
            clicked = visitor.post(f"/u/{TOKEN}", data={"List-Unsubscribe": "One-Click"})
            assert by_the_pages(clicked)


def test_the_image_finds_out_whether_it_is_well(pages: int):
    """The command of its HEALTHCHECK ends with 0 where pages answer, else not."""
    _, *arguments = health()
    for port, well in ((pages, True), (free(), False)):
        told = [one.replace(":8080/", f":{port}/") for one in arguments]
        assert told != arguments
        done = subprocess.run([sys.executable, *told], capture_output=True, timeout=PATIENCE)
        assert (done.returncode == 0) is well, done.stderr
