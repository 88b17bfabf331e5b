"""What a paid call cost, also when its model has no price any more."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from schemas.batch import PaidCall
from schemas.prices import cost_of
from schemas.registry import ModelRegistry

UNPRICED = "unpriced"
NOTHING = Decimal(0)


class Charge(NamedTuple):
    """The cost of a call and the price list it was computed with.

    Attributes:
        price_list: As written on the usage event; see `charge_for` when it is not simply the registry's.
    """

    cost: Decimal
    price_list: str


def charge_for(call: PaidCall, reference_model: str, registry: ModelRegistry) -> Charge:
    """Return what a call cost.

    A model may leave the models file while its calls are under way, and accounting must not stop for that. Such a
    call is charged like the reference model, usually the dearest, so that budgets err on the safe side; its price
    list reads `estimated/<reference model>/<price list>`, by which it is found and recomputed. Without a price
    for the reference model either it costs 0 on the price list `unpriced`.
    """
    spec = registry.get(call.model)
    if spec is not None:
        return Charge(cost_of(call.tokens, spec.price), registry.price_list)
    reference = registry.get(reference_model)
    if reference is not None:
        estimate = cost_of(call.tokens, reference.price)
        return Charge(estimate, f"estimated/{reference_model}/{registry.price_list}")
    return Charge(NOTHING, UNPRICED)
