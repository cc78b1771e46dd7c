"""The built wheel works on its own, in an environment that has nothing of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.deploying import blocks

ROOT = Path(__file__).resolve().parent.parent
MINUTES = 60  # seconds
PATIENCE = 8 * MINUTES  # an empty package cache and a slow line
WHEEL = "trending_papers-*.whl"  # as a shell knows it


def run(*command: str | Path, cwd: Path) -> str:
    """The output of a command that has to succeed, without any variable of ours."""
    own = ("NEWSLETTER_", "PYTHONPATH", "VIRTUAL_ENV")
    ran = subprocess.run(
        command,
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if not name.startswith(own)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment that was made as docs/deploy.md says."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(wheel, folder)
    shutil.copy(ROOT / "requirements.txt", folder)
    (folder / "opt").mkdir()
    for command in blocks("install")[0].splitlines():
        there = command.replace("/opt/newsletter", f"{folder}/opt")
        words = there.replace("python3", sys.executable).replace(WHEEL, wheel.name)
        run(*words.split(), cwd=folder)
    return folder / "opt" / "current" / "bin"


def test_what_ships(wheel: Path):
    """The wheel holds both packages with templates and seeds, and nothing else."""
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"newsletter", "subscribers"}
    for folder in ("templates", "seeds"):
        shipped = {p.relative_to(ROOT) for p in (ROOT / folder).rglob("*") if p.is_file()}
        assert shipped
        missing = {str(p) for p in shipped if f"newsletter/_data/{p}" not in names}
        assert not missing


def test_the_first_minute_works_from_the_wheel(scripts: Path, tmp_path: Path):
    """`newsletter demo` of the installed wheel delivers mail into the demo's folder."""
    where = run(
        scripts / "python", "-c", "import newsletter; print(newsletter.__file__)", cwd=tmp_path
    )
    assert Path(where).is_relative_to(scripts.parent)
    run(scripts / "newsletter", "demo", "demo", cwd=tmp_path)
    mails = [mail for mail in (tmp_path / "demo" / "mail" / "new").iterdir() if mail.is_file()]
    assert mails
    assert all(mail.read_bytes().count(b"\nSubject: ") == 1 for mail in mails)
