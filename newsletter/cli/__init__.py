"""The command line: parses, calls one verb, shows what came of it."""

from newsletter.cli.root import main

__all__ = ["main"]
