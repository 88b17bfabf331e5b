from __future__ import annotations

import numpy as np
import pytest

from agents.routing.cascade.signals import SIGNALS, signals, signals_of
from agents.routing.cascade.training import fit_scorer


def of(prompt: str, answer: str) -> dict[str, float]:
    return dict(zip(SIGNALS, signals(prompt, answer), strict=True))


def test_signals_of_a_worked_answer() -> None:
    found = of(
        "Ann has 3 bags of 4 plums and eats two. How many are left?", "3 * 4 = <<3*4=12>>12, 12 - 2 = 10.\n#### 10"
    )
    assert found["final_marked"] == 1
    assert found["final_is_last_result"] == 1
    assert (
        found["wrong_calculations"] == found["unfinished"] == found["numbers_unused"] == found["results_unused"] == 0
    )
    assert found["prompt_numbers"] == 3


def test_signals_of_a_doubtful_answer() -> None:
    found = of("Share 10 among 4.", "However, 10 / 4 = 3, assuming we round: so 2.5 or")
    assert found["any_wrong_calculation"] == found["unfinished"] == found["final_fraction"] == 1
    assert found["hedges"] >= 2


def test_an_empty_answer_has_signals() -> None:
    found = of("", "")
    assert found["empty"] == found["no_calculation"] == 1
    assert signals_of([], []).shape == (0, len(SIGNALS))


def test_a_scorer_learns_which_answers_hold() -> None:
    generator = np.random.default_rng(1)
    right = (generator.random(120) < 0.6).astype(float)
    answers = [f"{n} + 2 = {n + 2 if grade else n + 9}." for n, grade in enumerate(right)]
    scorer = fit_scorer("small", ["add two"] * 120, answers, right, np.zeros(120))
    assert scorer is not None
    good, bad = scorer.score(["add two"] * 2, ["7 + 2 = 9.", "7 + 2 = 11."], np.zeros(2))
    assert bad < 0.2 < 0.8 < good


@pytest.mark.parametrize("right", [np.ones(80), np.ones(20)])
def test_nothing_is_learned_from_too_little(right: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    size = len(right)
    assert fit_scorer("small", ["p"] * size, ["a"] * size, right, np.zeros(size)) is None
