"""serve: readers' pages, and the letters they ask for."""

from __future__ import annotations

import secrets
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import complain
from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.pipeline import webhooks

LOOK = 30.0  # seconds between two looks for letters that others queued
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
    from newsletter.cli.serving import serve_pages  # here: it takes a while to load

    asked = end_asked()
    offices = _offices(app) if letters else []
    for office in offices:
        office.start()
    try:
        serve_pages(app, bind, port, offices[0].wake if offices else lambda: None, asked)
    finally:
        for office in offices:
            office.stop()


def end_asked() -> threading.Event:
    """Is set, from now on, when the process is asked to end."""
    asked = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: asked.set())
    return asked


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
