"""Fits the verifier. The only module of the semantic cache that needs scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from agents.cache.semantic.batch import Floats
from agents.cache.semantic.calibration import area_under_curve, calibrate, calibration_error
from agents.cache.semantic.features import FALLING, FEATURES
from agents.cache.semantic.network import Network, standard
from agents.cache.semantic.trees import Trees
from agents.cache.semantic.verifier import Judgement, inputs_of, weighed
from streams.embedding import Vectors

PARTS = 5
PARTS_BY_FAMILY = 10
"""Of generated pairs, whose families are few: more of them are fitted on in each part."""
DEPTH = 5
LEAVES = 24
FEATURES_PER_SPLIT = 0.3
"""Trees that may not all look at the same features agree better on what they have not seen."""
LEAST_IN_LEAF = 40
SMOOTHING = 5.0
NETWORKS = 3
"""Networks with other beginnings, averaged: as good as one three times as wide, and steadier."""
ROUNDS = 25


@dataclass(frozen=True, slots=True)
class Labels:
    """How far labels are trusted.

    Attributes:
        trees: How many.
        rate: At which they learn.
        width: Of each network.
        decay: Of its weights.
    """

    trees: int
    rate: float
    width: int
    decay: float


PEOPLES = Labels(trees=300, rate=0.05, width=64, decay=1.0)
"""Labels that people gave, who disagree."""
BY_RULE = Labels(trees=300, rate=0.1, width=96, decay=0.1)
"""Labels of generated pairs, which are right: more is learned of each."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Labelled pairs.

    Attributes:
        columns: Features.
        firsts: Embeddings of one side.
        seconds: Of the other.
        same: Whether they may share an answer.
        groups: Pairs of one group are never on both sides of a fold.
    """

    columns: Floats
    firsts: Vectors
    seconds: Vectors
    same: NDArray[np.bool_]
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.same)

    def rows(self, chosen: NDArray[np.bool_]) -> Examples:
        """Return these."""
        return Examples(
            self.columns[chosen], self.firsts[chosen], self.seconds[chosen], self.same[chosen], self.groups[chosen]
        )


def joined(parts: Sequence[Examples]) -> Examples:
    """Return all examples as one."""
    return Examples(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Examples.__dataclass_fields__)
    )


def fit(
    labelled: Examples, beside: Examples | None, embedding: str, seed: int, dense: bool
) -> tuple[Judgement, dict[str, object]]:
    """Fit the verifier.

    Args:
        labelled: What it is calibrated on, by predictions for groups it was not fitted on.
        beside: More to learn from, which says nothing of how often pairs are the same; None for no more.
        embedding: Name of the embedding.
        seed: The same seed gives the same fit.
        dense: Whether the network looks at the embeddings, too: worth it only where the pairs are of all kinds.

    Returns:
        The judgement, and what was measured of it on pairs left out of the fit.
    """
    scores = np.empty((len(labelled), 2))
    parts = PARTS if dense else PARTS_BY_FAMILY
    for held in _folds(labelled.groups, parts, seed):
        trees, network = _parts(labelled.rows(~held), beside, seed, dense)
        scores[held] = _scores(labelled.rows(held), trees, network, dense)
    stack = LogisticRegression(C=1.0).fit(scores, labelled.same)
    weights = np.concatenate([stack.intercept_, stack.coef_[0]])
    together = weighed(weights, *scores.T)
    trees, network = _parts(labelled, beside, seed, dense)
    judgement = Judgement(embedding, trees, network, weights, calibrate(together, labelled.same))
    return judgement, _measured(together, labelled, seed)


def _measured(scores: NDArray[np.float64], labelled: Examples, seed: int) -> dict[str, object]:
    """Return how good the scores are; the calibration is measured on folds that it was not made from."""
    chance = np.empty(len(labelled))
    for held in _folds(labelled.groups, PARTS, seed + 1):
        chance[held] = calibrate(scores[~held], labelled.same[~held]).probability(scores[held])
    return {
        "pairs": len(labelled),
        "share_same": float(labelled.same.mean()),
        "area": area_under_curve(scores, labelled.same),
        "calibration_error": calibration_error(chance, labelled.same),
    }


def _folds(groups: NDArray[np.int64], parts: int, seed: int) -> Iterator[NDArray[np.bool_]]:
    every = np.unique(groups)
    part = np.random.default_rng(seed).permutation(np.arange(len(every)) % parts)[np.searchsorted(every, groups)]
    yield from (part == number for number in range(parts))


def _parts(examples: Examples, beside: Examples | None, seed: int, dense: bool) -> tuple[Trees, Network]:
    if beside is not None:
        examples = joined([examples, beside])
    trust = PEOPLES if dense else BY_RULE
    return copied(boosted(examples, seed, trust)), _network(_inputs(examples, dense), examples.same, seed, trust)


def _scores(examples: Examples, trees: Trees, network: Network, dense: bool) -> NDArray[np.float64]:
    return np.column_stack([trees.score(examples.columns), network.score(_inputs(examples, dense))])


def _inputs(examples: Examples, dense: bool) -> Floats:
    return inputs_of(examples.columns, examples.firsts, examples.seconds) if dense else examples.columns


def boosted(examples: Examples, seed: int, trust: Labels = PEOPLES) -> HistGradientBoostingClassifier:
    """Return trees as scikit-learn fits them."""
    return HistGradientBoostingClassifier(
        max_iter=trust.trees,
        max_depth=DEPTH,
        max_features=FEATURES_PER_SPLIT,
        learning_rate=trust.rate,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAST_IN_LEAF,
        l2_regularization=SMOOTHING,
        monotonic_cst=[-1 if name in FALLING else 0 for name in FEATURES],
        early_stopping=False,
        random_state=seed,
    ).fit(examples.columns, examples.same)


def copied(model: HistGradientBoostingClassifier) -> Trees:
    """Return the same trees as they are run."""
    count = len(model._predictors)  # noqa: SLF001 - scikit-learn shows its trees nowhere else
    features = np.zeros((count, 2**DEPTH - 1), dtype=np.int32)
    thresholds = np.full((count, 2**DEPTH - 1), np.inf, dtype=np.float32)
    values = np.zeros((count, 2**DEPTH), dtype=np.float32)
    for number, (tree,) in enumerate(model._predictors):  # noqa: SLF001 - scikit-learn shows its trees nowhere else
        _copy(tree.nodes, 0, 0, DEPTH, features[number], thresholds[number], values[number])
    return Trees(features, thresholds, values, float(model._baseline_prediction.ravel()[0]))  # noqa: SLF001


def _copy(
    nodes: NDArray[np.void],
    node: int,
    place: int,
    left: int,
    features: NDArray[np.int32],
    thresholds: Floats,
    values: Floats,
) -> None:
    """Copy a node and what is below it into a complete tree; a leaf above the last level goes to its left."""
    if left == 0:
        values[place - len(features)] = nodes[node]["value"]
        return
    if nodes[node]["is_leaf"]:
        _copy(nodes, node, 2 * place + 1, left - 1, features, thresholds, values)
        return
    features[place] = nodes[node]["feature_idx"]
    thresholds[place] = _not_below(nodes[node]["num_threshold"])
    _copy(nodes, int(nodes[node]["left"]), 2 * place + 1, left - 1, features, thresholds, values)
    _copy(nodes, int(nodes[node]["right"]), 2 * place + 2, left - 1, features, thresholds, values)


def _not_below(threshold: float) -> np.float32:
    """Return the threshold in half the bits so that no value changes sides: the largest float not above it."""
    near = np.float32(threshold)
    return near if near <= threshold else np.nextafter(near, np.float32(-np.inf))


def _network(inputs: Floats, same: NDArray[np.bool_], seed: int, trust: Labels) -> Network:
    mean = inputs.mean(axis=0)
    spread = inputs.std(axis=0)
    scale = (1 / np.where(spread > 0, spread, 1)).astype(np.float32)
    ready = standard(inputs, mean, scale)
    models = []
    for number in range(NETWORKS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it is ended early on purpose
            models.append(
                MLPClassifier(
                    (trust.width,),
                    alpha=trust.decay,
                    max_iter=ROUNDS,
                    early_stopping=True,
                    random_state=seed + number,
                ).fit(ready, same)
            )
    return Network(
        mean.astype(np.float32),
        scale,
        np.hstack([model.coefs_[0] for model in models]).astype(np.float32),
        np.concatenate([model.intercepts_[0] for model in models]).astype(np.float32),
        np.concatenate([model.coefs_[1][:, 0] for model in models]).astype(np.float32) / np.float32(NETWORKS),
        float(np.mean([model.intercepts_[1][0] for model in models])),
    )
