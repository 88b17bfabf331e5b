"""What Asahi saved on a request, by cause."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from agents.accounting.tariff import Charge
from schemas.batch import Completion
from schemas.prices import NOTHING, list_cost_of
from schemas.registry import ModelRegistry
from schemas.wire import BaselineRecord, SavingsRecord, Tokens, plain

NO_SAVINGS = SavingsRecord()


def savings_on(
    completion: Completion, tokens: Tokens, cost: Decimal, charges: Sequence[Charge], registry: ModelRegistry
) -> tuple[BaselineRecord | None, SavingsRecord]:
    """Return the baseline of a request and what was saved against it.

    The baseline is the answering call at the tenant's reference model and list price: nothing cached, outside the
    batch lane, with the whole prompt. What a failed request has cost is a negative saving against a baseline of 0.
    Each cause has its share: the provider's cache and its batch lane what they took off the price of the model that
    was called, compression what the tokens left out would have cost there, and routing the rest, which is the
    difference between the reference model's list price and that of every call made. So the causes add up to baseline
    minus cost to the last digit. Without a price for the reference model, or without any cost and answer, there is
    neither baseline nor saving.

    Args:
        completion: How the request ended.
        tokens: Of the call that answered.
        cost: Of all paid calls together.
        charges: Of each paid call.
        registry: The prices.
    """
    answered = completion.answer is not None
    model = completion.passenger.reference_model
    reference = registry.get(model)
    if reference is None or not (answered or cost):
        return None, NO_SAVINGS
    compression = NOTHING
    if answered and completion.passenger.compressed_tokens:
        compression, tokens = _compressed(completion, tokens, registry)
    baseline = list_cost_of(tokens, reference.price) if answered else NOTHING
    listed, cached, batch = NOTHING, NOTHING, NOTHING
    for charge in charges:
        listed += charge.listed
        if charge.listed is not charge.cost:  # the same number as a rule, and then the same object
            cached += charge.cache_saved
            batch += charge.batch_saved
    savings = SavingsRecord(
        routing=plain(baseline - listed - compression),
        batch_lane=_unless_nothing(batch),
        provider_cache=_unless_nothing(cached),
        compression=_unless_nothing(compression),
    )
    return BaselineRecord(model, plain(baseline)), savings


def _compressed(completion: Completion, tokens: Tokens, registry: ModelRegistry) -> tuple[Decimal, Tokens]:
    """Return what the tokens left out would have cost at the model that answered, and the tokens with them."""
    passenger = completion.passenger
    whole = msgspec.structs.replace(tokens, input_tokens=tokens.input_tokens + passenger.compressed_tokens)
    by = completion.answered_by
    spec = None if by is None else registry.get(by.model)
    spec = spec or registry.get(passenger.reference_model)
    assert spec is not None, "the reference model has a price"
    return list_cost_of(whole, spec.price) - list_cost_of(tokens, spec.price), whole


def _unless_nothing(amount: Decimal) -> str | None:
    return plain(amount) if amount else None
