"""Digests composed, built and sent a second, against the obvious program.

Run: python -m benchmarks.digests [--readers 1000] [--rounds 3]

Both make the same mails from the 70 papers of the saved page for the same readers and hand them
to the same kind of SMTP server on loopback, in a process of its own. The baseline is the loop one
would write first: choose, render MJML with Jinja for each reader, build an `EmailMessage`, send it
by `smtplib`; it keeps no ledger. Ours selects, freezes, writes the ledger, joins and sends; then
the same again with every mail signed (DKIM). CPU is this process's alone. Rounds alternate; the
median ratio is what to quote.
"""

from __future__ import annotations

import argparse
import itertools
import smtplib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import partial
from pathlib import Path

import mjml
from jinja2 import Environment, Template

from newsletter import dkim_keys, pipeline, sources
from newsletter.app import App
from newsletter.config import load
from newsletter.delivery import DeliveryState
from newsletter.language import load as load_language
from newsletter.look import Look
from newsletter.papers import Paper
from newsletter.rendering.faces import links_of
from newsletter.rendering.gist import gist
from newsletter.rendering.templates import Templates
from newsletter.rendering.tex import to_unicode
from newsletter.resources import folder
from newsletter.sources.files import FileOptions
from newsletter.sources.page import PageSource
from newsletter.sources.port import NEWS, Answer
from newsletter.store import deliveries
from newsletter.topics import Catalogue
from subscribers import store
from subscribers.model import Consent, Preferences

SETTINGS = """
[sender]
address = "daily@example.org"
postal_address = "1 Loopback Road"
[delivery]
transport = "smtp"
[transports.smtp]
host = "127.0.0.1"
port = {port}
security = "none"
"""

# Takes every message and forgets it: as little work as Python allows, so that it brakes both alike.
SINK = """
import socketserver, sys
class Sink(socketserver.StreamRequestHandler):
    wbufsize = 0
    def handle(self):
        self.wfile.write(b"220 sink\\r\\n")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go\\r\\n")
                while self.rfile.readline() != b".\\r\\n":
                    pass
            self.wfile.write(b"221 bye\\r\\n" if word == b"QUIT" else b"250 ok\\r\\n")
            if word == b"QUIT":
                return
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
Server(("127.0.0.1", int(sys.argv[1])), Sink).serve_forever()
"""


@contextmanager
def sink() -> Iterator[int]:
    """An SMTP server in a process of its own; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", SINK, str(port)])
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def interests(catalogue: Catalogue, readers: int) -> list[frozenset[str]]:
    """Three topics for each reader, in a fixed order that repeats after thousands."""
    combinations = itertools.combinations(sorted(catalogue.topics), 3)
    spread = list(itertools.islice(combinations, 0, None, 7))
    return [frozenset(spread[at % len(spread)]) for at in range(readers)]


def ours(port: int, readers: int, algorithm: str | None = None) -> tuple[float, float, int]:
    """CPU seconds, wall seconds and mails of compose and dispatch, signed where asked for."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "newsletter.toml"
        settings = SETTINGS.format(port=port)
        if algorithm is not None:
            (Path(place) / "key.pem").write_bytes(dkim_keys.generate(algorithm))
            settings += '[dkim]\nselector = "papers"\nkey_file = "key.pem"\n'
        file.write_text(settings, encoding="utf-8")
        app = App(load(file, {}))
        now = datetime.now(UTC)
        page = {"path": str(folder("seeds") / "trending-papers.txt")}
        pipeline.collect(app.database, app.fetcher, [sources.build("page", page, Path(place))], now)
        with app.database.write() as connection:
            for at, topics in enumerate(interests(app.catalogue, readers)):
                wants = Preferences(follows=topics)
                consent = Consent(at=now, form="benchmark")
                store.subscribe(connection, f"reader{at}@example.org", wants, consent)
        post = app.post("benchmark", lambda: datetime.now(UTC))
        cpu, wall = time.process_time(), time.perf_counter()
        pipeline.compose(app.database, app.renderer, app.catalogue, app.terms, now)
        with app.database.write() as connection:
            deliveries.bring_forward(connection, now)
        done = pipeline.dispatch(app.database, app.signer, post)
        spent = time.process_time() - cpu, time.perf_counter() - wall
        app.close()
    return *spent, done.states[DeliveryState.SENT]


