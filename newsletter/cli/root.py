"""The root command, and the one place where an error becomes words and an exit code."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import click

import newsletter
from newsletter.app import App
from newsletter.cli import (
    alerts,
    bounces,
    configs,
    databases,
    deliveries,
    demo,
    dkim,
    doctor,
    evaluate,
    explain,
    issues,
    keys,
    letters,
    papers,
    readers,
    sources,
    templates,
    topics,
    votes,
    webhooks,
)
from newsletter.cli.collect import collect
from newsletter.cli.compose import compose
from newsletter.cli.log import keep
from newsletter.cli.preflight import preflight
from newsletter.cli.preview import preview
from newsletter.cli.run import run, schedule
from newsletter.cli.send import send
from newsletter.cli.serve import serve
from newsletter.cli.show import complain
from newsletter.cli.stats import stats
from newsletter.cli.status import status
from newsletter.cli.worker import worker
from newsletter.config import load
from newsletter.errors import NewsletterError
from subscribers.errors import SubscriberError

EXIT_CODES = """\b
Exit codes:
  0  done
  1  not all of it could be done: a delivery failed, the accounts do not balance,
     the doctor found an error
  2  what was asked for is wrong: an unknown topic, reader, issue or option
  3  a setting is wrong
  4  a source could not be read
  5  the database could not be used
  6  mail could not be handed over, or fetched: no connection, wrong password, full disk
  7  a template is broken
  8  an issue did not pass its preflight
"""


class _Commands(click.Group):
    """Lists commands in the order they are used, not by the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Commands, epilog=EXIT_CODES)
@click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path),
    help="The settings file; by default $NEWSLETTER_CONFIG, then ./newsletter.toml.",
)
@click.version_option(newsletter.__version__, prog_name="newsletter")
@click.pass_context
def root(context: click.Context, config: Path | None) -> None:
    """Trending research papers in your inbox.

    \b
    The main job, by hand:
      newsletter subscribe asa@example.org --topic alignment
      newsletter collect
      newsletter compose
      newsletter preview asa@example.org
      newsletter preflight
      newsletter send
      newsletter status
    """
    if context.invoked_subcommand == "demo":
        return  # has settings of its own
    context.obj = App(load(config))
    keep(context.obj, context.invoked_subcommand)
    context.call_on_close(context.obj.close)


for _command in (
    demo.demo,
    readers.subscribe,
    readers.confirm,
    readers.unsubscribe,
    votes.by_token,
    collect,
    compose,
    preview,
    preflight,
    send,
    serve,
    run,
    worker,
    schedule,
    status,
    alerts.alerts,
    stats,
    explain.explain,
    evaluate.evaluate,
    papers.papers,
    sources.sources,
    topics.topics,
    readers.subscribers,
    issues.issues,
    deliveries.deliveries,
    letters.letters,
    templates.templates,
    bounces.bounces,
    configs.config,
    doctor.doctor,
    dkim.dkim,
    keys.keys,
    webhooks.webhooks,
    databases.db,
):
    root.add_command(_command)


def main() -> None:
    """Runs the command line and exits."""
    try:
        root(prog_name="newsletter")
    except (NewsletterError, SubscriberError) as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        complain("The disk is full; make room on it.")
        sys.exit(NewsletterError.exit_code)
