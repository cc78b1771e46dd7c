"""What docs/deploy.md says, and a folder in which it can be done as on a server of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click

from newsletter.cli.root import root
from tests import commands

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "docs" / "deploy"
GUIDE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
# Of a server, which are in the folder here.
PLACES = (
    "/opt/newsletter",
    "/etc/newsletter",
    "/var/lib/newsletter",
    "/var/backups/newsletter",
    "/usr/local/bin",
)
# A command line that has the process do it that has imported it already.
TYPED = """\
#!{python} -ES
import json, os, socket, sys

line = socket.socket(socket.AF_UNIX)
line.connect({server!r})
asked = dict(place=os.getcwd(), words=sys.argv[1:], environment=dict(os.environ))
socket.send_fds(line, [json.dumps(asked).encode() + b"\\n"], [1, 2])
told = line.makefile()
told.readline()  # the process's number
sys.exit(abs(int(told.readline())))
"""


def blocks(kind: str) -> list[str]:
    """The blocks of commands of the guide that are marked so: run, install, or not at all."""
    return [
        found[2]
        for found in re.finditer(r"```sh ?(\w*)\n(.*?)```", GUIDE, re.S)
        if found[1] == kind
    ]


def understood(words: list[str]) -> None:
    """Raises where the command line would not take these words; does nothing by them."""
    command: click.Command = root
    context = click.Context(root, info_name="newsletter")
    while isinstance(command, click.Group):
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
    command.make_context(command.name, words, parent=context)


class Server:
    """A folder that stands for a server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            name: value for name, value in os.environ.items() if "NEWSLETTER" not in name
        }
        shutil.copytree(DEPLOY, folder / "deploy")
        for file in (folder / "deploy").iterdir():
            file.write_text(self.placed(file.read_text(encoding="utf-8")), encoding="utf-8")
        for place in ("opt/newsletter/current/bin", "usr/local/bin"):
            (folder / place).mkdir(parents=True)
        typed = folder / "opt/newsletter/current/bin/newsletter"
        typed.write_text(TYPED.format(python=sys.executable, server=commands._server()))
        typed.chmod(0o755)
        self.environment["PATH"] = f"{typed.parent}:{self.environment['PATH']}"

    def placed(self, text: str) -> str:
        """A text with the places of a server in this folder, and files that are ours."""
        for place in PLACES:
            text = text.replace(place, f"{self.folder}{place}")
        return re.sub(r"-[og] newsletter ", "", text)

    def place(self, path: str) -> Path:
        """Where a file of the server is."""
        return self.folder / path.lstrip("/")

    def do(self, words: str) -> str:
        """What commands say that all have to succeed, typed into one shell."""
        shell = ["sh", "-eu", "-c", self.placed(words)]
        done = subprocess.run(
            shell,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}"
        return done.stdout
