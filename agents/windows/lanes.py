"""Which lane a request travels in: the one with the least expected cost of those that keep its deadline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from agents.windows.turnaround import Expectation, Turnaround
from schemas.batch import Completion
from schemas.request import Request
from schemas.result import Lane
from schemas.settings import BatchSettings, WindowSettings

AT_ONCE = 1.0
"""What a request costs when it is called at once; the cost of the other lanes is told in shares of it."""


class Prospect(NamedTuple):
    """What a lane promises.

    Attributes:
        late: Probability that the lane alone does not answer in time.
        cost: Expected, in shares of what the request costs when it is called at once.
    """

    lane: Lane
    late: float
    cost: float


@dataclass(frozen=True, slots=True)
class BatchTerms:
    """On what terms a request may be left to a batch interface.

    Attributes:
        price_factor: Batch price by usual price.
        max_late: Largest probability that the batch is not back when the request must be called instead.
        overhead_seconds: Of the time until a deadline, what a batch cannot use.
    """

    price_factor: float
    max_late: float
    overhead_seconds: float

    @classmethod
    def of(cls, settings: BatchSettings) -> BatchTerms:
        """Return the terms of this configuration."""
        return cls(settings.price_factor, settings.max_late, settings.overhead_seconds)


class LaneChooser:
    """Chooses lanes from deadlines and from how long batches took lately.

    Args:
        bulk_after_seconds: A deadline at least this far away lets a request wait in a window.
        terms: Of the batch lane; None when there is none.
        turnaround: What was observed; it learns from completions.
    """

    def __init__(self, bulk_after_seconds: float, terms: BatchTerms | None, turnaround: Turnaround) -> None:
        self._bulk_after_seconds = bulk_after_seconds
        self._terms = terms
        self._turnaround = turnaround
        self._enough = self._enough_seconds()

    @classmethod
    def of(cls, windows: WindowSettings, batches: BatchSettings) -> LaneChooser:
        """Return the chooser of this configuration."""
        expected = Expectation(batches.expected_seconds, batches.never_share, batches.prior_weight)
        terms = BatchTerms.of(batches) if windows.batch_lane else None
        return cls(windows.bulk_after_seconds, terms, Turnaround(expected, batches.observed))

    def lane_of(self, request: Request, now: float) -> Lane:
        """Return the lane of a request.

        Interactive unless it has a deadline, and no latency budget, that lets it wait. The batch lane then must be
        cheaper than a call and keep the bound on being late; the same as comparing `prospects`, and much faster.
        """
        constraints = request.constraints
        if constraints.deadline is None or constraints.latency_budget_ms is not None:
            return Lane.INTERACTIVE
        seconds_left = constraints.deadline.timestamp() - now
        if seconds_left >= self._enough:
            return Lane.BATCH
        return Lane.BULK if seconds_left >= self._bulk_after_seconds else Lane.INTERACTIVE

    def prospects(self, seconds_left: float) -> list[Prospect]:
        """Return what each lane open to a request with this much time promises, the best first.

        A request that the batch does not bring back in time is called at the usual price, and its batch may still
        bill it: both are expected. A window costs what a call costs: what its order saves in the providers' prompt
        caches is not known before.
        """
        found = [Prospect(Lane.INTERACTIVE, 0.0, AT_ONCE)]
        if seconds_left >= self._bulk_after_seconds:
            found.insert(0, Prospect(Lane.BULK, 0.0, AT_ONCE))
        terms = self._terms
        if terms is not None:
            late = self._turnaround.tail(seconds_left - terms.overhead_seconds)
            batch = Prospect(Lane.BATCH, late, terms.price_factor + late * AT_ONCE)
            if late <= terms.max_late and batch.cost < AT_ONCE:
                found.insert(0, batch)
        return found

    def learn(self, completion: Completion) -> None:
        """Take in how long the batch of a completed request took, or that it was given up for it."""
        if self._terms is None or completion.batch is None:
            return
        batched = [call for call in completion.paid if call.batch]
        seconds = completion.completed_at - batched[-1].started_at if batched else math.inf
        self._turnaround.observe(completion.batch, seconds)
        self._enough = self._enough_seconds()

    def _enough_seconds(self) -> float:
        """Return the least time until a deadline with which the batch lane is the best."""
        terms = self._terms
        if terms is None or terms.price_factor >= AT_ONCE:
            return math.inf
        late = min(terms.max_late, math.nextafter(AT_ONCE - terms.price_factor, 0.0))
        return self._turnaround.quantile(late) + terms.overhead_seconds
