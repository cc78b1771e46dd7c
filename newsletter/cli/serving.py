"""The server of readers' pages: apart, for it takes long to load and most commands serve none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn

from newsletter.app import App
from newsletter.cli.show import say
from newsletter.errors import NewsletterError
from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.web import Site, create

IDLE = 10  # seconds that a connection is kept open for more
AT_ONCE = 500  # connections


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
