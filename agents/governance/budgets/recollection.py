"""What was spent, told from the log: the notes of predecessors, and the usage that they do not tell of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from agents.governance.budgets.account import Account
from agents.governance.budgets.booking import Bookings
from agents.governance.budgets.ledger import BudgetLedger, Payer, Reservation
from agents.governance.registry import Registry
from agents.governance.registry.places import Kind, Place
from schemas.balances import Balances
from schemas.policy import Budget
from schemas.wire import UsageRecord
from streams.tenancy.state import ledger_key

_notes = msgspec.json.Decoder(Balances)
_usages = msgspec.json.Decoder(UsageRecord)


class Recollection:
    """The ledger of one partition as the log has it: first come the notes, then `resume`, then usage in order.

    Args:
        directory: Who is registered, with which budgets; may change between calls.

    Attributes:
        ledger: What it comes to.
        noted: What predecessors noted, by organization.
    """

    def __init__(self, directory: Registry) -> None:
        self._directory = directory
        self._bookings = Bookings()
        self._changed: set[str] = set()
        self._lasting: dict[str, set[str]] = {}
        self._counted: dict[str, frozenset[str]] = {}
        self._recalled: dict[Place, Account] = {}
        self.noted: dict[str, Balances] = {}
        self.ledger = BudgetLedger(self._budgets_of)

    def restore(self, value: bytes) -> None:
        """Hear a predecessor's note; of several about the same organization the furthest holds."""
        note = _notes.decode(value)
        if note.tenant is None:
            self._bookings.resume(note.position)
            return
        known = self.noted.get(note.tenant)
        if known is None or known.position <= note.position:
            self.noted[note.tenant] = note

    @property
    def recall_from(self) -> int:
        """Return from where on usage must be read: what the notes do not tell, and what may come twice."""
        return self._bookings.recall_from

    def recall(self, value: bytes, offset: int) -> None:
        """Count usage that is on the log, but for what its organization's note has counted."""
        usage = _usages.decode(value)
        note = self.noted.get(usage.tenant)
        noted = note is not None and (offset < note.position or usage.id in self._counted[usage.tenant])
        if not usage.revision and self._bookings.book(usage.id, usage.tenant, offset) and not noted:
            self._recalled.update((account.place, account) for account in self._spend(usage))

    def resume(self, has_ended: Callable[[str], bool]) -> None:
        """Go on from the notes that were heard; what has ended since is held no longer."""
        for tenant, note in self.noted.items():
            self._counted[tenant] = frozenset(note.counted)
            self.ledger.restore(tenant, note.balances)
            self._changed.add(tenant)  # what the note says is held may be held no longer
            for held in note.held:
                key = ledger_key(tenant, held.id)
                if not has_ended(key):
                    payer = Payer(tenant, held.team, held.user, held.key_id)
                    self.ledger.hold(key, Reservation(held.usd, payer, held.expires_at))
                    self._lasting.setdefault(tenant, set()).add(key)

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
