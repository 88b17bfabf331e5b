from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agents.routing.learning.calibration import calibration_of
from agents.routing.learning.fitting import fit_router
from agents.routing.learning.learned import Learned
from schemas.errors import ConfigurationError
from tests.unit.routing.graded import WordHashes, made_up


def test_predictions_out_of_fold_beat_a_constant_and_are_calibrated(learned: Learned) -> None:
    for found in learned.calibration.values():
        assert found.brier < found.base_rate * (1 - found.base_rate)
        assert found.error < 0.15


def test_one_topic_or_two_and_missing_grades_are_enough() -> None:
    outcomes = made_up(90)
    right = outcomes.right.copy()
    right[::7, 0] = np.nan
    for topics in (("all",) * 90, tuple("ab"[number % 2] for number in range(90))):
        learned = fit_router(replace(outcomes, topics=topics, right=right), WordHashes(), seed=1)
        assert learned.scorer is None
        assert learned.calibration["small"].graded == int((~np.isnan(right[:, 0])).sum())


def test_the_same_seed_is_the_same_fit() -> None:
    one, two = (fit_router(made_up(90), WordHashes(), seed=4).knowledge for _ in range(2))
    assert np.array_equal(one.stack, two.stack)
    assert np.array_equal(one.components.weights, two.components.weights)


def test_too_little_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="30 graded prompts are too few"):
        fit_router(made_up(30), WordHashes(), seed=1)
    outcomes = made_up(90)
    sure = replace(outcomes, right=np.ones_like(outcomes.right))
    with pytest.raises(ConfigurationError, match="'small' has 0 wrong answers"):
        fit_router(sure, WordHashes(), seed=1)


def test_an_unknown_cheap_model_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'tiny' has no outcomes; name one of small, large"):
        fit_router(made_up(90), WordHashes(), seed=1, cheap="tiny")


def test_too_few_graded_answers_make_no_scorer() -> None:
    outcomes = made_up(90, answers=True)
    few = tuple(said if row < 20 else None for row, said in enumerate(outcomes.answers["small"]))
    assert fit_router(replace(outcomes, answers={"small": few}), WordHashes(), seed=1).scorer is None


def test_calibration_of_a_perfect_and_of_a_blind_prediction() -> None:
    grades = np.array([0.0, 1.0] * 50)
    assert calibration_of(grades, grades).error == 0
    blind = calibration_of(np.full(100, 0.9), grades)
    assert blind.error == pytest.approx(0.4)
    assert blind.brier == pytest.approx(0.41)
