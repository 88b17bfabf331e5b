"""Predictions for a whole batch, as the router counts them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from agents.routing.predictions import QualityPredictor
from agents.routing.prospect import UNKNOWN
from agents.routing.units import QUALITY_UNITS
from schemas.registry import ModelRegistry
from schemas.request import Message, Request

GRAIN = 100
"""Predictions are rounded to so many millionths: nothing finer is known of them, and their texts come again."""

logger = logging.getLogger(__name__)


class Qualities:
    """What a predictor says of the models of a registry.

    Args:
        predictor: May know other models too, and need not know all.
        registry: The models; make new qualities when they change.

    Attributes:
        informed: The predictor knows at least one of the models.
    """

    def __init__(self, predictor: QualityPredictor, registry: ModelRegistry) -> None:
        self._predictor = predictor
        names = [spec.name for spec in registry]
        self._models = len(names)
        known = [(column, names.index(name)) for column, name in enumerate(predictor.models) if name in names]
        if not known:
            logger.warning(
                "the learned predictor knows no model of the models file; run asahi router fit with --name",
                extra={"predictor": list(predictor.models), "models": names},
            )
        self.informed = bool(known)
        self._columns = [column for column, _ in known]
        self._positions = [position for _, position in known]

    def of(self, requests: Sequence[Request]) -> list[tuple[int, ...]]:
        """Return each request's qualities in millionths in the order of the registry, `UNKNOWN` where unknown.

        The predictor is asked once for all of them.
        """
        told = self._predictor.predict(
            [text_of(request) for request in requests], [request.task_type for request in requests]
        )[:, self._columns]
        units = np.full((len(requests), self._models), UNKNOWN, dtype=np.int64)
        known = np.rint(np.clip(np.nan_to_num(told), 0.0, 1.0) * (QUALITY_UNITS / GRAIN)).astype(np.int64) * GRAIN
        units[:, self._positions] = np.where(np.isnan(told), UNKNOWN, known)
        return [tuple(row) for row in units.tolist()]


def text_of(request: Request) -> str:
    """Return what is asked as one text: the prompt, or the texts of all messages."""
    if request.prompt is not None:
        return request.prompt
    return "\n".join(text for message in request.messages or () for text in texts_of(message))


def texts_of(message: Message) -> list[str]:
    """Return the texts in a message."""
    content = message.content
    if isinstance(content, str):
        return [content]
    return [text for part in content or () if isinstance(text := part.get("text"), str)]
