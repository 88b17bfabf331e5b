"""What a fit leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from agents.routing.cascade.scorer import AnswerScorer
from agents.routing.learning.calibration import Calibration
from agents.routing.learning.predictor import Knowledge, LearnedPredictor
from schemas.errors import ConfigurationError
from streams.embedding import Embedder


@dataclass(frozen=True, slots=True)
class Learned:
    """What a fit returns and a folder keeps.

    Attributes:
        knowledge: Of the predictor.
        scorer: Of the answers of the cheap model; None where there were no answers.
        calibration: Of the predictor by model, on prompts not fitted on.
        fitted_on: Keys of the prompts, so that nobody measures on them by mistake.
        embedding: Name of the embedding.
        names: What the models file calls models that the outcomes call otherwise, by the outcomes' name.
    """

    knowledge: Knowledge
    scorer: AnswerScorer | None
    calibration: dict[str, Calibration]
    fitted_on: NDArray[np.uint64]
    embedding: str
    names: Mapping[str, str] = field(default_factory=dict)

    def predictor(self, embedder: Embedder) -> LearnedPredictor:
        """Return a predictor of its own, which calls the models as the outcomes do.

        Raises:
            ConfigurationError: It was fitted with another embedding.
        """
        if embedder.name != self.embedding:
            raise ConfigurationError(
                f"the model folder was fitted with embedding {self.embedding!r}, but {embedder.name!r} is in use; "
                "run asahi router fit again"
            )
        return LearnedPredictor(self.knowledge, embedder)

    def router(self, embedder: Embedder) -> LearnedPredictor:
        """Return a predictor of its own, which calls the models as the models file does; raises as `predictor`."""
        models = tuple(self.names.get(model, model) for model in self.knowledge.models)
        return replace(self, knowledge=replace(self.knowledge, models=models)).predictor(embedder)
