"""From tokens to dollars, exactly."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, Protocol

from schemas.prices_formula import KINDS, NOTHING, TOKENS_PER_PRICE_UNIT, Formula
from schemas.rates import Price

__all__ = ["NOTHING", "TOKENS_PER_PRICE_UNIT", "Billed", "CostParts", "cost_of", "list_cost_of", "parts_of"]

SENT = frozenset(kind.field for kind in KINDS.values() if kind.sent)
GENERATED = frozenset(kind.field for kind in KINDS.values() if not kind.sent)


class Billed(Protocol):
    """Tokens of one call, whether read from an event (`TokenUsage`) or about to be written (`Tokens`).

    Besides these a price may ask for any count that `schemas.prices_formula.KINDS` names.
    """

    @property
    def input_tokens(self) -> int:
        """Tokens sent, cached and written ones included."""
        ...

    @property
    def cached_input_tokens(self) -> int:
        """Tokens the provider had cached; never more than `input_tokens`."""
        ...

    @property
    def output_tokens(self) -> int:
        """Tokens generated, reasoning included."""
        ...


class CostParts(NamedTuple):
    """What input and output cost by themselves, in US dollars; fees belong to neither."""

    input: Decimal
    output: Decimal


def cost_of(usage: Billed, price: Price, *, batch: bool = False) -> Decimal:
    """Return the exact cost of one call in US dollars.

    `usage.input_tokens` includes the cached ones, which are billed at the cached rate when there is one. Exact means
    that nothing is rounded: a `Rate` has few enough digits for any product with up to 10^10 tokens.

    Args:
        usage: What the call used.
        price: Of the model called.
        batch: Whether it was called in the provider's batch lane.
    """
    formula = _for_length(price.batch_formula if batch else price.formula, usage.input_tokens)
    total = usage.input_tokens * formula.input + usage.output_tokens * formula.output
    if usage.cached_input_tokens and formula.cached:
        total += min(usage.cached_input_tokens, usage.input_tokens) * formula.cached
    for count, amount in formula.plain + formula.caching:
        if number := getattr(usage, count):
            total += number * amount
    return (total + formula.fee) / TOKENS_PER_PRICE_UNIT if formula.fee else total / TOKENS_PER_PRICE_UNIT


def list_cost_of(usage: Billed, price: Price) -> Decimal:
    """Return what the same tokens cost at list price: outside the batch lane, and with nothing cached or written."""
    formula = _for_length(price.formula, usage.input_tokens)
    total = usage.input_tokens * formula.input + usage.output_tokens * formula.output
    for count, amount in formula.plain:
        if number := getattr(usage, count):
            total += number * amount
    return (total + formula.fee) / TOKENS_PER_PRICE_UNIT if formula.fee else total / TOKENS_PER_PRICE_UNIT


def parts_of(usage: Billed, price: Price, *, batch: bool = False) -> CostParts:
    """Return how much of `cost_of` is for input and for output; fees make the rest."""
    formula = _for_length(price.batch_formula if batch else price.formula, usage.input_tokens)
    read = usage.input_tokens * formula.input
    read += min(usage.cached_input_tokens, usage.input_tokens) * formula.cached
    written = usage.output_tokens * formula.output
    for count, amount in (*formula.plain, *formula.caching):
        if count in SENT:
            read += getattr(usage, count) * amount
        elif count in GENERATED:
            written += getattr(usage, count) * amount
    return CostParts(read / TOKENS_PER_PRICE_UNIT, written / TOKENS_PER_PRICE_UNIT)


def _for_length(formula: Formula, input_tokens: int) -> Formula:
    """Return the formula for a call of this length."""
    while formula.longer is not None and input_tokens > formula.longer.above:
        formula = formula.longer
    return formula
