"""Trending research papers in your inbox.

The package holds what an issue is and how it gets out; who asked for mail, and for what, is
the package `subscribers`. `docs/architecture.md` draws the rooms.
"""

__version__ = "0.1.0"
