"""How fast nested scopes may go: accepted by all of their limits, or counted by none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from agents.governance.rates.gates import Gate

NS_PER_SECOND = 1_000_000_000
REMEMBERED_GATES = 10_000
"""Gates remembered before those that are idle long enough are forgotten."""


class Refusal(NamedTuple):
    """Which limit a request does not pass.

    Attributes:
        wait: Seconds until it would; infinite when it never will.
    """

    gate: Gate
    wait: float


class RateLimiter:
    """The generic cell rate algorithm over nested limits, one number of state per limit.

    Units are due one interval apart; each accepted one moves the time at which the next is due, and a request may
    come early by as much as the burst allows. Exactly the rate passes in the long run, the burst at once at most.
    Source: ITU-T Recommendation I.371, annex A, virtual scheduling algorithm; a request of several units counts as
    that many cells at once. Times are whole nanoseconds, so that no rounding adds up.

    One instance serves the tenants of one partition, so that nothing else writes their state. A new instance knows
    of no earlier request: after a restart every scope has its whole burst, but for what comes again and is counted.
    """

    def __init__(self) -> None:
        self._due: dict[str, int] = {}
        self._room = REMEMBERED_GATES

    def __len__(self) -> int:
        return len(self._due)

    def refusal(self, gates: Sequence[Gate], units: int, now: float) -> Refusal | None:
        """Return the limit that lets a request through last, or None when all of them do; nothing is counted.

        Args:
            gates: Of the nested scopes.
            units: What the request takes of each.
            now: Unix seconds.
        """
        at = _nanoseconds(now)
        worst: Refusal | None = None
        for gate in gates:
            if units > gate.burst:
                return Refusal(gate, math.inf)
            due = self._due.get(gate.key)
            if due is None or due <= at:
                continue  # idle
            early = due - at - gate.interval * (gate.burst - units)
            if early > 0 and (worst is None or early > worst.wait * NS_PER_SECOND):
                worst = Refusal(gate, early / NS_PER_SECOND)
        return worst

    def count(self, gates: Sequence[Gate], units: int, now: float) -> None:
        """Count a request against every limit, whether or not it was asked about before.

        What is counted beyond the burst makes the next one wait no longer than for the whole burst. With requests
        that were let in that never matters.
        """
        at = _nanoseconds(now)
        for gate in gates:
            key = gate.key
            due = self._due.get(key)
            if due is None and len(self._due) >= self._room:
                self._forget_idle(at)
            due = at if due is None or due < at else due
            self._due[key] = max(due, min(due + gate.interval * units, at + gate.interval * gate.burst))

    def _forget_idle(self, at: int) -> None:
        """Drop the limits of which nothing is known that a new one would not have too."""
        self._due = {key: due for key, due in self._due.items() if due > at}
        self._room = max(REMEMBERED_GATES, 2 * len(self._due))


def _nanoseconds(now: float) -> int:
    return round(now * NS_PER_SECOND)
