"""Noting now and then what budgets stand at, and giving back what nobody has settled."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from schemas.settings import GovernanceSettings
from streams.background import Background
from streams.envelope import Publication
from streams.log import Log
from streams.tenancy.delivery import Delivery
from streams.tenancy.owner import Tenancy
from streams.tenancy.spending import note_key
from streams.tenancy.state import PartitionState
from streams.topics import BALANCES

_json = msgspec.json.Encoder()


class Bookkeeper:
    """Publishes the notes of this worker's partitions, at most one round per partition at a time."""

    def __init__(
        self,
        settings: GovernanceSettings,
        tenancy: Tenancy,
        log: Log,
        delivery: Delivery,
        background: Background,
        clock: Callable[[], float],
    ) -> None:
        self._seconds = settings.balance_seconds
        self._tenancy = tenancy
        self._log = log
        self._delivery = delivery
        self._background = background
        self._clock = clock
        self._due: dict[int, float] = {}
        self._busy: set[int] = set()

    def tick(self) -> None:
        """Start what is due."""
        now = self._clock()
        for partition, state in self._tenancy.states.items():
            if partition not in self._busy and now >= self._due.get(partition, 0.0):
                self._due[partition] = now + self._seconds
                self._busy.add(partition)
                self._background.start(self._note(state, now))

    async def _note(self, state: PartitionState, now: float) -> None:
        try:
            if audits := state.spending.reconcile(now):
                await self._delivery.audits(state.partition, audits)
            notes = state.spending.notes(now)
            if notes is None:
                return
            publications = [Publication(_json.encode(note), note_key(note.tenant)) for note in notes.balances]
            await self._log.publish(BALANCES.name, state.partition, publications)
            for key in notes.keys:
                state.calls.close(key)
        finally:
            self._busy.discard(state.partition)
