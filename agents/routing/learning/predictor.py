"""The learned predictor: probability of a right answer by model, from the prompt alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.routing.learning.components import Components, Floats, Neighbourhoods, sigmoid, stacked
from agents.routing.learning.corrections import Corrections
from agents.routing.learning.features import lexical
from schemas.errors import ConfigurationError
from streams.embedding import Embedder


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All that a fit leaves behind, and what grades added since.

    Attributes:
        models: Names; the order of all columns.
        components: The views and neighbourhoods.
        stack: Bias and weight of each view by model; (models, 1 + views).
        corrections: From later grades.
    """

    models: tuple[str, ...]
    components: Components
    stack: Floats
    corrections: Corrections


@dataclass(frozen=True, slots=True)
class Estimates:
    """Predictions with what they rest on; all of shape (prompts, models).

    Attributes:
        probability: Of a right answer.
        evidence: Graded answers of the model near the prompt, each counting as much as the prompt belongs to its
            neighbourhood. Small where nothing similar was graded.
        deviation: Standard deviation of a share measured on so many answers: what the probability may be off by.
    """

    probability: Floats
    evidence: Floats
    deviation: Floats


@dataclass(frozen=True, slots=True)
class Grade:
    """How one model answered one prompt.

    Attributes:
        prompt: What was asked.
        model: Who answered, by a name the predictor knows.
        grade: 1 is right, 0 is wrong.
    """

    prompt: str
    model: str
    grade: float


class LearnedPredictor:
    """Predicts with plain numpy from what was fitted; a `QualityPredictor`.

    Args:
        knowledge: What was fitted; replaced by `learn`.
        embedder: The one it was fitted with.
    """

    def __init__(self, knowledge: Knowledge, embedder: Embedder) -> None:
        self.knowledge = knowledge
        self._embedder = embedder
        self._shifts = knowledge.corrections.shifts()

    @property
    def models(self) -> tuple[str, ...]:
        """The models it knows; the order of the columns."""
        return self.knowledge.models

    def predict(self, prompts: Sequence[str], task_types: Sequence[str | None]) -> NDArray[np.float64]:
        """Return the probability of a right answer, of shape (prompts, models).

        The prompt alone decides: task types, which a producer may leave out or get wrong, are not looked at.
        """
        assert len(prompts) == len(task_types), "as many task types as prompts"
        return self.predict_features(self.features(prompts))

    def features(self, prompts: Sequence[str]) -> NDArray[np.float32]:
        """Return embedding and lexical features of each prompt; most of a prediction's time goes here."""
        return features_of(prompts, self._embedder)

    def predict_features(self, features: NDArray[np.float32]) -> Floats:
        """Return the probability of a right answer from features that were computed before."""
        logits = self._logits(features)
        if self._shifts.any():
            logits += self._near(features).mean(self._shifts)
        return sigmoid(logits)

    def estimates(self, prompts: Sequence[str]) -> Estimates:
        """Return predictions together with the evidence for them."""
        features = self.features(prompts)
        graded = self.knowledge.components.graded + self.knowledge.corrections.count
        evidence = self._near(features).mean(graded)
        probability = self.predict_features(features)
        return Estimates(probability, evidence, np.sqrt(probability * (1 - probability) / (1 + evidence)))

    def learn(self, grades: Sequence[Grade]) -> None:
        """Take in grades given after the fit; takes effect at once and in any order.

        Raises:
            ConfigurationError: A model is not among those fitted; fit again with its outcomes.
        """
        if not grades:
            return
        unknown = sorted({grade.model for grade in grades}.difference(self.models))
        if unknown:
            raise ConfigurationError(f"model {unknown[0]!r} was not fitted; run asahi router fit with outcomes of it")
        features = self.features([grade.prompt for grade in grades])
        columns = np.array([self.models.index(grade.model) for grade in grades])
        predicted = sigmoid(self._logits(features))[np.arange(len(grades)), columns]
        self.knowledge = Knowledge(
            self.knowledge.models,
            self.knowledge.components,
            self.knowledge.stack,
            self.knowledge.corrections.with_grades(
                self._near(features),
                columns,
                predicted,
                np.array([grade.grade for grade in grades], dtype=np.float64),
            ),
        )
        self._shifts = self.knowledge.corrections.shifts()

    def _logits(self, features: NDArray[np.float32]) -> Floats:
        return stacked(self.knowledge.components.views(features), self.knowledge.stack)

    def _near(self, features: NDArray[np.float32]) -> Neighbourhoods:
        return self.knowledge.components.near(features[:, : self._embedder.dimensions])


def features_of(prompts: Sequence[str], embedder: Embedder) -> NDArray[np.float32]:
    """Return embedding and lexical features of each prompt, of shape (prompts, features)."""
    return np.hstack([embedder.embed(prompts), lexical(prompts)])
