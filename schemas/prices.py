"""From tokens to dollars, exactly."""

from __future__ import annotations

from decimal import Decimal

from schemas.registry import Price
from schemas.result import TokenUsage

TOKENS_PER_PRICE_UNIT = Decimal(1_000_000)


def cost_of(usage: TokenUsage, price: Price) -> Decimal:
    """Return the exact cost of one call in US dollars.

    `usage.input_tokens` includes the cached ones, which are billed at the cached rate when there is one.
    """
    cached_rate = price.input if price.cached_input is None else price.cached_input
    cached = min(usage.cached_input_tokens, usage.input_tokens)
    total = (
        (usage.input_tokens - cached) * price.input + cached * cached_rate + usage.output_tokens * price.output
    ) / TOKENS_PER_PRICE_UNIT
    return total if price.per_request is None else total + price.per_request
