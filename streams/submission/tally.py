"""Counting what came back: by status, in dollars, and how fast."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from schemas.result import Status
from streams.submission.outcome import Outcome

PACE_SECONDS = 10.0


class Tally(msgspec.Struct):
    """Rows written so far, over all attempts.

    Attributes:
        refused: Lines never sent; counted under `rejected` too.
        cost_usd: What the answers cost.
        baseline_usd: What they would have cost at the tenants' reference models.
    """

    rows: int = 0
    refused: int = 0
    by_status: dict[str, int] = {}
    cost_usd: Decimal = Decimal(0)
    baseline_usd: Decimal = Decimal(0)

    def count(self, outcome: Outcome | None) -> None:
        """Count one row; None is a line that was refused here."""
        self.rows += 1
        status = Status.REJECTED.value if outcome is None else outcome.status
        self.by_status[status] = self.by_status.get(status, 0) + 1
        if outcome is None:
            self.refused += 1
            return
        self.cost_usd += outcome.cost_usd
        if outcome.baseline is not None:
            self.baseline_usd += outcome.baseline.cost_usd


@dataclass(frozen=True, slots=True)
class Progress:
    """A submission at one moment.

    Attributes:
        lines: Of the input.
        done: Lines done, over all attempts.
        under_way: Requests that wait for a result.
        per_second: Lines done per second lately.
        eta_seconds: None while nothing has come back yet.
        waiting_seconds: How long no result has come, while some are waited for.
    """

    lines: int
    done: int
    under_way: int
    tally: Tally
    per_second: float
    eta_seconds: float | None
    waiting_seconds: float


class Pace:
    """The rate over the last seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def note(self, now: float, done: int) -> float:
        """Take a sample and return the rate per second."""
        samples = self._samples
        samples.append((now, done))
        while len(samples) > 2 and now - samples[1][0] >= PACE_SECONDS:
            samples.popleft()
        begin, before = samples[0]
        return (done - before) / (now - begin) if now > begin else 0.0
