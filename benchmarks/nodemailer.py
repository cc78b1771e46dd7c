"""Node's way: MJML compiled once, Handlebars for each reader, nodemailer's pool of five."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from benchmarks import baselines
from benchmarks.metering import told
from benchmarks.results import Round

SCRIPT = Path(__file__).parent / "node" / "digests.mjs"
NPM = Path(os.environ.get("NEWSLETTER_NPM_BENCH") or SCRIPT.parents[2] / ".npm-bench")


def missing() -> str:
    """What keeps it from being measured here; empty where nothing does."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not (NPM / "node_modules" / "nodemailer").is_dir():
        return f"its packages are not in {NPM.name}: `make bench` installs them where npm is"
    return ""


def measured(given: Path, digests: int, *, quick: bool = False) -> Round:
    """One run of the first digests of `given`, as benchmarks.given wrote them."""

    def send(port: int) -> dict[str, Any]:
        return told(["node", str(SCRIPT), str(NPM.resolve()), str(given), str(digests), str(port)])

    return baselines.measured("nodemailer", digests, send, quick=quick)
