"""What the tokens of a logged answer cost elsewhere."""

from __future__ import annotations

from decimal import Decimal

from schemas.prices import cost_of
from schemas.registry import ModelRegistry
from schemas.result import Result

UNCACHED = {"cached_input_tokens": 0, "cached_audio_tokens": 0, "cache_write_tokens": 0, "cache_write_1h_tokens": 0}


def cost_at(result: Result, model: str, registry: ModelRegistry, *, batch: bool = False) -> Decimal:
    """Return what the tokens billed for a result cost at another model, or in another lane.

    Nobody knows how long another answer would have been, nor what another provider would have had cached: so the
    answer is as long as it was, and nothing is cached.
    """
    spec = registry.get(model)
    assert spec is not None, "the router chooses among the registry's models"
    return cost_of(result.usage.model_copy(update=UNCACHED), spec.price, batch=batch)
