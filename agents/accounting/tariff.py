"""What a paid call cost, also when its model has no price any more."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from schemas.batch import PaidCall
from schemas.prices import NOTHING, cost_of, list_cost_of
from schemas.rates import Price
from schemas.registry import ModelRegistry

UNPRICED = "unpriced"


class Charge(NamedTuple):
    """The cost of a call and how it came about; cost = listed - cache_saved - batch_saved.

    Attributes:
        price_list: As written on the usage event; see `charge_for` when it is not simply the registry's.
        listed: At list price, in US dollars.
        cache_saved: By what the provider had cached, less what writing to its cache cost.
        batch_saved: By the provider's batch lane.
    """

    cost: Decimal
    price_list: str
    listed: Decimal
    cache_saved: Decimal = NOTHING
    batch_saved: Decimal = NOTHING


def charge_for(call: PaidCall, reference_model: str, registry: ModelRegistry) -> Charge:
    """Return what a call cost.

    A model may leave the models file while its calls are under way, and accounting must not stop for that. Such a
    call is charged like the reference model, usually the dearest, so that budgets err on the safe side; its price
    list reads `estimated/<reference model>/<price list>`, by which it is found and recomputed. Without a price
    for the reference model either it costs 0 on the price list `unpriced`.
    """
    spec = registry.get(call.model)
    if spec is not None:
        return _charge(call, spec.price, registry.price_list)
    reference = registry.get(reference_model)
    if reference is not None:
        return _charge(call, reference.price, f"estimated/{reference_model}/{registry.price_list}")
    return Charge(NOTHING, UNPRICED, NOTHING)


def _charge(call: PaidCall, price: Price, price_list: str) -> Charge:
    tokens = call.tokens
    standard = cost_of(tokens, price)
    caching = tokens.cached_input_tokens or tokens.cache_write_tokens
    if not (caching or call.batch):
        return Charge(standard, price_list, standard)
    listed = list_cost_of(tokens, price) if caching else standard
    cost = cost_of(tokens, price, batch=True) if call.batch else standard
    return Charge(cost, price_list, listed, listed - standard, standard - cost)
