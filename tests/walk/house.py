"""An installation as it stands at somebody's: `newsletter serve` behind a proxy with TLS, and mail.

What is real: the command line, the server's process, HTTP and TLS, SMTP, the database. All of it
listens on loopback; the browser is told to find the public name there, and nothing else anywhere.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import trustme

from tests.commands import PAGE, ROOT, newsletter, prepare
from tests.contract.real_smtp import Server

HOST = "papers.example.org"
HOME = f"https://{HOST}"
PATIENCE = 60  # seconds for a letter, or for the server to start
SETTINGS = """\
title = "Papers"
[sender]
address = "daily@papers.example.org"
postal_address = "1 Example Road, Oslo"
[pages]
url = "{home}"
least_seconds = 0
[delivery]
transport = "smtp"
[transports.smtp]
host = "127.0.0.1"
port = {port}
security = "none"
"""
_SERVED = re.compile(r"http://127\.0\.0\.1:(\d+)/ serves ")


class Letterbox:
    """The mailboxes of everybody: takes what SMTP brings, and waits for what is still to come."""

    def __init__(self) -> None:
        self._mails: list[tuple[str, EmailMessage]] = []
        self._came = threading.Condition()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Takes a message."""
        mail = message_from_bytes(envelope.original_content, policy=policy.default)
        with self._came:
            self._mails += [(name, mail) for name in envelope.rcpt_tos]
            self._came.notify_all()
        return "250 2.0.0 taken"

    def take(self, address: str, link: str) -> Letter:
        """Takes the first mail to an address with such a link in it, out of the mailbox."""

        def found() -> Letter | None:
            for at, (name, mail) in enumerate(self._mails):
                if name == address and f"{HOME}/{link}/" in (one := Letter(mail)).text:
                    del self._mails[at]
                    return one
            return None

        with self._came:
            one = self._came.wait_for(found, PATIENCE)
        assert one is not None, f"No mail to {address} has a link to /{link}/."
        return one


class Letter:
    """A mail as its reader sees it."""

    def __init__(self, mail: EmailMessage) -> None:
        self.mail = mail
        part = mail.get_body(("plain",))
        assert part is not None
        self.text: str = part.get_content()

    def link(self, path: str, ending: str = "") -> str:
        """The first link to such a page."""
        found = re.search(rf"{re.escape(HOME)}/{path}/\S+{ending}", self.text)
        assert found is not None, self.text
        return found[0]


@dataclass(frozen=True, kw_only=True)
class House:
    """Where it runs, and who is written to."""

    place: Path
    box: Letterbox
    port: int  # of the proxy

    def run(self, *words: str) -> str:
        """Runs a command as the operator does; what it prints."""
        done = newsletter(self.place, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def rules(self) -> str:
        """Where a browser finds hosts: ours here, all others nowhere."""
        return f"--host-resolver-rules=MAP {HOST} 127.0.0.1:{self.port}, MAP * 127.0.0.1:9"

    def post(self, url: str, **told: Any) -> httpx.Response:
        """What a mail program's server asks for."""
        authority = ssl.create_default_context(cafile=str(self.place / "ca.pem"))
        with httpx.Client(verify=authority, trust_env=False) as client:
            return client.post(
                url.replace(HOST, f"127.0.0.1:{self.port}"),
                headers={"Host": HOST},
                extensions={"sni_hostname": HOST},
                **told,
            )


@contextmanager
def house(place: Path) -> Iterator[House]:
    """An installation with today's papers, an issue of today, and its pages served."""
    prepare(place, ("collect", str(PAGE)))
    box = Letterbox()
    server = Server(box, hostname="127.0.0.1", port=0)
    server.start()
    try:
        settings = SETTINGS.format(home=HOME, port=server.port)
        (place / "newsletter.toml").write_text(settings, encoding="utf-8")
        assert newsletter(place, "compose").returncode == 0
        with _served(place) as port, _proxy(place, port) as front:
            yield House(place=place, box=box, port=front)
    finally:
        server.stop()


@contextmanager
def _served(place: Path) -> Iterator[int]:
    """`newsletter serve` in a process of its own; the port it took."""
    clean = {name: value for name, value in os.environ.items() if "NEWSLETTER" not in name}
    with (place / "served.txt").open("w+", encoding="utf-8") as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "newsletter", "serve", "--port", "0"],
            cwd=place,
            env=clean | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=told,
            stderr=subprocess.STDOUT,
        )
        try:
            yield _port(process, place / "served.txt")
        finally:
            process.terminate()
            assert process.wait(PATIENCE) in (0, -15)


def _port(process: subprocess.Popen[bytes], told: Path) -> int:
    def found() -> int | None:
        assert process.poll() is None, told.read_text(encoding="utf-8")
        served = _SERVED.search(told.read_text(encoding="utf-8").replace("\n", " "))
        if served is None:
            return None
        with suppress(httpx.TransportError):
            asked = httpx.get(f"http://127.0.0.1:{served[1]}/healthz", trust_env=False)
            return int(served[1]) if asked.status_code == 200 else None
        return None

    return until(found)


def until(found: Callable[[], int | None]) -> int:
    """What is there at last; asked for anew until it is."""
    ends_at = time.monotonic() + PATIENCE
    while (one := found()) is None:
        assert time.monotonic() < ends_at, "It did not come in time."
        time.sleep(0.02)
    return one


@contextmanager
def _proxy(place: Path, behind: int) -> Iterator[int]:
    """What stands before the pages and has the certificate; the port it took."""
    authority = trustme.CA()
    (place / "ca.pem").write_bytes(authority.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    loop = asyncio.new_event_loop()
    talks: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while part := await reader.read(1 << 16):
                writer.write(part)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = asyncio.current_task()
        assert mine is not None
        talks.add(mine)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", behind)
            await asyncio.gather(carry(reader, back), carry(there, writer))
        finally:
            talks.discard(mine)

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)

    async def end() -> None:
        server.close()
        for one in list(talks):
            one.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    server = loop.run_until_complete(listen())
    thread = threading.Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
