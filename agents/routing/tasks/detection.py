"""What is known of a prompt's task type, and who tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Detection(NamedTuple):
    """A prompt's likeliest task type and the probability that it is that."""

    task_type: str
    confidence: float


class Detector(Protocol):
    """Tells task types from prompts alone."""

    def detect(self, prompts: Sequence[str]) -> list[Detection]:
        """Return the task type of each prompt."""
        ...
