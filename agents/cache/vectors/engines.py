"""Which engine finds the nearest entries: the one that `vectors.engine` names."""

from __future__ import annotations

from concurrent.futures import Executor

from agents.cache.vectors.annoy import AnnoyDatabase
from agents.cache.vectors.ivf import InvertedFile
from agents.cache.vectors.protocol import VectorDatabase
from agents.cache.vectors.segment import Pause, no_pause
from schemas.vector_settings import VectorEngine, VectorSettings


def open_database(
    settings: VectorSettings, dimensions: int, merger: Executor, pause: Pause = no_pause
) -> VectorDatabase:
    """Return an empty database of the engine that is configured.

    Args:
        settings: Name the engine and shape it.
        dimensions: Of the vectors.
        merger: Runs what an engine does in the background; not every one does.
        pause: Lets other threads run for a moment while that runs.
    """
    if settings.engine is VectorEngine.ANNOY:
        return AnnoyDatabase(dimensions, merger, settings, pause)
    return InvertedFile(dimensions, settings.ivf_probes)
