from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from agents.cache.semantic import training
from agents.cache.semantic.calibration import area_under_curve, calibrate, calibration_error
from agents.cache.semantic.features import FEATURES
from agents.cache.semantic.fitting import fit_labelled
from agents.cache.semantic.generated.pairs import hard_pairs
from agents.cache.semantic.verifier import Question, Verifier
from schemas.errors import ConfigurationError
from streams.embedding import EmbeddingEngine


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PARTS": 2,
        "NETWORKS": 1,
        "ROUNDS": 3,
        "PEOPLES": training.Labels(20, 0.05, width=8, decay=1.0),
    }.items():
        monkeypatch.setattr(training, name, value)


def test_a_verifier_is_fitted_on_labelled_pairs(engine: EmbeddingEngine, quick: None) -> None:
    pairs = hard_pairs("test", 900, seed=1)
    fitted, kept = pairs[:700], pairs[700:]
    judgement, measured = fit_labelled(
        [pair.first for pair in fitted],
        [pair.second for pair in fitted],
        np.array([pair.same for pair in fitted]),
        engine,
        seed=0,
    )
    assert measured["pairs"] == 700
    chance = Verifier(judgement, engine).probabilities(
        [Question(pair.first) for pair in kept], [Question(pair.second) for pair in kept]
    )
    assert area_under_curve(chance, np.array([pair.same for pair in kept])) > 0.8


def test_too_little_to_learn_from_is_said(engine: EmbeddingEngine) -> None:
    few = [f"question {number}" for number in range(300)]
    with pytest.raises(ConfigurationError, match="100 pairs are too few"):
        fit_labelled(few[:100], few[:100], np.ones(100, dtype=np.bool_), engine, seed=0)
    with pytest.raises(ConfigurationError, match="0 pairs have another meaning"):
        fit_labelled(few, few, np.ones(300, dtype=np.bool_), engine, seed=0)


def test_trees_say_what_they_said_when_they_were_fitted() -> None:
    chance = np.random.default_rng(3)
    columns = chance.integers(0, 5, size=(2000, len(FEATURES))).astype(np.float32)
    columns[:, 0] = chance.random(2000)
    same = columns[:, 0] + 0.2 * columns[:, 7] - 0.3 * columns[:, 9] + chance.normal(size=2000) * 0.3 > 0.4
    vectors = np.zeros((2000, 1), dtype=np.float32)
    examples = training.Examples(columns, vectors, vectors, same, np.arange(2000))
    model = training.boosted(examples, seed=0)
    assert training.copied(model).score(columns) == pytest.approx(model.decision_function(columns), abs=1e-4)


def test_calibration_rises_and_holds() -> None:
    chance = np.random.default_rng(0)
    scores = chance.normal(size=20_000)
    same = chance.random(20_000) < 1 / (1 + np.exp(-3 * scores))
    calibration = calibrate(scores[:10_000], same[:10_000])
    found = calibration.probability(scores[10_000:])
    assert calibration_error(found, same[10_000:]) < 0.02
    ordered = found[np.argsort(scores[10_000:])]
    assert (np.diff(ordered) >= 0).all()
    assert 0 < ordered[0] < ordered[-1] < 1


def test_calibration_of_a_score_that_says_nothing_is_the_share() -> None:
    same = np.arange(1000) % 4 == 0
    found = calibrate(np.random.default_rng(0).normal(size=1000), same).probability(np.zeros(1))
    assert found[0] == pytest.approx(0.25, abs=0.1)


def test_area_under_the_curve_counts_ties_half() -> None:
    chance = np.random.default_rng(0)
    scores = np.round(chance.random(500), 1)
    same = chance.random(500) < scores
    assert area_under_curve(scores, same) == pytest.approx(roc_auc_score(same, scores))
