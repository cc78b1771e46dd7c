"""Serves a mail to a browser on this machine, drawn anew whenever a template or a setting changes.

A page asks every half second whether something changed; only the preview's page does, no mail.
"""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from newsletter.app import App
from newsletter.cli.show import say
from newsletter.config import load
from newsletter.errors import NewsletterError

HERE = "127.0.0.1"
_RELOAD = """<script>
let seen; setInterval(async () => {
  const now = await (await fetch("/version")).text();
  if (seen !== undefined && seen !== now) location.reload(); seen = now;
}, 500);
</script>"""


def serve(app: App, draw: Callable[[App], tuple[str, str]], port: int) -> None:
    """Serves what `draw` makes, HTML and text, until it is interrupted.

    Raises NewsletterError where the port is taken.
    """

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hosts = (f"{HERE}:{self.server.server_port}", f"localhost:{self.server.server_port}")  # type: ignore[attr-defined]
            if self.headers.get("Host") not in hosts:  # a page elsewhere must not read mails
                self._answer(403, "text/plain", "This is served to this machine only.")
            elif self.path == "/version":
                self._answer(200, "text/plain", version(app))
            elif self.path in ("/", "/text"):
                self._mail()
            else:
                self._answer(404, "text/plain", "There are / and /text.")

        def _mail(self) -> None:
            try:
                again = App(load(app.config.file))
                try:
                    html, text = draw(again)
                finally:
                    again.close()
            except NewsletterError as error:
                self._answer(200, "text/html", f"<pre>{_escaped(str(error))}</pre>{_RELOAD}")
                return
            if self.path == "/text":
                page = f"<title>Text</title><pre>{_escaped(text)}</pre>{_RELOAD}"
                self._answer(200, "text/html", page)
            else:
                self._answer(200, "text/html", html.replace("</body>", f"{_RELOAD}</body>"))

        def _answer(self, status: int, kind: str, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing: the page asks twice a second."""

    try:
        server = ThreadingHTTPServer((HERE, port), Page)
    except OSError as error:
        raise NewsletterError(
            f"Port {port} cannot be had: {error.strerror}. --port names another."
        ) from error
    with server:
        say(f"http://{HERE}:{server.server_port}/ (and /text); Ctrl-C ends it.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def version(app: App) -> str:
    """Changes whenever a template, a translation or the settings file does."""
    files = [file for folder in app.templates.folders for file in sorted(folder.rglob("*"))]
    if app.config.file is not None:
        files.append(app.config.file)
    return str(hash(tuple((str(file), _changed(file)) for file in files)))


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
