"""What one scope has spent and what is reserved for its requests under way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from agents.governance.budgets.periods import start_of
from agents.governance.registry.places import Place
from schemas.balances import Balance, Spent, Warned
from schemas.policy import Budget, Period
from schemas.prices import NOTHING

KEPT_PERIODS = 2
"""Of each length: calls end after the period in which they began, and still count there."""
ALL_SPENT = 1.0


class Account:
    """One scope's account.

    The two newest periods of each length are kept. What is counted into them does not depend on the order in which it
    comes: an older one is dropped whenever it turns up.

    Args:
        place: Whose it is.

    Attributes:
        reserved: Dollars held for requests under way, whichever period their calls will fall into.
    """

    __slots__ = ("_spent", "_warned", "place", "reserved")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.reserved = NOTHING
        self._spent: dict[Period, dict[int, Decimal]] = {period: {} for period in Period}
        self._warned: set[Warned] = set()

    def spent(self, period: Period, start: int) -> Decimal:
        """Return the dollars spent in the period that began then."""
        return self._spent[period].get(start, NOTHING)

    def spend(self, usd: Decimal, starts: Mapping[Period, int]) -> None:
        """Count dollars into the periods that began then."""
        for period, start in starts.items():
            kept = self._spent[period]
            if start in kept:
                kept[start] += usd
                continue
            kept[start] = usd
            if len(kept) > KEPT_PERIODS:
                del kept[min(kept)]

    def over(self, budgets: Iterable[Budget], usd: Decimal, starts: Mapping[Period, int]) -> list[Budget]:
        """Return the hard budgets that these dollars more might pass, with all that is spent and reserved.

        Args:
            budgets: Of this scope.
            usd: What is asked for.
            starts: When the present periods began.
        """
        found = []
        wanted = self.reserved + usd
        for budget in budgets:
            if budget.hard:
                period = budget.period
                if self._spent[period].get(starts[period], NOTHING) + wanted > budget.limit_usd:
                    found.append(budget)
        return found

    def warnings(self, budgets: Iterable[Budget], now: float) -> list[Warned]:
        """Return the thresholds passed in the present periods that have not been told; they count as told then."""
        found = []
        for budget in budgets:
            start = start_of(budget.period, now)
            spent = self.spent(budget.period, start)
            if not spent:
                continue
            for share in sorted({*budget.warn_at, ALL_SPENT}):
                if spent < budget.limit_usd * Decimal(str(share)):
                    break
                passed = Warned(budget.period, start, budget.limit_usd, share)
                if passed not in self._warned:
                    found.append(passed)
        if found:
            self._warned = {old for old in self._warned if start_of(old.period, now) == old.start}.union(found)
        return found

    def note(self) -> Balance:
        """Return all that is known, for a successor."""
        spent = [Spent(period, start, usd) for period, kept in self._spent.items() for start, usd in kept.items()]
        return Balance(self.place.kind, self.place.name, spent, self.reserved, sorted(self._warned))

    def restore(self, balance: Balance) -> None:
        """Take over what a predecessor noted; reservations are held again one by one."""
        for entry in balance.spent:
            self.spend(entry.usd, {entry.period: entry.start})
        self._warned.update(balance.warned)
