"""What logged calls cost under another price list: new facts beside the old ones, never edits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

import msgspec

from schemas.prices import NOTHING, cost_of
from schemas.registry import ModelRegistry
from schemas.wire import UsageRecord, plain


def repriced(record: UsageRecord, registry: ModelRegistry) -> UsageRecord | None:
    """Return a logged call under these prices, as the next revision of its event.

    It names the registry's price list and has the cost that list gives. None when there is no price for its model.
    """
    spec = registry.get(record.model)
    if spec is None:
        return None
    return msgspec.structs.replace(
        record,
        cost_usd=plain(cost_of(record.usage, spec.price, batch=record.batch)),
        price_list=registry.price_list,
        revision=record.revision + 1,
    )


class Place(NamedTuple):
    """Where a difference comes from: a model, and the price list its calls were priced by before."""

    model: str
    price_list: str


@dataclass(slots=True)
class Difference:
    """What a price list changes for the calls of one place; US dollars.

    Attributes:
        calls: Logged calls.
        changed: Those that cost something else now.
        unpriced: Those that keep their cost, for their model has no price in the list.
        before_usd: What all of them cost.
        after_usd: What all of them cost under the list.
    """

    calls: int = 0
    changed: int = 0
    unpriced: int = 0
    before_usd: Decimal = NOTHING
    after_usd: Decimal = NOTHING

    @property
    def difference_usd(self) -> Decimal:
        """How much more they cost; negative is less."""
        return self.after_usd - self.before_usd


@dataclass(slots=True)
class Recount:
    """Logged calls counted again under another price list.

    Attributes:
        registry: The prices.
        differences: By place, in the order in which places were met.
    """

    registry: ModelRegistry
    differences: dict[Place, Difference] = field(default_factory=dict)

    def add(self, records: Iterable[UsageRecord]) -> list[UsageRecord]:
        """Count calls; return the corrections of those whose cost changes.

        A call whose cost stays needs no correction: the list it names still says what it cost.
        """
        corrections = []
        for record in records:
            before = Decimal(record.cost_usd)
            seen = self.differences.setdefault(Place(record.model, record.price_list), Difference())
            corrected = repriced(record, self.registry)
            after = before if corrected is None else Decimal(corrected.cost_usd)
            seen.calls += 1
            seen.unpriced += corrected is None
            seen.before_usd += before
            seen.after_usd += after
            if corrected is not None and after != before:
                seen.changed += 1
                corrections.append(corrected)
        return corrections

    def total(self) -> Difference:
        """Return the sum over all places."""
        total = Difference()
        for seen in self.differences.values():
            total.calls += seen.calls
            total.changed += seen.changed
            total.unpriced += seen.unpriced
            total.before_usd += seen.before_usd
            total.after_usd += seen.after_usd
        return total
