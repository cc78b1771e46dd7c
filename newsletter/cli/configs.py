"""The noun config."""

from __future__ import annotations

from collections.abc import Callable

import click

from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import as_json, complain, dump, say, table
from newsletter.config_told import check, shown
from newsletter.errors import ConfigError, NewsletterError


@click.group()
def config() -> None:
    """The settings, and where each comes from."""


@config.command("show", epilog="Example: newsletter config show")
@as_json
@pass_app
def show_(app: App, as_json: bool) -> None:
    """Show every setting with its origin; secrets are masked."""
    rows = shown(app.config)
    if as_json:
        dump([{"key": key, "value": value, "origin": origin} for key, value, origin in rows])
        return
    table(["Setting", "Value", "From"], rows)
    say(f"File: {app.config.file or 'none; defaults and the environment'}")


@config.command("check", epilog="Example: newsletter config check")
@click.pass_context
@pass_app
def check_(app: App, context: click.Context) -> None:
    """Check what must be right before mail leaves; exit code 3 where something is not."""
    problems = check(app.config)
    builds: tuple[Callable[[], object], ...] = (
        app.roads,
        lambda: app.domains,
        lambda: app.catalogue,
        lambda: app.templates.language(app.settings.language),
        lambda: app.signer,
        lambda: app.mail_signer,
        lambda: app.database,
    )
    for build in builds:
        try:
            build()
        except NewsletterError as error:
            if str(error) not in problems:
                problems.append(str(error))
    for problem in problems:
        complain(problem)
    if problems:
        context.exit(ConfigError.exit_code)
    if app.contact is None:
        say("Advice: set http.contact, so that the sources you ask can write to you.")
    signed = f"signed as {app.mail_signer.domain}, " if app.mail_signer else ""
    kinds = [app.config.transport(name)[0] for name in app.settings.delivery.transports]
    by = " and ".join(kinds)
    say(f"Good: mail goes by {by}, {signed}{len(app.catalogue)} topics, {app.database.shown}.")
