"""How often a beginning that was sent so and so many times is sent again in time, learned from each tenant. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from agents.windows.boundaries import Kind

TOLD_APART = 8
"""Beginnings sent this often or more count as one."""
NEW, SEEN = (0.2, 2.0), (1.0, 2.0)
"""Until a tenant's own are known: how many came again, of how many. New ones hardly do, others as often as not."""
REMEMBERED = 4_096
"""Beginnings of one kind after which older ones weigh half."""
MOST_RETURNS = 1_000.0


class Returns:
    """Of one tenant and one kind of boundary: of beginnings sent n times, how many came again.

    A beginning counts as not having come again until it does. That errs on the side of not writing it.
    """

    __slots__ = ("_again", "_reached")

    def __init__(self) -> None:
        self._reached = [0.0] * TOLD_APART
        self._again = [0.0] * TOLD_APART

    def reached(self, times: int) -> None:
        """Take in that a beginning was sent for this time, counted from one."""
        rank = min(times, TOLD_APART) - 1
        self._reached[rank] += 1
        if times > 1:
            self._again[min(times - 1, TOLD_APART) - 1] += 1
        if self._reached[rank] > REMEMBERED:
            self._reached = [count / 2 for count in self._reached]
            self._again = [count / 2 for count in self._again]

    def probability(self, times: int) -> float:
        """Return how likely a beginning sent so often comes again in time."""
        rank = min(times, TOLD_APART) - 1
        again, of = SEEN if rank else NEW
        return min(1.0, (self._again[rank] + again) / (self._reached[rank] + of))

    def expected(self, times: int) -> float:
        """Return how many times more a beginning sent so often is expected, each in time after the one before."""
        lasting = self.probability(TOLD_APART)
        found = MOST_RETURNS if lasting >= 1 else min(MOST_RETURNS, lasting / (1 - lasting))
        for count in range(TOLD_APART - 1, times - 1, -1):
            found = self.probability(count) * (1 + found)
        return found


class TenantReturns:
    """The same for every tenant and kind, bounded: who has sent nothing for longest is forgotten.

    Args:
        tenants: Most tenants.
    """

    def __init__(self, tenants: int) -> None:
        self._tenants = tenants
        self._known: OrderedDict[str, tuple[Returns, ...]] = OrderedDict()

    def of(self, tenant: str) -> Callable[[Kind], Returns]:
        """Return what finds a tenant's returns by kind."""
        known = self._known.get(tenant)
        if known is None:
            known = self._known[tenant] = tuple(Returns() for _ in Kind)
            if len(self._known) > self._tenants:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(tenant)
        return known.__getitem__