def obvious(port: int, readers: int) -> tuple[float, float, int]:
    """The same for the program one would write first."""
    app = App(load(None, {}))
    now = datetime.now(UTC)
    path = folder("seeds") / "trending-papers.txt"
    source = PageSource("page", FileOptions(path=path))
    (request,) = source.requests(NEWS, {}, now)
    with path.open("rb") as body:
        (harvest,) = source.read(request, Answer(where=str(path), body=body), now)
    papers = harvest.papers
    wanted = interests(app.catalogue, readers)
    cpu, wall = time.process_time(), time.perf_counter()
    matches = {paper.id: app.catalogue.match(paper) for paper in papers}
    environment = Environment(autoescape=True, extensions=["jinja2.ext.i18n"])
    environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    environment.filters["wrap"] = lambda text: text
    environment.globals |= {
        "look": Look(),
        "language": load_language("en"),
        "start": "left",
        "pages": "",
        "more": "",
    }
    templates = Templates(folder("templates"))
    shell, card, text = (
        environment.from_string(
            templates.included(templates.find(f"digest/{name}").read_text(encoding="utf-8"))
        )
        for name in ("shell.mjml", "card.html", "shell.txt")
    )
    gists = {paper.id: gist(to_unicode(paper.abstract)) for paper in papers}
    sent = 0
    with smtplib.SMTP("127.0.0.1", port) as server:
        for at, topics in enumerate(wanted):
            scored = [
                (max(match.strength for match in found) * (1 - place / 140), paper)
                for place, paper in enumerate(papers)
                if (found := [one for one in matches[paper.id] if one.topic in topics])
            ]
            picks = [paper for _, paper in sorted(scored, key=lambda pair: -pair[0])[:10]]
            if not picks:
                continue
            values = {
                "title": "Trending papers",
                "day": "today",
                "occasion": "today",
                "credits": "",
                "count": f"{len(picks)} papers",
                "preheader": "",
                "address": f"reader{at}@example.org",
                "since": "today",
                "unsubscribe": "mailto:daily@example.org",
                "imprint": "1 Loopback Road",
            }
            cards = "".join(_render_card(card, paper, gists[paper.id]) for paper in picks)
            source_text = shell.render(values | {"cards": "@CARDS@"})
            html = mjml.mjml2html(source_text, fonts={}).replace("@CARDS@", cards)
            plain = text.render(
                values | {"cards": "\n\n".join(f"{p.title}\n{p.abstract}" for p in picks)}
            )
            mail = EmailMessage(policy=SMTP)
            mail["From"] = "Trending papers <daily@example.org>"
            mail["To"] = values["address"]
            mail["Subject"] = f"{to_unicode(picks[0].title)[:40]} and {len(picks) - 1} more"
            mail["Date"] = format_datetime(now)
            mail.set_content(plain, cte="quoted-printable")
            mail.add_alternative(html, subtype="html", cte="quoted-printable")
            server.send_message(mail)
            sent += 1
    spent = time.process_time() - cpu, time.perf_counter() - wall
    app.close()
    return *spent, sent


def _render_card(card: Template, paper: Paper, gist_of_it: str) -> str:
    links = links_of(paper, load_language("en"))
    return card.render(
        title=to_unicode(paper.title),
        url=links[0].url,
        meta="trending",
        gist=gist_of_it,
        note="",
        by_machine="",
        links=links,
        reasons="Because you follow it",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs both in turn and prints the medians and their ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--readers", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    programs: dict[str, Callable[[int, int], tuple[float, float, int]]] = {
        "obvious": obvious,
        "ours": ours,
        "Ed25519": partial(ours, algorithm=dkim_keys.ED25519),
        "RSA-2048": partial(ours, algorithm=dkim_keys.RSA),
    }
    results: dict[str, list[tuple[float, float, int]]] = {name: [] for name in programs}
    with sink() as port:
        for _ in range(chosen.rounds):
            for name, program in programs.items():
                results[name].append(program(port, chosen.readers))
    for name, rounds in results.items():
        cpu, wall, mails = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(
            f"{name:8} {mails:6.0f} mails  {cpu / mails * 1e6:8.0f} µs CPU a mail"
            f"  {mails / wall:7.0f} mails/s"
        )
    pairs = list(zip(results["obvious"], results["ours"], strict=True))
    cpu_ratio = statistics.median((a[0] / a[2]) / (b[0] / b[2]) for a, b in pairs)
    wall_ratio = statistics.median((b[2] / b[1]) / (a[2] / a[1]) for a, b in pairs)
    for name in ("Ed25519", "RSA-2048"):
        both = zip(results["ours"], results[name], strict=True)
        costs = statistics.median((b[0] / b[2]) / (a[0] / a[2]) for a, b in both)
        print(f"{name:8} {costs:.2f} x the CPU of ours unsigned, with each mail signed")
    print(f"ratio    {cpu_ratio:.1f} x less CPU a mail, {wall_ratio:.1f} x as many mails a second")


if __name__ == "__main__":
    main()
