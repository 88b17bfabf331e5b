"""Accounting as a stage: every request is settled once, every paid call is counted once."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from agents.accounting.settled import SettledWindow
from agents.accounting.settlement import Settlement, settle, supersede
from schemas.batch import Completion
from schemas.registry import ModelRegistry

logger = logging.getLogger(__name__)


class AccountingStage:
    """Settles the completions of one partition; dropped as a whole when the partition is revoked.

    Args:
        registry: Prices.
        capacity: How many settled requests are remembered.
    """

    name = "accounting"

    def __init__(self, registry: ModelRegistry, capacity: int) -> None:
        self._registry = registry
        self._window = SettledWindow(capacity)
        self._unpriced: set[str] = set()

    def process(self, completions: Iterable[Completion], now: float) -> list[Settlement]:
        """Return the settlement of each completion, in order.

        The first completion of a request gives its result. Another one, after a worker was killed between the call
        and its commit, gives usage events marked as superseded and no result. The same one delivered again gives
        the same usage events again, not superseded, and no result: whether they had been written is unknown, and
        their ids are the same.
        """
        return [self._settle(completion, now) for completion in completions]

    def restore(self, completion: Completion) -> None:
        """Hear at recovery that this completion was settled, result and usage written."""
        self._window.remember(completion)

    def is_settled(self, request_id: str) -> bool:
        """Return whether the request is among the remembered settled ones."""
        return request_id in self._window

    def _settle(self, completion: Completion, now: float) -> Settlement:
        self._warn_of_missing_prices(completion)
        if completion.passenger.id not in self._window:
            self._window.remember(completion)
            return settle(completion, self._registry, now)
        if self._window.settled_by(completion):
            return Settlement(None, settle(completion, self._registry, now).usages)
        return supersede(completion, self._registry)

    def _warn_of_missing_prices(self, completion: Completion) -> None:
        """Say once per model that its calls are charged by estimate."""
        for call in completion.paid:
            if self._registry.get(call.model) is None and call.model not in self._unpriced:
                self._unpriced.add(call.model)
                logger.warning(
                    "a model without a price was paid for; its calls are estimated until it is in the models file",
                    extra={"model": call.model, "provider": call.provider, "request_id": completion.passenger.id},
                )
