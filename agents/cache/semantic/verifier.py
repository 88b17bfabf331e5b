"""The verifier: the probability that two questions may share an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.cache.semantic.batch import Floats
from agents.cache.semantic.calibration import Calibration
from agents.cache.semantic.features import FEATURES, features
from agents.cache.semantic.knowledge import shipped
from agents.cache.semantic.lexicon import Lexicon
from agents.cache.semantic.network import Network
from agents.cache.semantic.trees import Trees
from streams.embedding import EmbeddingEngine, Vectors

IDENTICAL = 0.999
"""That the same words ask the same is not left to what was learned."""


class Question(NamedTuple):
    """What is asked.

    Attributes:
        text: The prompt, or the last message.
        before: What precedes it; empty for nothing.
    """

    text: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that a fit leaves behind.

    Attributes:
        embedding: Name of the embedding it was fitted with.
        trees: Look at the features.
        network: Looks at them as well, and at the embeddings where it has inputs for them.
        weights: Bias, and weight of the trees' and of the network's score.
        calibration: Turns the weighed score into a probability.
    """

    embedding: str
    trees: Trees
    network: Network
    weights: NDArray[np.float64]
    calibration: Calibration

    @property
    def dense(self) -> bool:
        """Whether the network looks at the embeddings."""
        return len(self.network.mean) > len(FEATURES)

    def probabilities(self, columns: Floats, vectors: tuple[Vectors, Vectors] | None) -> NDArray[np.float64]:
        """Return the probability from features, and from embeddings where it is dense."""
        inputs = inputs_of(columns, *vectors) if self.dense and vectors is not None else columns
        return self.calibration.probability(
            weighed(self.weights, self.trees.score(columns), self.network.score(inputs))
        )


def weighed(weights: NDArray[np.float64], *scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return bias plus weighed scores."""
    return np.asarray(weights[0] + np.column_stack(scores) @ weights[1:], dtype=np.float64)


def inputs_of(columns: Floats, firsts: Vectors, seconds: Vectors) -> Floats:
    """Return features, and how the embeddings differ and agree by dimension; the same whichever side is first."""
    return np.hstack([columns, np.abs(firsts - seconds), firsts * seconds])


class Verifier:
    """Says how probable it is that two questions may share an answer.

    Symmetric: which question is first changes nothing. Not for two threads at once.

    Args:
        judgement: What was fitted.
        engine: The embedding it was fitted with.
    """

    def __init__(self, judgement: Judgement, engine: EmbeddingEngine) -> None:
        self.judgement = judgement
        self.engine = engine
        self._lexicon = Lexicon(shipped(), engine.sums)

    def probabilities(
        self,
        firsts: Sequence[Question],
        seconds: Sequence[Question],
        vectors: tuple[Vectors, Vectors] | None = None,
        similarity: Floats | None = None,
    ) -> NDArray[np.float64]:
        """Return the probability of each pair.

        Where what precedes the two differs, it must agree as well: its own probability is multiplied.

        Args:
            firsts: One side.
            seconds: The other, as many.
            vectors: Embeddings of the texts of both sides, where they are known already.
            similarity: Their cosines, where they are known; without a dense judgement nothing else is needed of them.
        """
        probability = self._texts([one.text for one in firsts], [two.text for two in seconds], vectors, similarity)
        apart = [
            place for place, (one, two) in enumerate(zip(firsts, seconds, strict=True)) if one.before != two.before
        ]
        if apart:
            probability[apart] *= self._texts(
                [firsts[place].before for place in apart], [seconds[place].before for place in apart], None
            )
        return probability

    def _texts(
        self,
        firsts: Sequence[str],
        seconds: Sequence[str],
        vectors: tuple[Vectors, Vectors] | None,
        similarity: Floats | None = None,
    ) -> NDArray[np.float64]:
        if vectors is None and (similarity is None or self.judgement.dense):
            vectors = self.engine.embed(firsts), self.engine.embed(seconds)
        if similarity is None:
            assert vectors is not None
            similarity = np.einsum("pd,pd->p", *vectors)
        columns = features(firsts, seconds, similarity, self._lexicon)
        probability = self.judgement.probabilities(columns, vectors)
        identical = [one.strip() == two.strip() for one, two in zip(firsts, seconds, strict=True)]
        return np.where(identical, np.maximum(probability, IDENTICAL), probability)
