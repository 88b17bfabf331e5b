"""What requests cost, and what they would have cost: the sums behind one recommendation."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from decimal import Decimal

from agents.recommendations.cases import Case, key_of
from schemas.prices import NOTHING


def _no_keys() -> array[int]:
    return array("Q")


@dataclass(slots=True)
class Tally:
    """Sums over the requests that one recommendation is about.

    Attributes:
        before: What they cost, as booked, in US dollars.
        after: What they would have cost, in US dollars.
        keys: 64 bits per request, to find it in other recommendations.
    """

    before: Decimal = NOTHING
    after: Decimal = NOTHING
    keys: array[int] = field(default_factory=_no_keys)

    def add(self, case: Case, after: Decimal) -> None:
        """Count a request at what it would have cost."""
        self.count(case.request.tenant, case.request.id, case.result.cost_usd, after)

    def count(self, tenant: str, request_id: str, before: Decimal, after: Decimal) -> None:
        """Count a request by its name."""
        self.before += before
        self.after += after
        self.keys.append(key_of(tenant, request_id))

    @property
    def saving(self) -> Decimal:
        """What would have been saved; negative where it would have cost more."""
        return self.before - self.after

    def __len__(self) -> int:
        return len(self.keys)
