"""What a DKIM signature costs a message, beside none and beside dkimpy, in the same run.

Each way builds the mails of the saved page's issue for as many readers; dkimpy signs what is built
without a signature, the same fields in the same canonical form. CPU time of the process; ways
alternate round by round, the median is told. Every way's last mail is verified first.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import dkim

from newsletter import dkim_keys, pipeline, sources
from newsletter.app import App
from newsletter.builder import Builder
from newsletter.config import load
from newsletter.dkim import OVERSIGNED, SIGNED, MailSigner, Selected, record_name
from newsletter.issue import Digest, Issue
from newsletter.resources import folder
from newsletter.selection import Field, Wishes
from subscribers.tokens import Purpose

DOMAIN = "example.org"
PLAIN = "none"


def issue_of_the_page(app: App) -> Issue:
    """The issue of the saved page, composed today."""
    now = datetime.now(UTC)
    page = {"path": str(folder("seeds") / "trending-papers.txt")}
    pipeline.collect(app.database, app.fetcher, [sources.build("page", page, Path.cwd())], now)
    done = pipeline.compose(app.database, app.renderer, app.catalogue, app.terms, now)
    assert done.issue is not None
    return done.issue


def digests(app: App, issue: Issue, readers: int) -> list[Digest]:
    """One digest a reader, of ten papers by one to three topics each."""
    slugs = sorted(app.catalogue.topics)
    made = []
    for at in range(readers):
        follows = [slugs[(at + step) % len(slugs)] for step in range(0, 21, 7)]
        wishes = [Wishes(follows=frozenset(follows)), Wishes()]
        mine, everybodys = Field(issue.candidates, issue.day).select(wishes)
        picks = mine.picks or everybodys.picks
        made.append(
            Digest(
                issue_name=issue.name,
                address=f"reader{at}@example.net",
                since=issue.composed_at.date(),
                picks=picks,
                due_at=issue.composed_at,
                key=app.signer.opaque(f"{issue.name}/{at}"),
                unsubscribe_token=app.signer.sign(Purpose.UNSUBSCRIBE, at),
                return_token=app.signer.sign_return(at, issue.id),
            )
        )
    return made


def by_dkimpy(content: bytes, selector: str, pem: bytes, algorithm: str) -> bytes:
    """A message that dkimpy signed, the same fields oversigned."""
    head = content.partition(b"\r\n\r\n")[0].lower()
    names = [
        name.encode()
        for name in SIGNED
        for _ in range((f"\r\n{name}:".encode() in b"\r\n" + head) + (name in OVERSIGNED))
    ]
    signature = dkim.sign(
        content,
        selector.encode(),
        DOMAIN.encode(),
        pem,
        canonicalize=(b"relaxed", b"relaxed"),
        include_headers=names,
        signature_algorithm=algorithm.encode(),
    )
    return bytes(signature) + content


def seed(pem: bytes) -> bytes:
    """An Ed25519 key as dkimpy wants it: 32 octets, the end of its PKCS #8 form, in base64."""
    der = b64decode(b"".join(pem.splitlines()[1:-1]))
    return b64encode(der[-32:])


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs every way in turn and prints the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--readers", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args(arguments)
    pems = {name: dkim_keys.generate(name) for name in ("ed25519", "rsa")}
    keys = {name: dkim_keys.read(pem, name) for name, pem in pems.items()}
    selected = {name: Selected(selector=name, key=key) for name, key in keys.items()}
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "newsletter.toml"
        file.write_text("", encoding="utf-8")
        app = App(load(file, {}))
        issue = issue_of_the_page(app)
        wanted = digests(app, issue, chosen.readers)
        app.close()

    def ours(*names: str) -> Callable[[], list[bytes]]:
        signer = MailSigner(DOMAIN, [selected[name] for name in names]) if names else None

        def run() -> list[bytes]:
            builder = Builder(issue.snapshot, signer)
            return [builder.build(one).content for one in wanted]

        return run

    def theirs(name: str) -> Callable[[], list[bytes]]:
        pem = seed(pems[name]) if name == "ed25519" else pems[name]

        def run() -> list[bytes]:
            builder = Builder(issue.snapshot)
            built = (builder.build(one).content for one in wanted)
            return [by_dkimpy(one, name, pem, keys[name].algorithm) for one in built]

        return run

    ways = {
        PLAIN: ours(),
        "Ed25519": ours("ed25519"),
        "RSA-2048": ours("rsa"),
        "both": ours("rsa", "ed25519"),
        "dkimpy Ed25519": theirs("ed25519"),
        "dkimpy RSA-2048": theirs("rsa"),
    }
    records = {record_name(name, DOMAIN): key.record().encode() for name, key in keys.items()}

    def answer(name: bytes, timeout: int = 5) -> bytes:  # noqa: ARG001  dkimpy passes it
        return records[name.decode().rstrip(".")]

    for name, way in ways.items():
        assert name == PLAIN or dkim.verify(way()[-1], dnsfunc=answer), name
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(chosen.rounds):
        for name, way in ways.items():
            before = time.process_time()
            way()
            spent[name].append((time.process_time() - before) / len(wanted) * 1e6)
    middle = {name: statistics.median(rounds) for name, rounds in spent.items()}
    size = statistics.mean(len(one) for one in ways[PLAIN]())
    print(f"{len(wanted)} mails of {size / 1000:.0f} kB on average, µs CPU a mail:")
    for name, cost in middle.items():
        print(f"{name:16} {cost:8.0f}   signature {cost - middle[PLAIN]:8.0f}")


if __name__ == "__main__":
    main()
