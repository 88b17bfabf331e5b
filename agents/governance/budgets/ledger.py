"""The ledger: a fold over reservations, spending and releases, for all organizations of one partition.

The writer of the partition is the only one that has it, so that no two requests can be let in for the same dollar. It
can be thrown away: what was spent is on the log as usage, and what is reserved is on the log as calls under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from agents.governance.budgets.account import Account
from agents.governance.budgets.periods import starts
from agents.governance.registry.places import Kind, Place
from schemas.balances import Balance, Warned
from schemas.policy import Budget

REMEMBERED_PAYERS = 10_000
NEVER = float("inf")

BudgetsOf = Callable[[Place], Sequence[Budget]]
"""The budgets of a scope as the registry has them now."""


class Payer(NamedTuple):
    """Whose accounts a request counts against; None where there is no such scope."""

    tenant: str
    team: str | None = None
    user: str | None = None
    key_id: str | None = None


class Reservation(NamedTuple):
    """Dollars held for a request until it has its result.

    Attributes:
        expires_at: Unix seconds after which nobody will settle it any more.
    """

    usd: Decimal
    payer: Payer
    expires_at: float


class Exceeded(NamedTuple):
    """A hard budget that a request might pass.

    Attributes:
        spent: In the present period, in dollars.
        reserved: For others under way, in dollars.
    """

    place: Place
    budget: Budget
    spent: Decimal
    reserved: Decimal


class Threshold(NamedTuple):
    """A threshold that the spending of a scope has passed.

    Attributes:
        spent: In that period, in dollars.
    """

    place: Place
    warned: Warned
    spent: Decimal


class BudgetLedger:
    """Accounts and reservations.

    Args:
        budgets_of: Asked at every reservation, so that a changed budget holds at once.
    """

    def __init__(self, budgets_of: BudgetsOf) -> None:
        self._budgets_of = budgets_of
        self._accounts: dict[str, dict[Place, Account]] = {}
        self._of_payer: dict[Payer, tuple[Account, ...]] = {}
        self._reservations: dict[str, Reservation] = {}
        self._expires_at = NEVER

    def __len__(self) -> int:
        """Return how many reservations are held."""
        return len(self._reservations)

    def holds(self, key: str) -> Reservation | None:
        """Return what is reserved for a request."""
        return self._reservations.get(key)

    def account(self, place: Place) -> Account:
        """Return the account of a scope; a new one is empty."""
        accounts = self._accounts.setdefault(place.tenant, {})
        found = accounts.get(place)
        if found is None:
            found = accounts[place] = Account(place)
        return found

    def reserve(self, key: str, reservation: Reservation, now: float) -> list[Exceeded]:
        """Hold dollars for a request, unless that might pass a hard budget of one of its scopes.

        Args:
            key: The request's; one that is held already stays as it is.
            reservation: What to hold.
            now: Unix seconds.

        Returns:
            The budgets in the way, from the widest scope to the narrowest; none when the dollars are held.
        """
        if key in self._reservations:
            return []
        accounts = self._accounts_of(reservation.payer)
        began = starts(now)
        exceeded = [
            Exceeded(account.place, budget, account.spent(budget.period, began[budget.period]), account.reserved)
            for account in accounts
            for budget in account.over(self._budgets_of(account.place), reservation.usd, began)
        ]
        if not exceeded:
            self._hold(key, reservation, accounts)
        return exceeded

    def hold(self, key: str, reservation: Reservation) -> None:
        """Hold what a predecessor reserved, whatever the budgets are by now."""
        if key not in self._reservations:
            self._hold(key, reservation, self._accounts_of(reservation.payer))

    def release(self, key: str) -> Reservation | None:
        """Hold nothing for a request any more; return what was held."""
        found = self._reservations.pop(key, None)
        if found is not None:
            for account in self._accounts_of(found.payer):
                account.reserved -= found.usd
        return found

    def lessen(self, key: str, usd: Decimal) -> None:
        """Hold so much less for a request that is under way, since a part of it is spent."""
        found = self._reservations.get(key)
        if found is not None:
            less = min(usd, found.usd)
            self._reservations[key] = found._replace(usd=found.usd - less)
            for account in self._accounts_of(found.payer):
                account.reserved -= less

    def expire(self, now: float) -> list[tuple[str, Reservation]]:
        """Release what nobody will settle any more; return it."""
        if now < self._expires_at:
            return []
        late = [(key, held) for key, held in self._reservations.items() if held.expires_at <= now]
        for key, _ in late:
            self.release(key)
        self._expires_at = min((held.expires_at for held in self._reservations.values()), default=NEVER)
        return late

    def spend(self, payer: Payer, usd: Decimal, at: float) -> tuple[Account, ...]:
        """Count what a call cost that began at this moment (Unix seconds); return the accounts it counts against."""
        accounts, began = self._accounts_of(payer), starts(at)
        for account in accounts:
            account.spend(usd, began)
        return accounts

    def thresholds(self, accounts: Iterable[Account], now: float) -> list[Threshold]:
        """Return the thresholds that these accounts have passed, each once per period."""
        return [
            Threshold(account.place, passed, account.spent(passed.period, passed.start))
            for account in accounts
            if (budgets := self._budgets_of(account.place))
            for passed in account.warnings(budgets, now)
        ]

    def note(self, tenant: str) -> list[Balance]:
        """Return what the scopes of an organization stand at."""
        return [account.note() for account in self._accounts.get(tenant, {}).values()]

    def restore(self, tenant: str, balances: Iterable[Balance]) -> None:
        """Take over what a predecessor noted of an organization."""
        for balance in balances:
            self.account(Place(Kind(balance.kind), tenant, balance.name)).restore(balance)

    def _hold(self, key: str, reservation: Reservation, accounts: Iterable[Account]) -> None:
        self._reservations[key] = reservation
        self._expires_at = min(self._expires_at, reservation.expires_at)
        for account in accounts:
            account.reserved += reservation.usd

    def _accounts_of(self, payer: Payer) -> tuple[Account, ...]:
        found = self._of_payer.get(payer)
        if found is None:
            if len(self._of_payer) >= REMEMBERED_PAYERS:
                self._of_payer.clear()
            names = zip((Kind.TENANT, Kind.TEAM, Kind.USER, Kind.KEY), payer, strict=True)
            places = [Place(kind, payer.tenant, name) for kind, name in names if name is not None]
            found = self._of_payer[payer] = tuple(self.account(place) for place in places)
        return found
