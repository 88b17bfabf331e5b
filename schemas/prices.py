"""From tokens to dollars, exactly."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from schemas.registry import Price

TOKENS_PER_PRICE_UNIT = Decimal(1_000_000)


class Billed(Protocol):
    """Tokens of one call, whether read from an event (`TokenUsage`) or about to be written (`Tokens`)."""

    @property
    def input_tokens(self) -> int:
        """Tokens sent, cached ones included."""
        ...

    @property
    def cached_input_tokens(self) -> int:
        """Tokens the provider had cached; never more than `input_tokens`."""
        ...

    @property
    def output_tokens(self) -> int:
        """Tokens generated, reasoning included."""
        ...


def cost_of(usage: Billed, price: Price) -> Decimal:
    """Return the exact cost of one call in US dollars.

    `usage.input_tokens` includes the cached ones, which are billed at the cached rate when there is one. Exact means
    that nothing is rounded: a `Rate` has few enough digits for any product with up to 10^10 tokens.
    """
    total = usage.input_tokens * price.input + usage.output_tokens * price.output
    if price.cached_input is not None and usage.cached_input_tokens:
        cached = min(usage.cached_input_tokens, usage.input_tokens)
        total -= cached * (price.input - price.cached_input)
    total /= TOKENS_PER_PRICE_UNIT
    return total if price.per_request is None else total + price.per_request
