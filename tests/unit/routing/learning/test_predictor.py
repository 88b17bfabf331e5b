from __future__ import annotations

import numpy as np
import pytest

from agents.routing.learning.learned import Learned
from agents.routing.learning.predictor import Grade, LearnedPredictor
from agents.routing.learning.scoring import score
from agents.routing.predictions import QualityPredictor
from schemas.errors import ConfigurationError
from tests.unit.routing.graded import WordHashes

BOTANY, ALGEBRA = "leaf root leaf flower", "ring ideal field group"


@pytest.fixture
def predictor(learned: Learned) -> LearnedPredictor:
    return learned.predictor(WordHashes())


def test_it_is_what_the_router_asks_for(predictor: LearnedPredictor) -> None:
    asked: QualityPredictor = predictor
    assert asked.models == ("small", "large")
    assert asked.predict([], []).shape == (0, 2)


def test_it_knows_where_the_large_model_is_needed(predictor: LearnedPredictor) -> None:
    botany, algebra = predictor.predict([BOTANY, ALGEBRA], [None, "reasoning"])
    assert botany[0] > 0.7
    assert algebra[1] - algebra[0] > 0.35 > botany[1] - botany[0]


def test_each_prompt_is_predicted_as_alone(predictor: LearnedPredictor) -> None:
    both = predictor.predict([BOTANY, ALGEBRA], [None, None])
    assert both[1] == pytest.approx(predictor.predict([ALGEBRA], [None])[0], abs=1e-6)


def test_grades_move_the_model_they_are_for(predictor: LearnedPredictor) -> None:
    before = predictor.predict([BOTANY], [None])
    known = predictor.estimates([BOTANY])
    predictor.learn([])
    predictor.learn([Grade(f"{BOTANY} {number}", "small", 0.0) for number in range(40)])
    after = predictor.predict([BOTANY], [None])
    assert after[0, 0] < before[0, 0] - 0.2
    assert after[0, 1] == before[0, 1]
    assert predictor.estimates([BOTANY]).evidence[0, 0] > known.evidence[0, 0] + 20


def test_less_evidence_means_more_deviation(predictor: LearnedPredictor) -> None:
    known = predictor.estimates([BOTANY])
    assert (known.evidence > 5).all()
    assert (known.deviation < np.sqrt(known.probability * (1 - known.probability))).all()


def test_grades_of_an_unknown_model_are_refused(predictor: LearnedPredictor) -> None:
    with pytest.raises(ConfigurationError, match="'other' was not fitted"):
        predictor.learn([Grade("x", "other", 1.0)])


def test_a_predictor_of_another_embedding_is_refused(learned: Learned) -> None:
    class Other(WordHashes):
        name = "other"

    with pytest.raises(ConfigurationError, match="fitted with embedding 'word-hashes'"):
        learned.predictor(Other())


def test_the_answer_decides_where_there_is_one(learned: Learned, predictor: LearnedPredictor) -> None:
    prompts, answers = [BOTANY, BOTANY, BOTANY], ["2 + 2 = 5.", "2 + 2 = 4.", None]
    wrong, right, unanswered = score(predictor, learned.scorer, prompts, answers)
    assert wrong[0] < 0.3 < 0.7 < right[0]
    assert unanswered[0] == pytest.approx(predictor.predict([BOTANY], [None])[0, 0])
    assert wrong[1] == pytest.approx(right[1])
    assert score(predictor, None, prompts, answers)[0, 0] == pytest.approx(unanswered[0])
