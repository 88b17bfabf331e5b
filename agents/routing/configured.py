"""What a configuration says of predicting, detecting, and checking answers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from agents.routing.cascade.checker import AnswerChecker
from agents.routing.predictions import QualityPredictor
from agents.routing.tasks.cue_detector import CueDetector
from agents.routing.tasks.examples import read_examples
from agents.routing.tasks.requests import DetectedTasks
from schemas.errors import ConfigurationError
from schemas.settings import RoutingSettings, TaskDetection
from streams.warehouse.client import Warehouse

if TYPE_CHECKING:  # what learns is imported only where something is configured to
    from agents.routing.learning.agent import Sharpening

STORE = "agents.routing.learning.store"
EMBEDDING = "streams.embedding"
ARCHIVED = "agents.routing.learning.archived"
SHARPENING = "agents.routing.learning.agent"
DETECTOR = "agents.routing.tasks.detector"


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


def configured_checker(settings: RoutingSettings) -> AnswerChecker:
    """Return what checks the answers of a cascade, with the scorer in `routing.model_dir` where there is one.

    Raises:
        ConfigurationError: The folder is missing or does not hold a predictor.
    """
    folder = settings.model_dir
    return AnswerChecker(None if folder is None else import_module(STORE).load(folder).scorer)


def configured_tasks(settings: RoutingSettings) -> DetectedTasks | None:
    """Return what detects task types by `routing.detect_tasks`; None where nothing does.

    Raises:
        ConfigurationError: What it needs is not installed.
    """
    if settings.detect_tasks is TaskDetection.NEVER:
        return None
    if settings.detect_tasks is TaskDetection.WORDS:
        return DetectedTasks(CueDetector(read_examples()), settings.task_confidence)
    try:
        embedding, detector = import_module(EMBEDDING), import_module(DETECTOR)
    except ImportError as missing:
        raise ConfigurationError(f"routing.detect_tasks: {missing}; set it to words") from missing
    return DetectedTasks(
        detector.TaskTypeDetector(embedding.EmbeddingEngine(), read_examples()), settings.task_confidence
    )


def configured_sharpening(warehouse: Warehouse, predictor: QualityPredictor, seconds: float) -> Sharpening:
    """Return what lets a configured predictor learn from the archive's grades, looking so often."""
    archived, sharpening = import_module(ARCHIVED), import_module(SHARPENING)
    found: Sharpening = sharpening.Sharpening(archived.ArchivedGrades(warehouse), predictor, seconds)
    return found
