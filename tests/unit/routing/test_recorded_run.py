"""What the recorded run chooses and how it counts, on made-up outcomes."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from benchmarks.graded_set import GSM8K, MMLU, STRONG, WEAK, GradedSet, halves
from benchmarks.lambda_choice import Foreseen, choose_lambda
from schemas.registry import ModelRegistry
from schemas.request import Request
from schemas.settings import RoutingSettings
from schemas.tokens import estimate_text_tokens

MODELS = ModelRegistry.load(Path("config/gsm8k-models.yaml"))
PROMPTS = tuple(f"Question {number} of many?" for number in range(200))


@pytest.fixture
def both(tmp_path: Path) -> tuple[GradedSet, GradedSet]:
    """The strong model is right of all, the weak one of three in four; one prompt stands there twice."""
    file = tmp_path / "made_up.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["prompt", "mixtral_correct", "gpt4_correct"])
        writer.writerows([prompt, number % 4 != 0, True] for number, prompt in enumerate((*PROMPTS, PROMPTS[0])))
    return halves(MMLU, file)


def oracle(graded: GradedSet) -> Foreseen:
    known = np.column_stack([graded.right(WEAK), graded.right(STRONG)])
    return Foreseen((WEAK, STRONG), dict(zip(graded.outcomes.prompts, known, strict=True)))


def test_every_prompt_is_in_one_half_once(both: tuple[GradedSet, GradedSet]) -> None:
    fit, test = both
    assert sorted((*fit.outcomes.prompts, *test.outcomes.prompts)) == sorted(PROMPTS)
    requests = [Request.model_validate(request) for request in test.requests("demo", 7.0)]
    assert [request.id for request in requests] == test.ids()
    assert {(request.lambda_, request.task_type, request.sampling.max_output_tokens) for request in requests} == {
        (7.0, "question_answering", 2)
    }


def test_verdicts_and_answers_are_paid_for(both: tuple[GradedSet, GradedSet]) -> None:
    fit, _ = both
    input_tokens = sum(estimate_text_tokens(prompt) for prompt in fit.outcomes.prompts)
    output_tokens = len(fit) * estimate_text_tokens("right")
    always = fit.cost([STRONG] * len(fit), MODELS)
    assert always == (30 * input_tokens + 60 * output_tokens) / Decimal(1_000_000)
    assert fit.answer_tokens() == estimate_text_tokens("right")
    assert "sampling" not in GradedSet(GSM8K, fit.outcomes).requests("demo", 0.0)[0]


def test_lambda_is_the_greatest_that_reaches_the_target(both: tuple[GradedSet, GradedSet]) -> None:
    fit, _ = both
    settings = RoutingSettings()
    chosen = choose_lambda(fit, oracle(fit), MODELS, settings, target=0.95, standard_errors=0.0, seed=1)
    assert chosen.relative_quality == 1.0
    assert chosen.strong_calls == pytest.approx(1 - fit.right(WEAK).mean())
    modest = choose_lambda(fit, oracle(fit), MODELS, settings, target=0.1, standard_errors=0.0, seed=1)
    assert modest.lambda_ == pytest.approx(100_000.0)
    assert modest.strong_calls == 0.0
    impossible = choose_lambda(fit, oracle(fit), MODELS, settings, target=1.1, standard_errors=0.0, seed=1)
    assert (impossible.lambda_, impossible.strong_calls) == (0.0, 1.0)
