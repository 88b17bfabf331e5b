"""The budgets of one partition: between the stages that admit and settle requests, and the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from agents.governance.budgets import wording
from agents.governance.budgets.account import Account
from agents.governance.budgets.booking import Bookings
from agents.governance.budgets.estimate import Estimator
from agents.governance.budgets.ledger import BudgetLedger, Payer, Reservation
from agents.governance.registry import Registry
from agents.governance.registry.places import Kind, Place
from agents.governance.registry.scopes import Scopes
from schemas.balances import Balances, Held
from schemas.batch import Call
from schemas.policy import Budget
from schemas.wire import AuditRecord, ProblemRecord, UsageRecord
from streams.stage import Journey, deadline_of
from streams.tenancy.spending import Notes
from streams.tenancy.state import ledger_key

_notes = msgspec.json.Decoder(Balances)
_usages = msgspec.json.Decoder(UsageRecord)


class BudgetDesk:
    """Reserves, counts and releases for the organizations of one partition.

    Args:
        directory: Who is registered, with which budgets; may change between calls.
        estimator: What a request may cost.
        hold_seconds: How long an estimate is held that nobody settles.
    """

    def __init__(self, directory: Registry, estimator: Estimator, hold_seconds: float) -> None:
        self._directory = directory
        self._estimator = estimator
        self._hold_seconds = hold_seconds
        self._bookings = Bookings()
        self._changed: set[str] = set()
        self._lasting: dict[str, set[str]] = {}
        self._unnoted: set[str] = set()
        self._notes: dict[str, Balances] = {}
        self._counted: dict[str, frozenset[str]] = {}
        self._recalled: dict[Place, Account] = {}
        self.ledger = BudgetLedger(self._budgets_of)

    def reserve(self, journey: Journey, now: float) -> ProblemRecord | None:
        """Hold what a request may cost, and write it on the journey; return the problem if a budget is in the way.

        Nothing is held where no scope of the request has a budget.
        """
        request = journey.request
        scopes = self._directory.scope_chain(request.tenant, request.user, journey.key_id)
        if scopes is None:
            return None
        payer = _payer(scopes)
        journey.team = payer.team
        if not any(fact.budgets for fact in scopes.widest_first):
            return None
        usd = self._estimator.cost(request, scopes.tenant.reference_model, journey.input_tokens)
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

    def restore(self, value: bytes) -> None:
        """Hear a predecessor's note; of several about the same organization the furthest holds."""
        note = _notes.decode(value)
        if note.tenant is None:
            self._bookings.resume(note.position)
            return
        known = self._notes.get(note.tenant)
        if known is None or known.position <= note.position:
            self._notes[note.tenant] = note

    @property
    def recall_from(self) -> int:
        """Return from where on usage must be read: what the notes do not tell, and what may come twice."""
        return self._bookings.recall_from

    def recall(self, value: bytes, offset: int) -> None:
        """Count usage that is on the log, but for what its organization's note has counted."""
        usage = _usages.decode(value)
        note = self._notes.get(usage.tenant)
        noted = note is not None and (offset < note.position or usage.id in self._counted[usage.tenant])
        if not usage.revision and self._bookings.book(usage.id, usage.tenant, offset) and not noted:
            self._recalled.update((account.place, account) for account in self._spend(usage))

    def resume(self, has_ended: Callable[[str], bool]) -> None:
        """Go on from the notes that were heard; what has ended since is held no longer."""
        for tenant, note in self._notes.items():
            self._counted[tenant] = frozenset(note.counted)
            self.ledger.restore(tenant, note.balances)
            for held in note.held:
                key = ledger_key(tenant, held.id)
                if not has_ended(key):
                    payer = Payer(tenant, held.team, held.user, held.key_id)
                    self.ledger.hold(key, Reservation(held.usd, payer, held.expires_at))
                    self._lasting.setdefault(tenant, set()).add(key)

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

    def _spend(self, usage: UsageRecord) -> tuple[Account, ...]:
        self._changed.add(usage.tenant)
        payer = self._known(usage.tenant, usage.team, usage.user, usage.key_id)
        return self.ledger.spend(payer, Decimal(usage.cost_usd), usage.occurred_at.timestamp())

    def _known(self, tenant: str, team: str | None, user: str | None, key_id: str | None) -> Payer:
        """Return whose accounts a call counts in; anybody may make up users, so only registered ones have one."""
        if user is not None and self._directory.at(Place(Kind.USER, tenant, user)) is None:
            user = None
        return Payer(tenant, team, user, key_id)

    def _budgets_of(self, place: Place) -> Sequence[Budget]:
        fact = self._directory.at(place)
        return () if fact is None else fact.budgets


def _payer(scopes: Scopes) -> Payer:
    tenant, team, user, key = scopes
    return Payer(
        tenant.tenant,
        None if team is None else team.team,
        None if user is None else user.user,
        None if key is None else key.key_id,
    )
