"""What a request may cost, as far as that can be known before a model is chosen."""

from __future__ import annotations

from decimal import Decimal

from schemas.prices import NOTHING, cost_of
from schemas.registry import ModelRegistry
from schemas.request import Request
from schemas.wire import Tokens


class Estimator:
    """Estimates from the price of the model that is asked for, else of the tenant's reference model.

    The answer is taken to be as long as the request allows, else as long as routing expects answers to be. Nothing is
    taken off for the cache or the batch lane: both may fail to come. See `docs/adr/0014-budgets.md`.

    Args:
        models: With their prices.
        expected_output_tokens: Of an answer whose length the request leaves open.
    """

    def __init__(self, models: ModelRegistry, expected_output_tokens: int) -> None:
        self._models = models
        self._expected_output_tokens = expected_output_tokens

    def cost(self, request: Request, reference_model: str, input_tokens: int) -> Decimal:
        """Return the estimated cost in dollars; nothing for a model without a price, which cannot be called."""
        spec = self._models.get(request.model or reference_model)
        if spec is None:
            return NOTHING
        asked = request.sampling.max_output_tokens
        output = min(asked or self._expected_output_tokens, spec.max_output_tokens)
        return cost_of(Tokens(input_tokens=input_tokens, output_tokens=output), spec.price)
