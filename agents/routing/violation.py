"""What stands against a model."""

from __future__ import annotations

from typing import NamedTuple


class Violation(NamedTuple):
    """A constraint that a model does not meet.

    Attributes:
        field: Dotted path of the request's field that asks for it, or of the tenant's.
        loss: Why the model lost, in a few words: it is written on every decision.
        remedy: What would admit the model.
        figures: The same with the figures, where a decision has them elsewhere.
    """

    field: str
    loss: str
    remedy: str
    figures: str | None = None

    @property
    def told(self) -> str:
        """Why the model lost, to somebody who sees nothing else."""
        return self.figures or self.loss
