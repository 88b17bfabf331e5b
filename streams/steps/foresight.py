"""What a request with steps may come to, before any of them is taken."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from schemas.request import Request
from schemas.steps import REFERENCE, DeclaredStep
from schemas.tokens import estimate_text_tokens, estimate_tokens
from streams.steps.requests import texts_of_request

TOKENS_PER_STEP = 8
"""Roles and separators around the two messages of a step."""


class Foreseen(NamedTuple):
    """One call: the model where one is named, and its expected lengths in tokens."""

    model: str | None
    input_tokens: int
    output_tokens: int


class Foresight(NamedTuple):
    """What is expected of a request with steps.

    Attributes:
        request: Of the request's own call, with the results of its steps in place.
        steps: Of the call of each step, by name.
    """

    request: Foreseen
    steps: Mapping[str, Foreseen]

    @property
    def tokens(self) -> int:
        """Input and output of all calls together."""
        return sum(call.input_tokens + call.output_tokens for call in (self.request, *self.steps.values()))

    def share(self, name: str, most: Decimal) -> Decimal:
        """Return how much of the most that a request may cost is for a step: as its tokens are of all tokens."""
        step = self.steps[name]
        return most * (step.input_tokens + step.output_tokens) / self.tokens


def foresee(request: Request, steps: list[DeclaredStep], usual_output: int) -> Foresight:
    """Return what is expected of a request with steps.

    Args:
        request: What is asked.
        steps: Its steps.
        usual_output: How long an answer is taken to be that nothing bounds, in tokens.
    """
    outputs = {step.name: step.sampling.max_output_tokens or usual_output for step in steps}
    calls = {
        step.name: Foreseen(
            step.model or request.model,
            TOKENS_PER_STEP
            + estimate_text_tokens(step.operation)
            + estimate_text_tokens(step.input)
            + _results(step.input, outputs),
            outputs[step.name],
        )
        for step in steps
    }
    own = estimate_tokens(request) + sum(_results(text, outputs) for text in texts_of_request(request))
    return Foresight(Foreseen(request.model, own, request.sampling.max_output_tokens or usual_output), calls)


def _results(text: str, outputs: Mapping[str, int]) -> int:
    return sum(outputs[name] for name in REFERENCE.findall(text))
