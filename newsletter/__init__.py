"""Trending research papers in your inbox.

The package holds what an issue is and how it gets out; who asked for mail, and for what, is
the package `subscribers`. `docs/architecture.md` draws the rooms.
"""

import os

__version__ = "0.1.0"

# numpy reads it as it is imported. Our matrices are small: its threads would wait for one another
# by spinning, and cost twice the CPU.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
