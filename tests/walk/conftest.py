"""What the walks share: an installation, a browser, and what no page may ever do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from newsletter.cli.browser import NAMES
from tests.mail.tools import need
from tests.walk.house import HOST, House, house


class Visit:
    """One visitor's window, and whatever in it should not have been."""

    def __init__(self, browser: Any, **how: Any) -> None:
        self.context = browser.new_context(
            ignore_https_errors=True, locale="en-US", timezone_id="Europe/Oslo", **how
        )
        self.context.set_default_timeout(30_000)
        self.page = self.context.new_page()
        self.errors: list[str] = []  # that the console told, as of an inline style
        self.elsewhere: list[str] = []  # what was asked of anybody else
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.context.on("request", self._request)

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _request(self, request: Any) -> None:
        if urlsplit(request.url).netloc != HOST:
            self.elsewhere.append(request.url)

    def end(self) -> None:
        """Closes the window; it was asked of nobody else, told no error, and kept no cookie."""
        cookies = self.context.cookies()
        self.context.close()
        assert (self.errors, self.elsewhere, cookies) == ([], [], [])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An installation that serves its pages."""
    with house(tmp_path_factory.mktemp("house")) as one:
        yield one


@pytest.fixture(scope="module")
def browser(home: House) -> Iterator[Any]:
    """A headless Chromium that finds our pages at their public name, and nothing else."""
    playwright = pytest.importorskip("playwright.sync_api", reason="`make test` installs it.")
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    flags = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(
            executable_path=program or need(NAMES[0]), args=[*flags, "--disable-sync", home.rules]
        )
        yield one
        one.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a window; at the end of the test each is closed, and judged."""
    with ExitStack() as windows:

        def opened(**how: Any) -> Any:
            return windows.enter_context(window(browser, **how)).page

        yield opened


@contextmanager
def window(browser: Any, **how: Any) -> Iterator[Visit]:
    """A window, judged when it closes."""
    one = Visit(browser, **how)
    yield one
    one.end()


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where pictures of pages are to be put; None where nobody wants any."""
    wanted = os.environ.get("NEWSLETTER_PICTURES")
    return Path(wanted) if wanted else None
