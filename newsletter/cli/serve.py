"""serve: readers' pages, and the letters they ask for."""

from __future__ import annotations

import secrets
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import FrameType

import click
import uvicorn

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import complain, say
from newsletter.errors import NewsletterError
from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.pipeline import webhooks
from newsletter.web import Site, create

LOOK = 30.0  # seconds between two looks for letters that others queued
IDLE = 10  # seconds that a connection is kept open for more
AT_ONCE = 500  # connections
FAREWELL = 20.0  # seconds for what is under way when the pages end


@click.command(epilog="Example: newsletter serve --port 8080")
@click.option("--bind", help="The address to listen on; by default pages.bind.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; by default pages.port.")
@click.option(
    "--letters/--no-letters",
    default=True,
    show_default=True,
    help="Whether letters that readers ask for are sent, and webhooks told, from here.",
)
@pass_app
def serve(app: App, bind: str | None, port: int | None, letters: bool) -> None:
    """Serve readers' pages: subscribing, preferences, the archive, feeds.

    Put a proxy with a certificate before it, and name it in pages.proxies. Digests are sent by
    `newsletter send`; letters that readers wait for are sent from here.
    """
    asked = end_asked()
    offices = _offices(app) if letters else []
    for office in offices:
        office.start()
    try:
        serve_pages(app, bind, port, offices[0].wake if offices else lambda: None, asked)
    finally:
        for office in offices:
            office.stop()


def serve_pages(
    app: App,
    bind: str | None,
    port: int | None,
    wake: Callable[[], None],
    asked: threading.Event,
) -> None:
    """Serves pages until the process is asked to end, be it before; see `end_asked`.

    `wake` is told when a letter waits.
    """
    own = app.settings.pages
    host, number = bind or own.bind, own.port if port is None else port
    site = Site(app)
    site.post = wake
    listening = _listen(host, number)
    bound = f"http://{host}:{listening.getsockname()[1]}"
    config = uvicorn.Config(
        create(site),
        log_config=None,  # ours is the one that takes what it says
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
    say(f"{bound}/ serves {own.url or bound}/. Stop it by Ctrl-C.")
    _Server(config, site, bound, asked).run(sockets=[listening])
    tell(Event.SERVE_STOPPED, where=bound)


class _Server(uvicorn.Server):
    """A server that tells when it takes visitors, and its pages when it is asked to end."""

    def __init__(
        self, config: uvicorn.Config, site: Site, bound: str, asked: threading.Event
    ) -> None:
        super().__init__(config)
        self._site = site
        self._bound = bound
        self._asked = asked  # to end before signals were the server's; it raises its own again

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to listen."""
        await super().startup(sockets)
        tell(Event.SERVE_STARTED, where=self._bound, pages=self._site.app.settings.pages.url)

    async def on_tick(self, counter: int) -> bool:
        """Whether to end, which it looks at ten times a second."""
        return await super().on_tick(counter) or self._asked.is_set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Takes a signal."""
        self._site.ending = True
        super().handle_exit(sig, frame)


def end_asked() -> threading.Event:
    """Is set, from now on, when the process is asked to end."""
    asked = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: asked.set())
    return asked


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
    """Does again and again what pages asked for, beside them: sends letters, or tells webhooks."""

    def __init__(self, name: str, work: Callable[[Callable[[], bool]], None]) -> None:
        """`work` is told how to find out whether to stop."""
        self._name = name
        self._work = work
        self._stopped = threading.Event()
        self._waiting = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def wake(self) -> None:
        """Says that there is something to do."""
        self._waiting.set()

    def stop(self) -> None:
        """Ends after what is under way, or after a while."""
        self._stopped.set()
        self._waiting.set()
        self._thread.join(FAREWELL)

    def _run(self) -> None:
        told = ""
        while not self._stopped.is_set():
            self._waiting.clear()
            try:
                self._work(self._stopped.is_set)
                told = ""
            except Exception as error:  # pages go on, and so does this
                if str(error) != told:  # once, not every half minute
                    complain(f"{self._name} wait: {error}")
                    tell(Event.OFFICE_WAITS, trouble=error, what=self._name, words=str(error))
                told = str(error)
            self._waiting.wait(LOOK)


def _offices(app: App) -> list[Office]:
    owner = f"pages/{secrets.token_hex(8)}"

    def now() -> datetime:
        return datetime.now(UTC)

    def send(stopped: Callable[[], bool]) -> None:
        pipeline.tidy(app.database, now())
        post = replace(app.post(owner, now), stopped=stopped, wait=False)
        pipeline.send_letters(app.database, app.desk, post)

    def tell(stopped: Callable[[], bool]) -> None:
        webhooks.tell(app.database, app.signer, app.caller, now, stopped)

    return [Office("Letters", send), Office("Webhooks", tell)]
