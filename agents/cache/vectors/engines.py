"""Which engine finds the nearest entries: the one that `vectors.engine` names."""

from __future__ import annotations

from concurrent.futures import Executor

from agents.cache.vectors.annoy import AnnoyDatabase
from agents.cache.vectors.ivf import InvertedFile
from agents.cache.vectors.protocol import VectorDatabase
from schemas.vector_settings import VectorEngine, VectorSettings


def open_database(settings: VectorSettings, dimensions: int, merger: Executor) -> VectorDatabase:
    """Return an empty database of the engine that is configured.

    Args:
        settings: Name the engine and shape it.
        dimensions: Of the vectors.
        merger: Runs what an engine does in the background; not every one does.
    """
    if settings.engine is VectorEngine.ANNOY:
        return AnnoyDatabase(dimensions, merger, settings)
    return InvertedFile(dimensions, settings.ivf_probes)
