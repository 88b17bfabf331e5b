"""What a request may cost, as far as that can be known before a model is chosen."""

from __future__ import annotations

from decimal import Decimal

from schemas.prices import NOTHING, cost_of
from schemas.registry import ModelRegistry, ModelSpec
from schemas.wire import Tokens


class Estimator:
    """Estimates from the price of the model that is asked for, else of the tenant's reference model.

    Nothing is taken off for the cache or the batch lane: both may fail to come. See `docs/adr/0014-budgets.md`.

    Args:
        models: With their prices.
    """

    def __init__(self, models: ModelRegistry) -> None:
        self._models = models

    def cost(self, model: str | None, reference_model: str, input_tokens: int, output_tokens: int) -> Decimal:
        """Return the estimated cost in dollars.

        A named model without a price cannot be called and costs nothing. Where none is named and the reference model
        has no price either, another model will be found, which may be the dearest.
        """
        spec = self._models.get(model or reference_model)
        if spec is not None:
            return _cost(spec, input_tokens, output_tokens)
        if model is not None:
            return NOTHING
        return max((_cost(one, input_tokens, output_tokens) for one in self._models), default=NOTHING)


def _cost(spec: ModelSpec, input_tokens: int, output_tokens: int) -> Decimal:
    return cost_of(
        Tokens(input_tokens=input_tokens, output_tokens=min(output_tokens, spec.max_output_tokens)), spec.price
    )
