"""The noun dkim: keys for those whose relay does not sign."""

from __future__ import annotations

import os
from pathlib import Path

import click

from newsletter import dkim_keys
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import say
from newsletter.dkim import quoted_strings, record_name
from newsletter.dkim_keys import PrivateKey
from newsletter.errors import ConfigError, NewsletterError, RequestError
from newsletter.settings import HOST


@click.group()
def dkim() -> None:
    """Signatures of the mail, and their keys."""


@dkim.command("keygen", epilog="Example: newsletter dkim keygen --selector papers1")
@click.option("--selector", "-s", required=True, help="The key's name in the DNS.")
@click.option(
    "--algorithm",
    type=click.Choice([dkim_keys.RSA, dkim_keys.ED25519]),
    default=dkim_keys.RSA,
    show_default=True,
    help="Every verifier knows rsa; ed25519 is faster and better as a second.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file of the private key; by default dkim-SELECTOR.pem beside the settings.",
)
@pass_app
def keygen(app: App, selector: str, algorithm: str, out: Path | None) -> None:
    """Make a private key, and tell what to put into the DNS and the settings.

    The key is readable by you alone, and is never written over another file.
    """
    if not HOST.fullmatch(selector):
        raise RequestError(
            f"{selector!r} is not a selector; use letters, digits and hyphens, such as papers1."
        )
    selector = selector.lower()
    file = (out or app.config.base / f"dkim-{selector}.pem").absolute()
    pem = dkim_keys.generate(algorithm)
    key = dkim_keys.read(pem, "The new key")
    _write(file, pem)
    say(f"Wrote the private key to {file}. Whoever reads it can sign as you.\n")
    _publish(selector, app.dkim_domain, key)
    say(f"Then put into {app.config.file or 'newsletter.toml'}:\n")
    say("\n".join(_settings(app, selector, file, key)))
    say("\nand ask `newsletter config check`. `newsletter dkim record` tells the record again.")


@dkim.command("record", epilog="Example: newsletter dkim record")
@pass_app
def record(app: App) -> None:
    """Tell the DNS records of the keys in the settings."""
    if not app.signing_keys:
        raise ConfigError(
            "Nothing is signed here: dkim.key_file is not set. "
            "`newsletter dkim keygen` makes a key."
        )
    for selector, key in app.signing_keys:
        _publish(selector, app.dkim_domain, key)


def _publish(selector: str, domain: str, key: PrivateKey) -> None:
    say(f"Publish this TXT record ({key.algorithm}); in a zone file, with a dot after the name:\n")
    say(f"{record_name(selector, domain)}\n{quoted_strings(key.record())}\n")


def _settings(app: App, selector: str, file: Path, key: PrivateKey) -> list[str]:
    base = app.config.base
    path = file.relative_to(base) if file.is_relative_to(base) else file
    first, second = app.settings.dkim.key_file, app.settings.dkim.second_key_file
    # Beside a first key of the other algorithm it is the second, else the first or its successor.
    joins = first is not None and second is None and _other(app, key)
    prefix = "second_" if joins else ""
    written = str(path).replace("\\", "\\\\").replace('"', '\\"')
    lines = [f'{prefix}selector = "{selector}"', f'{prefix}key_file = "{written}"']
    if not joins and app.settings.dkim.domain is None:
        return ["[dkim]", *lines]
    return ["[dkim]  # beside what stands there", *lines]


def _other(app: App, key: PrivateKey) -> bool:
    try:
        return all(kept.algorithm != key.algorithm for _, kept in app.signing_keys)
    except ConfigError:  # the key that is to be replaced
        return False


def _write(file: Path, pem: bytes) -> None:
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            try:
                opened.write(pem)
                opened.flush()
                os.fsync(opened.fileno())
            except OSError:
                file.unlink()
                raise
    except FileExistsError:
        raise RequestError(f"{file} exists already; name another file with --out.") from None
    except OSError as error:
        raise NewsletterError(f"{file} cannot be written: {error.strerror}.") from error
