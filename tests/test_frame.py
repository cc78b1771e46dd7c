"""The frame of the tests themselves: nothing is skipped in CI, and both databases are real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

CASES = {
    "a marked test": "import pytest\n@pytest.mark.skip(reason='why')\ndef test_a(): pass\n",
    "a test that skips": "import pytest\ndef test_a(): pytest.skip('why')\n",
    "a whole file": "import pytest\npytest.importorskip('not_there', reason='why')\n",
}


def run(folder: Path, ci: str) -> subprocess.CompletedProcess[str]:
    """Runs pytest in `folder` under this project's conftest.py."""
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env=os.environ | {"CI": ci},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("case", CASES)
def test_skipping_fails_in_ci(case: str, tmp_path: Path):
    """What a person may skip at their desk fails in CI, with its reason."""
    (tmp_path / "test_case.py").write_text(CASES[case], encoding="utf-8")
    in_ci, at_desk = run(tmp_path, ci="true"), run(tmp_path, ci="")
    assert in_ci.returncode != 0, in_ci.stdout
    assert "In CI every test has to run" in in_ci.stdout
    assert "why" in in_ci.stdout
    assert "1 skipped" in at_desk.stdout


def test_each_test_has_a_database_of_its_own(database_url: str):
    """The databases that tests are given are empty and take tables."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE only_here (id INTEGER)"))
        assert connection.execute(text("SELECT count(*) FROM only_here")).scalar() == 0
    engine.dispose()
