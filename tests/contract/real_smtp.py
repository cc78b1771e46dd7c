"""A real mail server on loopback, with real TLS and a login, that keeps what it takes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

USER, PASSWORD = "ida", "søte drømmer"  # letters outside ASCII: RFC 4616 2 has them


class Sink:
    """Keeps messages of who had logged in."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []
        self.recipients: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Takes a message."""
        if not session.authenticated:
            return "530 5.7.0 log in first"
        self.contents.append(envelope.original_content)
        self.recipients += envelope.rcpt_tos
        return "250 2.0.0 taken"


class Server(Controller):
    """Listens on whatever port is free, and lets its connections end before it does."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]  # it connects to itself to begin
        super()._trigger_server()

    def stop(self, no_assert: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self._settled(), self.loop).result(10)
        super().stop(no_assert)

    async def _settled(self) -> None:
        mine = asyncio.current_task()
        if talks := [one for one in asyncio.all_tasks() if one is not mine]:
            await asyncio.wait(talks, timeout=5)
        await asyncio.sleep(0.05)  # what a socket still has to be told after its talk


@contextmanager
def real_smtp(
    security: str, folder: Path, name: str = "localhost", ends: datetime | None = None
) -> Iterator[tuple[Sink, dict[str, Any]]]:
    """The sink, and the options that reach it; the certificate is for `name`, until `ends`."""
    authority = trustme.CA()
    (folder / "ca.pem").write_bytes(authority.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=ends).configure_cert(context)
    sink = Sink()
    server = Server(
        sink,
        hostname="127.0.0.1",
        port=0,
        authenticator=_known,
        auth_require_tls=security == "starttls",  # it takes no other TLS for TLS
        tls_context=context if security == "starttls" else None,
        ssl_context=context if security == "tls" else None,
    )
    server.start()
    try:
        yield (
            sink,
            {
                "host": "localhost",
                "port": server.port,
                "security": security,
                "ca_file": folder / "ca.pem",
                "username": USER,
                "password": PASSWORD,
            },
        )
    finally:
        server.stop()


def _known(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
    right = given == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)  # not handled: it gives the answer itself
