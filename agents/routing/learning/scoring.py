"""The probability of a right answer, from the prompt, or from prompt and answer where the cheap model answered."""

from __future__ import annotations

from collections.abc import Sequence

from agents.routing.cascade.scorer import AnswerScorer
from agents.routing.learning.components import Floats, logit
from agents.routing.learning.predictor import LearnedPredictor


def score(
    predictor: LearnedPredictor,
    scorer: AnswerScorer | None,
    prompts: Sequence[str],
    answers: Sequence[str | None],
) -> Floats:
    """Return the probability of a right answer, of shape (prompts, models).

    Args:
        predictor: For all models, from the prompt.
        scorer: For the model whose answers are given; None looks at no answer.
        prompts: What is asked.
        answers: Of the scorer's model; None where it has not answered: then the prompt decides. As many as prompts.
    """
    probability = predictor.predict(prompts, [None] * len(prompts))
    answered = [row for row, answer in enumerate(answers) if answer is not None]
    if scorer is None or not answered:
        return probability
    column = predictor.models.index(scorer.model)
    probability[answered, column] = scorer.score(
        [prompts[row] for row in answered],
        [answers[row] or "" for row in answered],
        logit(probability[answered, column]),
    )
    return probability
