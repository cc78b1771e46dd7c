"""The program one would write first: a loop over readers. Run by benchmarks.digests.

For each reader Jinja and MJML make the page, `EmailMessage` makes the message, `smtplib` sends it
over one connection that is kept. What to say to whom is given ready; no ledger is kept.
"""

from __future__ import annotations

import json
import smtplib
import statistics
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import mjml
from jinja2 import Environment, Template
from markupsafe import Markup

from benchmarks import baselines
from benchmarks.metering import Meter, child, peak
from benchmarks.results import Round
from newsletter.language import load as load_language
from newsletter.look import Look
from newsletter.rendering.templates import Templates, wrap
from newsletter.resources import folder


class PlainLoop:
    """Templates, and what is the same for all readers."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told
        self._now = datetime.now(UTC)
        found = Templates(folder("templates"))

        def template(name: str) -> Template:
            text = found.included(found.find(f"digest/{name}").read_text(encoding="utf-8"))
            made = self._environment(markup=not name.endswith(".txt"))
            return made.from_string(text)

        self._shell, self._plain_shell = template("shell.mjml"), template("shell.txt")
        self._card, self._plain_card = template("card.html"), template("card.txt")
        self._heading, self._plain_heading = template("heading.html"), template("heading.txt")
        self._more, self._plain_more = template("more.html"), template("more.txt")
        self._chip = template("chip.html")

    @staticmethod
    def _environment(*, markup: bool) -> Environment:
        made = Environment(autoescape=markup, extensions=["jinja2.ext.i18n"])
        made.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
        made.filters["wrap"] = wrap
        made.globals |= {"look": Look(), "language": load_language("en"), "start": "left"}
        return made

    def message(self, digest: dict[str, Any]) -> EmailMessage:
        """The message of one reader."""
        values = self._told["shell"] | digest
        more = self._more.render(values) if digest["more"] else ""
        values |= {"cards": self._cards(digest), "more": Markup(more)}
        html = mjml.mjml2html(self._shell.render(values), fonts={})
        more = self._plain_more.render(self._told["shell"] | digest) if digest["more"] else ""
        text = self._plain_shell.render(values | {"cards": self._plain_cards(digest), "more": more})
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._told["sender"]
        mail["To"] = digest["address"]
        mail["Subject"] = digest["subject"]
        mail["Date"] = format_datetime(self._now)
        mail["Message-ID"] = f"<{digest['key']}>"
        mail["List-Id"] = self._told["list"]
        mail["List-Unsubscribe"] = f"<{digest['unsubscribe']}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail.set_content(text, cte="quoted-printable")
        mail.add_alternative(html, subtype="html", cte="quoted-printable")
        return mail

    def _cards(self, digest: dict[str, Any]) -> Markup:
        made = []
        for group in digest["groups"]:
            made.append(self._heading.render(heading=group["heading"]))
            for one in group["cards"]:
                chips = "".join(self._chip.render(name=name) for name in one["topics"])
                because = Markup(self._told["because"]).replace("{topics}", Markup(chips))
                made.append(self._card.render(self._of(one), reasons=because))
        return Markup("".join(made))

    def _plain_cards(self, digest: dict[str, Any]) -> str:
        made = []
        for group in digest["groups"]:
            made.append(self._plain_heading.render(heading=group["heading"]))
            for one in group["cards"]:
                because = self._told["because"].replace("{topics}", ", ".join(one["topics"]))
                made.append(self._plain_card.render(self._of(one), reasons=wrap(because)))
        return "".join(made)

    def _of(self, card: dict[str, Any]) -> dict[str, Any]:
        paper = self._told["papers"][card["paper"]]
        return {**paper, "vote": card["vote"], "pages": self._told["shell"]["pages"]}


def run(told: dict[str, Any], handed: Callable[[EmailMessage], object]) -> dict[str, float]:
    """Makes every digest and hands it over; CPU, wall and the bytes of a message."""
    loop = PlainLoop(told)
    with Meter() as meter:
        for digest in told["digests"]:
            handed(loop.message(digest))
    return {
        "cpu": meter.cpu,
        "wall": meter.wall,
        "peak": peak(),
        "messages": len(told["digests"]),
        "size": statistics.mean(len(loop.message(one).as_bytes()) for one in told["digests"][:20]),
    }


def measured(given: Path, digests: int, *, quick: bool = False) -> Round:
    """One run of the first digests of `given`, as benchmarks.given wrote them."""

    def send(port: int) -> dict[str, Any]:
        return child("plain_loop", str(given), str(digests), str(port))

    return baselines.measured("The plain loop", digests, send, quick=quick)


def main(arguments: Sequence[str] | None = None) -> None:
    """Sends the first digests of a folder to a port, and prints a line of JSON."""
    given, first, port = sys.argv[1:] if arguments is None else arguments
    told = json.loads((Path(given) / "digests.json").read_text(encoding="utf-8"))
    told["digests"] = told["digests"][: int(first)]
    with smtplib.SMTP("127.0.0.1", int(port)) as server:
        print(json.dumps(run(told, server.send_message)))


if __name__ == "__main__":
    main()
