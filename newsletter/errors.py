"""The errors this product raises on purpose, each with the exit code it ends a command with.

    NewsletterError            1   the job could not be done
    ├── RequestError           2   what was asked for is wrong: an unknown topic, issue, reader
    ├── ConfigError            3   newsletter.toml or the environment is wrong
    ├── SourceError            4   a source could not be read
    ├── StoreError             5   the database cannot be opened, read or written
    ├── MailboxError           6   returned mail cannot be fetched: no connection, wrong password
    ├── TemplateError          7   a template does not compile or render
    ├── PreflightError         8   an issue did not pass its preflight, so nothing of it was sent
    ├── Stopped                1   the process is to end, so what was waited for is left
    └── TransportError             (newsletter.transports)
        ├── Refused            1   about this recipient
        └── TransportUnavailable 6 about the road

Every message is one sentence or two for the person at the keyboard: what was wrong, where,
what to do. The cause is kept by `raise ... from`. `subscribers` has a tree of its own.
"""


class NewsletterError(Exception):
    """The job could not be done; the message says why and what to do."""

    exit_code = 1


class RequestError(NewsletterError):
    """What was asked for does not exist or cannot be meant."""

    exit_code = 2


class ConfigError(NewsletterError):
    """A setting is unknown, missing or wrong."""

    exit_code = 3


class SourceError(NewsletterError):
    """A source could not be read; `where` names the file or address, `line` the line if known."""

    exit_code = 4

    def __init__(self, message: str, *, where: str = "", line: int | None = None) -> None:
        place = where + (f", line {line}" if line is not None else "")
        super().__init__(f"{place}: {message}" if place else message)
        self.where = where
        self.line = line


class Stopped(NewsletterError):
    """The process is to end, so what was waited for is left; the next run goes on with it."""


class StoreError(NewsletterError):
    """The database cannot be opened, read or written."""

    exit_code = 5


class MailboxError(NewsletterError):
    """Returned mail cannot be fetched."""

    exit_code = 6


class TemplateError(NewsletterError):
    """A template does not compile or render."""

    exit_code = 7


class PreflightError(NewsletterError):
    """An issue did not pass its preflight."""

    exit_code = 8
