"""Takes a picture of a page with a headless Chromium, where one is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTH = 640  # pixels: the mail's 600 and a little of the page around it
PATIENCE = 60  # seconds for one picture; it takes about one
TALLEST = 12_000  # pixels; a digest of fifty cards

_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * 127.0.0.1:9",  # a mail that fetches anything fetches nothing
)
_HEIGHT = re.compile(r"<title>(\d+)</title>")


def photograph(page: Path, picture: Path, width: int = WIDTH) -> Path | None:
    """A PNG of a local page at its whole height; None where there is no browser that works."""
    browser = next((found for name in NAMES if (found := shutil.which(name))), None)
    if browser is None:
        return None
    with tempfile.TemporaryDirectory(prefix="newsletter-") as folder:
        height = _height(browser, page, width, folder)
        if height is None:
            return None
        _run(
            browser,
            folder,
            f"--window-size={width},{height}",
            f"--screenshot={picture.absolute()}",
            page.absolute().as_uri(),
        )
    return picture if picture.exists() else None


def _height(browser: str, page: Path, width: int, folder: str) -> int | None:
    """The page's height in pixels, asked of the browser through a copy that measures itself."""
    measured = Path(folder) / "measured.html"
    script = "<script>document.title = document.documentElement.scrollHeight</script></body>"
    html = page.read_text(encoding="utf-8").replace("</body>", script)
    measured.write_text(html, encoding="utf-8")
    dom = _run(browser, folder, f"--window-size={width},400", "--dump-dom", measured.as_uri())
    found = _HEIGHT.search(dom)
    return min(int(found[1]), TALLEST) if found else None


def _run(browser: str, folder: str, *arguments: str) -> str:
    command = [browser, *_FLAGS, f"--user-data-dir={folder}/profile", *arguments]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.insert(1, "--no-sandbox")  # Chromium refuses to run as root otherwise
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")
