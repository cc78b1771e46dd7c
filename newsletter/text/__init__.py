"""Nearness of texts: pure, in memory, built once an issue. See `closeness.py`."""

from newsletter.text.closeness import Asked, Closeness, Embedder, author_names, by_authors
from newsletter.text.index import Text, TextIndex

__all__ = ["Asked", "Closeness", "Embedder", "Text", "TextIndex", "author_names", "by_authors"]
