"""One message's bytes: from a row of the ledger, and by templates and `EmailMessage`.

Run: python -m benchmarks.build [--messages 1000] [--rounds 5]

Ours reads the picks of a delivery, makes its tokens and joins what was frozen; signed too. The
plain loop's share of it, as in benchmarks.digests, is Jinja, MJML and `EmailMessage`; "with its
parts ready" is `EmailMessage` alone. All in one process, in turn; CPU time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks import given, results
from benchmarks.metering import Meter, alternated, machine
from benchmarks.plain_loop import PlainLoop
from benchmarks.publication import Manner, algorithm, prepare
from benchmarks.results import OURS, Result, Round
from newsletter import dkim_keys
from newsletter.dkim import MailSigner, Selected
from newsletter.pipeline import Edition
from newsletter.store import issues, ledger

SLOW = 200  # messages a round of what takes milliseconds
DRAWN = 1000  # readers the messages are for
PLAIN, PARTS = "plain Python loop", "EmailMessage, its parts ready"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints a table and keeps the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=Path, metavar="FILE", help="where lines of JSON are kept")
    asked = parser.parse_args(arguments)
    messages: int = asked.messages
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as place:
        programs = _programs(Path(place), min(messages, DRAWN), messages)
        rounds = alternated(programs, asked.rounds)
    found = [
        Result(
            bench="build",
            program=name,
            number=messages,
            measured=messages if name.startswith(OURS) else min(SLOW, messages),
            rounds=some,
            unit="message",
            terms=machine(),
        )
        for name, some in rounds.items()
    ]
    results.keep(asked.results, found)
    results.show(found)


def _programs(place: Path, readers: int, messages: int) -> dict[str, Callable[[], Round]]:
    seed = prepare(place, readers, Manner())
    app = seed.app(place, port=25, manner=Manner())
    given.write(app, readers, place)
    now = datetime.now(UTC)
    with app.database.read() as connection:
        due = ledger.due(connection, now, limit=readers, early=True)
        issue = issues.by_id(connection, due[0].issue_id)
    signer = app.signer
    app.close()
    programs: dict[str, Callable[[], Round]] = {}
    for name in ("", "ed25519", "rsa"):
        edition = Edition(issue, signer, _mail_signer(name) if name else None)

        def built(edition: Edition = edition) -> Round:
            return _round(lambda one: edition.message(one).content, due, messages)

        programs[f"{OURS}, signed {name}" if name else OURS] = built
    told = json.loads((place / "digests.json").read_text(encoding="utf-8"))
    mail = message_from_bytes((place / "ours.eml").read_bytes(), policy=SMTP)
    few = min(SLOW, messages)
    loop = PlainLoop(told)
    programs[PARTS] = partial(_round, _enveloped(mail), told["digests"], few)
    programs[PLAIN] = partial(
        _round, lambda one: loop.message(one).as_bytes(), told["digests"], few
    )
    return programs


def _mail_signer(name: str) -> MailSigner:
    key = dkim_keys.read(dkim_keys.generate(algorithm(name)), "a key")
    return MailSigner("example.org", [Selected(selector="papers", key=key)])


def _enveloped(mail: Any) -> Callable[[dict[str, Any]], bytes]:
    """Makes a message of the two parts of another."""
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    headers = [(name, mail[name]) for name in ("From", "Subject", "Date", "List-Id")]

    def made(digest: dict[str, Any]) -> bytes:
        one = EmailMessage(policy=SMTP)
        for name, value in headers:
            one[name] = str(value)
        one["To"] = digest["address"]
        one.set_content(text, cte="quoted-printable")
        one.add_alternative(html, subtype="html", cte="quoted-printable")
        return one.as_bytes()

    return made


def _round(build: Callable[[Any], bytes], over: Iterable[Any], messages: int) -> Round:
    chosen = list(islice(cycle(over), messages))
    size = 0
    with Meter() as meter:
        for one in chosen:
            size += len(build(one))
    each = 1e6 / messages
    return Round(cpu=meter.cpu * each, wall=meter.wall * each, size=size / messages)


if __name__ == "__main__":
    main()
