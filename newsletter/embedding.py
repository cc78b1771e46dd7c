"""Vectors of texts by a model that runs here, if the operator wants it; the one file that asks it.

The model is named in the settings, or lies in a folder. The library (fastembed, an optional
dependency) runs it on the CPU with ONNX; nothing of a text leaves the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from newsletter.errors import ConfigError
from newsletter.text.index import Floats, unit

BATCH = 64  # texts
LONGEST = 4000  # characters; models read a few hundred words and cut the rest


class ModelEmbedder:
    """An embedding model; loaded when it is first asked."""

    def __init__(self, model: str, folder: Path | None = None, threads: int = 1) -> None:
        """`folder` holds model.onnx and its tokenizer; without one, the library finds the model."""
        self.name = model
        self._folder = folder
        self._threads = threads
        self._model: Any = None

    @property
    def signature(self) -> str:
        """What tells its vectors from those of another model, also of one in the same folder."""
        file = None if self._folder is None else self._folder / "model.onnx"
        if file is None or not file.is_file():
            return self.name
        kept = file.stat()
        return f"{self.name} {kept.st_size} {kept.st_mtime_ns}"

    def vectors(self, texts: Sequence[str]) -> Floats:
        """(len(texts), D), each of length 1; raises ConfigError where the model cannot be had."""
        if not texts:
            return np.zeros((0, 0), np.float32)
        cut = [text[:LONGEST] for text in texts]
        found = list(self._loaded().embed(cut, batch_size=BATCH))
        return unit(np.asarray(found, np.float32))

    def _loaded(self) -> Any:
        if self._model is None:
            self._model = self._load()
        return self._model

    def _load(self) -> Any:
        try:
            from fastembed import TextEmbedding
        except ImportError:
            raise ConfigError(
                "semantic.model needs fastembed: pip install 'trending-papers[semantic]'."
            ) from None
        if self._folder is not None and not (self._folder / "model.onnx").is_file():
            raise ConfigError(f"semantic.folder: there is no model.onnx in {self._folder}.")
        known = {one["model"] for one in TextEmbedding.list_supported_models()}
        if self.name not in known:
            raise ConfigError(
                f"semantic.model: fastembed knows no {self.name!r}; it knows "
                f"{', '.join(sorted(known)[:5])} and {len(known) - 5} others."
            )
        place: dict[str, Any] = {}
        if self._folder is not None:
            place["specific_model_path"] = str(self._folder)
        try:
            return TextEmbedding(self.name, threads=self._threads, **place)
        except Exception as error:  # whatever ONNX, the tokenizer or the download say
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise ConfigError(f"semantic.model: {self.name} cannot be loaded: {reason}.") from error
