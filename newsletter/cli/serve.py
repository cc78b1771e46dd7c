"""serve: readers' pages, and the letters they ask for."""

from __future__ import annotations

import secrets
import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime

import click
import uvicorn

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import complain, say
from newsletter.errors import NewsletterError
from newsletter.transports import TransportUnavailable
from newsletter.web import Site, create

LOOK = 30.0  # seconds between two looks for letters that others queued
IDLE = 10  # seconds that a connection is kept open for more
AT_ONCE = 500  # connections


@click.command(epilog="Example: newsletter serve --port 8080")
@click.option("--bind", help="The address to listen on; by default pages.bind.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; by default pages.port.")
@click.option(
    "--letters/--no-letters",
    default=True,
    show_default=True,
    help="Whether the letters that readers ask for are sent from here, right away.",
)
@pass_app
def serve(app: App, bind: str | None, port: int | None, letters: bool) -> None:
    """Serve readers' pages: subscribing, preferences, the archive, feeds.

    Put a proxy with a certificate before it, and name it in pages.proxies. Digests are sent by
    `newsletter send`; letters that readers wait for are sent from here.
    """
    own = app.settings.pages
    host, number = bind or own.bind, own.port if port is None else port
    site = Site(app)
    listening = _listen(host, number)
    where = app.settings.pages.url or f"http://{host}:{listening.getsockname()[1]}"
    config = uvicorn.Config(
        create(site),
        log_level="warning",
        access_log=False,  # addresses of pages hold tokens
        server_header=False,
        proxy_headers=bool(own.proxies),
        forwarded_allow_ips=own.proxies.replace(" ", "") if own.proxies else None,
        timeout_keep_alive=IDLE,
        limit_concurrency=AT_ONCE,
        timeout_graceful_shutdown=10,
        lifespan="on",
    )
    office = Office(app) if letters else None
    if office is not None:
        site.post = office.wake
        office.start()
    say(f"{where}/ is served on {host}:{listening.getsockname()[1]}. Stop it by Ctrl-C.")
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        if office is not None:
            office.stop()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise NewsletterError(f"Cannot listen on {host}:{port}: {error.strerror}.") from error
    return listening


class Office:
    """Sends letters as they are asked for, beside the pages."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._owner = f"pages/{secrets.token_hex(8)}"
        self._stopped = threading.Event()
        self._waiting = threading.Event()
        self._thread = threading.Thread(target=self._work, name="letters", daemon=True)
        self._told = ""

    def start(self) -> None:
        """Begins to look for letters."""
        self._thread.start()

    def wake(self) -> None:
        """Says that a letter waits."""
        self._waiting.set()

    def stop(self) -> None:
        """Ends after the letter under way."""
        self._stopped.set()
        self._waiting.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopped.is_set():
            self._waiting.clear()
            try:
                self._send()
                self._told = ""
            except (NewsletterError, TransportUnavailable) as error:
                if str(error) != self._told:  # once, not every half minute
                    complain(f"Letters wait: {error}")
                self._told = str(error)
            self._waiting.wait(LOOK)

    def _send(self) -> None:
        app = self._app
        pipeline.tidy(app.database, datetime.now(UTC))
        post = app.post(self._owner, lambda: datetime.now(UTC))
        stopped = replace(post, stopped=self._stopped.is_set, wait=False)
        pipeline.send_letters(app.database, app.desk, stopped)
