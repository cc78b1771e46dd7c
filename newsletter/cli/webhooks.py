"""The noun webhooks: who is told what happens to subscriptions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from newsletter import calls
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import as_json, counted, dump, instant, say, table
from newsletter.errors import NewsletterError, RequestError
from newsletter.masking import masked
from newsletter.pipeline import webhooks as telling
from newsletter.pipeline.webhooks import Run
from newsletter.store import webhooks as kept
from newsletter.webhooks import TRIES, Webhook, shown_secret
from subscribers.events import EventKind


@click.group()
def webhooks() -> None:
    """Addresses of other programs that are told what happens to subscriptions."""


_id = click.argument("webhook_id", metavar="ID", type=click.IntRange(min=1))


@webhooks.command(
    "add", epilog="Example: newsletter webhooks add https://crm.example.org/papers -e confirmed"
)
@click.argument("url")
@click.option(
    "--event",
    "-e",
    "kinds",
    type=click.Choice([kind.value for kind in EventKind]),
    multiple=True,
    help="What it is told, once or several times; by default everything.",
)
@pass_app
def add(app: App, url: str, kinds: tuple[str, ...]) -> None:
    """Tell URL, an https address, what happens from now on; print the secret that it is signed by.

    `newsletter webhooks send` does the telling.
    """
    url = url.strip()
    if wrong := calls.problem(url, allow_private=app.settings.webhooks.allow_private):
        raise RequestError(f"No webhook can be at {masked(url)}: {wrong}.")
    chosen = frozenset(map(EventKind, kinds))
    signer = app.signer  # before anything is kept: it may be wrong
    with app.database.write() as connection:
        made = kept.add(connection, url, chosen, datetime.now(UTC))
    say(shown_secret(signer.webhook_secrets(made.id)[0]))
    say(f"That is the secret of webhook {made.id}, which is told of: {_wanted(made)}.")
    say(f"`newsletter webhooks test {made.id}` tries it.")


@webhooks.command("list", epilog="Example: newsletter webhooks list")
@click.option("--all", "removed", is_flag=True, help="Those that were removed, too.")
@as_json
@pass_app
def list_(app: App, removed: bool, as_json: bool) -> None:
    """List the webhooks, how far they are, and what they answered last."""
    with app.database.read() as connection:
        found = kept.listed(connection, removed=removed)
    if as_json:
        dump([_row(one) for one in found])
        return
    table(
        ["Webhook", "Address", "Told of", "Up to", "Lost", "Last answer", ""],
        [
            [
                one.id,
                masked(one.url),
                _wanted(one),
                one.cursor,
                one.lost,
                one.answer,
                _stands(one),
            ]
            for one in found
        ],
    )


@webhooks.command("remove", epilog="Example: newsletter webhooks remove 2")
@_id
@pass_app
def remove(app: App, webhook_id: int) -> None:
    """Tell webhook ID nothing more."""
    with app.database.write() as connection:
        found = kept.get(connection, webhook_id)
        kept.remove(connection, found, datetime.now(UTC), "An operator removed it.")
    say(f"Webhook {found.id}, {masked(found.url)}, is told nothing more.")


@webhooks.command("secret", epilog="Example: newsletter webhooks secret 2")
@_id
@pass_app
def secret(app: App, webhook_id: int) -> None:
    """Print the secret of webhook ID, which another key that signs links makes another one."""
    with app.database.read() as connection:
        found = kept.get(connection, webhook_id)
    say(shown_secret(app.signer.webhook_secrets(found.id)[0]))


@webhooks.command("send", epilog="Example: newsletter webhooks send")
@as_json
@pass_app
def send(app: App, as_json: bool) -> None:
    """Tell all webhooks what is due now, and end; let cron run it every minute.

    What is not taken is tried again later: after a minute, two, four, up to six hours; what
    comes after it waits meanwhile.
    """
    runs = telling.tell(app.database, app.signer, app.caller, lambda: datetime.now(UTC))
    if as_json:
        dump([{**_row(run.webhook), "sent": run.sent, "lost_now": run.lost} for run in runs])
        return
    if not runs:
        say("Nothing is due.")
    for run in runs:
        say(_told(run))


@webhooks.command("test", epilog="Example: newsletter webhooks test 2")
@_id
@pass_app
def test(app: App, webhook_id: int) -> None:
    """Send webhook ID an event of the type "test", about nobody, and tell what it answers."""
    with app.database.read() as connection:
        found = kept.get(connection, webhook_id)
    answered = telling.test(app.signer, app.caller, found, datetime.now(UTC))
    if not answered.is_taken:
        raise NewsletterError(f"Webhook {found.id} did not take it: {answered.words}.")
    say(f"Webhook {found.id} took it: {answered.words}.")


def _told(run: Run) -> str:
    one = run.webhook
    said = f"Webhook {one.id}: {counted(run.sent, 'event')} sent"
    if run.lost:
        said += f", {counted(run.lost, 'event')} given up after {TRIES} tries"
    return f"{said}. {_stands(one)[:1].upper()}{_stands(one)[1:]}".rstrip()


def _stands(one: Webhook) -> str:
    """How it stands; empty where it takes what it is told."""
    if one.removed_at is not None:
        return f"removed {instant(one.removed_at)}: {one.answer}"
    if not one.tries:
        return ""
    return f"failed {counted(one.tries, 'time')}, again {instant(one.next_at)}: {one.answer}"


def _wanted(one: Webhook) -> str:
    return ", ".join(sorted(one.kinds)) or "everything"


def _row(one: Webhook) -> dict[str, Any]:
    return vars(one) | {"url": masked(one.url), "kinds": sorted(one.kinds)}
