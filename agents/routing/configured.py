"""The learned predictor of a configuration."""

from __future__ import annotations

from importlib import import_module

from agents.routing.predictions import QualityPredictor
from schemas.errors import ConfigurationError
from schemas.settings import RoutingSettings

STORE = "agents.routing.learning.store"
EMBEDDING = "agents.routing.embedding"


def configured_predictor(settings: RoutingSettings) -> QualityPredictor | None:
    """Return the predictor that `routing.model_dir` names; None where none is configured.

    What it needs is imported only then: embeddings take their time and memory.

    Raises:
        ConfigurationError: The folder is missing or does not hold a predictor.
    """
    folder = settings.model_dir
    if folder is None:
        return None
    try:
        store, embedding = import_module(STORE), import_module(EMBEDDING)
    except ImportError as missing:
        raise ConfigurationError(f"routing.model_dir: {missing}; leave it out") from missing
    predictor: QualityPredictor = store.load(folder).router(embedding.EmbeddingEngine())
    return predictor
