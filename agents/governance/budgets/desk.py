"""The budgets of one partition: between the stages that admit and settle requests, and the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from agents.governance.budgets import wording
from agents.governance.budgets.account import Account
from agents.governance.budgets.estimate import Estimator
from agents.governance.budgets.ledger import Payer, Reservation
from agents.governance.budgets.recollection import Recollection
from agents.governance.registry import Registry
from agents.governance.registry.places import Place
from agents.governance.registry.scopes import Scopes
from schemas.balances import Balances, Held
from schemas.batch import Call
from schemas.wire import AuditRecord, ProblemRecord, UsageRecord
from streams.stage import Journey, deadline_of
from streams.tenancy.spending import Notes
from streams.tenancy.state import ledger_key


class BudgetDesk(Recollection):
    """Reserves, counts and releases for the organizations of one partition.

    Args:
        directory: Who is registered, with which budgets; may change between calls.
        estimator: What a request may cost.
        hold_seconds: How long an estimate is held that nobody settles.
    """

    def __init__(self, directory: Registry, estimator: Estimator, hold_seconds: float) -> None:
        super().__init__(directory)
        self._estimator = estimator
        self._hold_seconds = hold_seconds
        self._unnoted: set[str] = set()

    def reserve(self, journey: Journey, scopes: Scopes, output_tokens: int, now: float) -> ProblemRecord | None:
        """Hold what a request and its steps may cost, and write it on the journey; return what budget is in the way.

        Nothing is held where no scope of the request has a budget.

        Args:
            journey: With its estimated input tokens.
            scopes: Of the request.
            output_tokens: How long the answer is taken to be.
            now: Unix seconds.
        """
        payer = scopes.once(_payer)
        journey.team = payer.team
        if not scopes.once(_has_budget):
            return None
        request = journey.request
        reference = scopes.tenant.reference_model
        usd = self._estimator.cost(request.model, reference, journey.input_tokens, output_tokens)
        if journey.foresight is not None:
            for call in journey.foresight.steps.values():
                usd += self._estimator.cost(call.model, reference, call.input_tokens, call.output_tokens)
        expires_at = max(now, deadline_of(request) or now) + self._hold_seconds
        key = ledger_key(request.tenant, request.id)
        exceeded = self.ledger.reserve(key, Reservation(usd, payer, expires_at), now)
        if exceeded:
            return wording.problem(exceeded, usd, now)
        self._changed.add(request.tenant)
        journey.reserved = usd
        return None

    def hold(self, call: Call) -> None:
        """Hold what a predecessor reserved for a call under way."""
        passenger = call.passenger
        if passenger.reserved is None:
            return
        key = ledger_key(passenger.tenant, passenger.id)
        payer = self._known(passenger.tenant, passenger.team, passenger.user, passenger.key_id)
        expires_at = max(passenger.received_at, call.deadline or 0.0) + self._hold_seconds
        self.ledger.hold(key, Reservation(passenger.reserved, payer, expires_at))
        self._changed.add(passenger.tenant)

    def outlast(self, tenant: str, key: str) -> bool:
        """Hear that a call is left to a batch; return whether anything is held for it, which must be noted then."""
        if self.ledger.holds(key) is None:
            return False
        self._lasting.setdefault(tenant, set()).add(key)
        self._unnoted.add(key)
        self._changed.add(tenant)
        return True

    def release(self, tenant: str, key: str) -> None:
        """Give back what is left of a reservation, as the request has its result or is not let in after all."""
        if self.ledger.release(key) is not None:
            self._changed.add(tenant)
            if (lasting := self._lasting.get(tenant)) is not None:
                lasting.discard(key)

    def sending(self) -> int:
        """Hear that usage is on its way to the log; return what `booked` wants to be told again."""
        return self._bookings.begin()

    def booked(
        self, sending: int, usages: Sequence[UsageRecord], offsets: Sequence[int], now: float
    ) -> list[AuditRecord]:
        """Count usage that is durable at these offsets, each call once; return warnings."""
        accounts: dict[Place, Account] = {}
        for usage, offset in zip(usages, offsets, strict=True):
            if self._bookings.book(usage.id, usage.tenant, offset):
                for account in self._spend(usage):
                    accounts[account.place] = account
                if usage.step is not None and not usage.superseded:  # spent by now, and no longer to be expected
                    self.ledger.lessen(ledger_key(usage.tenant, usage.request_id), Decimal(usage.cost_usd))
        self._bookings.end(sending)
        return [wording.warning(passed, now) for passed in self.ledger.thresholds(accounts.values(), now)]

    def reconcile(self, now: float) -> list[AuditRecord]:
        """Give back what nobody has settled in time; return an event for each, and warnings that are due."""
        recalled, self._recalled = self._recalled, {}
        found = [wording.warning(passed, now) for passed in self.ledger.thresholds(recalled.values(), now)]
        for key, held in self.ledger.expire(now):
            self._changed.add(held.payer.tenant)
            request_id = key.removeprefix(ledger_key(held.payer.tenant, ""))
            found.append(wording.reconciliation(request_id, held, now))
        return found

    def notes(self, now: float) -> Notes | None:
        """Return what has changed since the last call; None when nothing has."""
        if not self._changed:
            return None
        position = self._bookings.position
        balances = [self._note(tenant, position, now) for tenant in sorted(self._changed)]
        keys, self._unnoted = self._unnoted, set()
        self._changed.clear()
        return Notes([*balances, Balances(position, now)], keys)

    def _note(self, tenant: str, position: int, now: float) -> Balances:
        prefix = ledger_key(tenant, "")
        held = [
            Held(key.removeprefix(prefix), one.usd, one.payer.team, one.payer.user, one.payer.key_id, one.expires_at)
            for key in self._lasting.get(tenant, ())
            if (one := self.ledger.holds(key)) is not None
        ]
        counted = self._bookings.counted_behind(position, tenant)
        return Balances(position, now, tenant, counted, self.ledger.note(tenant), held)


def _payer(scopes: Scopes) -> Payer:
    return Payer(
        scopes.tenant.tenant,
        None if scopes.team is None else scopes.team.team,
        None if scopes.user is None else scopes.user.user,
        None if scopes.key is None else scopes.key.key_id,
    )


def _has_budget(scopes: Scopes) -> bool:
    return any(fact.budgets for fact in scopes.widest_first)
