"""Task types of requests that name none."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from agents.routing.quality import texts_of
from agents.routing.tasks.detection import Detection, Detector
from schemas.request import Mode, Request

TENTHS = 10


class DetectedTasks:
    """What a detector says of requests, as far as it is sure enough.

    Args:
        detector: Asked once per batch.
        least_confidence: What is less probably right does not count.
    """

    def __init__(self, detector: Detector, least_confidence: float) -> None:
        self._detector = detector
        self._least = least_confidence

    def of(self, requests: Sequence[Request]) -> list[Detection | None]:
        """Return each request's detected task type.

        None where the request names one or a model, and where the detector is not sure enough. The confidence is
        rounded down to tenths, so that decisions about requests of a kind are alike.
        """
        found: list[Detection | None] = [None] * len(requests)
        open_ = [
            index
            for index, request in enumerate(requests)
            if request.task_type is None and request.mode is not Mode.EXPLICIT
        ]
        if not open_:
            return found
        told = self._detector.detect([instruction_of(requests[index]) for index in open_])
        for index, (task_type, confidence) in zip(open_, told, strict=True):
            if confidence >= self._least:
                found[index] = Detection(task_type, floor(confidence * TENTHS) / TENTHS)
        return found


def instruction_of(request: Request) -> str:
    """Return where a request says what to do: its prompt, or the first and the last of its messages."""
    if request.prompt is not None:
        return request.prompt
    messages = request.messages or []
    told = messages if len(messages) <= 2 else [messages[0], messages[-1]]
    return "\n".join(text for message in told for text in texts_of(message))
