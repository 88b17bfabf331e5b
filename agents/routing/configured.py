"""The learned predictor of a configuration, and the checker of answers that goes with it."""

from __future__ import annotations

from importlib import import_module

from agents.routing.cascade.checker import AnswerChecker
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
    predictor: QualityPredictor = store.load(folder).predictor(embedding.EmbeddingEngine())
    return predictor


def configured_checker(settings: RoutingSettings) -> AnswerChecker:
    """Return what checks the answers of a cascade, with the scorer in `routing.model_dir` where there is one.

    Raises:
        ConfigurationError: The folder is missing or does not hold a predictor.
    """
    folder = settings.model_dir
    return AnswerChecker(None if folder is None else import_module(STORE).load(folder).scorer)
