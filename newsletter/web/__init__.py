"""Readers' pages: asking for mail, changing what comes, leaving; today's papers and the archive.

They work without JavaScript, set no cookie, and fetch nothing from anybody else.
"""

from newsletter.web.application import create
from newsletter.web.site import Site

__all__ = ["Site", "create"]
