"""What a partition's budgets are told of: reservations come and go with requests, spending with usage on the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from schemas.balances import Balances
from schemas.batch import Call
from schemas.wire import AuditRecord, UsageRecord


def note_key(tenant: str | None) -> bytes:
    """Return the message key of the notes about an organization, or of those about a whole partition."""
    return b"partition" if tenant is None else f"tenant/{tenant}".encode()


class Notes(NamedTuple):
    """What a successor need not fold again.

    Attributes:
        balances: One per organization that has changed, and at last the one of the partition.
        keys: Requests left to batches that these notes are the first to know of.
    """

    balances: list[Balances]
    keys: set[str]


class Spending(Protocol):
    """The budgets of one partition."""

    def hold(self, call: Call) -> None:
        """Hold what a predecessor reserved for a call under way."""
        ...

    def outlast(self, tenant: str, key: str) -> bool:
        """Hear that a call is left to a batch; return whether anything is held for it."""
        ...

    def release(self, tenant: str, key: str) -> None:
        """Give back what is held for a request."""
        ...

    def sending(self) -> int:
        """Hear that usage is on its way to the log; return the number of this stretch."""
        ...

    def booked(
        self, sending: int, usages: Sequence[UsageRecord], offsets: Sequence[int], now: float
    ) -> list[AuditRecord]:
        """Count a stretch of usage that is durable at these offsets; return warnings."""
        ...

    def reconcile(self, now: float) -> list[AuditRecord]:
        """Give back what nobody has settled in time; return an event for each, and warnings that are due."""
        ...

    def restore(self, value: bytes) -> None:
        """Hear a predecessor's note."""
        ...

    def resume(self, has_ended: Callable[[str], bool]) -> None:
        """Go on from the notes that were heard."""
        ...

    @property
    def recall_from(self) -> int:
        """Return from where on usage must be read, once the notes are heard."""
        ...

    def recall(self, value: bytes, offset: int) -> None:
        """Count usage that is on the log, unless the notes tell of it."""
        ...

    def notes(self, now: float) -> Notes | None:
        """Return what has changed since the last call; None when nothing has."""
        ...
