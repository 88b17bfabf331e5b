"""The circuit breaker of one model at one provider: calls that would fail are not made. Pure: times come in.

Closed, it counts how the newest calls ended, and opens when too many failed. Open, it lets nobody through for a
while; then a few probes. When they succeed it closes, and when one fails it opens for twice as long.
After M. Nygard, "Release It!" (2007), with a share over a window instead of failures in a row, so that a provider
that fails every fifth call stays in use.
"""

from __future__ import annotations

from collections import deque

from schemas.provider_health import Circuit
from schemas.provider_settings import ProviderSettings

NEWEST = 100
"""Calls that count at most, unless more are asked for: a busy lane notices an outage within so many."""
NO_TICKET = -1
"""Of a call that the breaker does not know."""


class Breaker:
    """The state machine.

    A call takes a ticket when it begins and hands it in when it ends. Tickets of an earlier state count for nothing:
    calls that began before the breaker opened say nothing about the provider's recovery.

    Args:
        settings: The `breaker_...` ones are read.

    Attributes:
        openings: How often it has opened.
    """

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._window_seconds = settings.breaker_window_seconds
        self._newest = max(settings.breaker_calls, NEWEST)
        self._circuit = Circuit.CLOSED
        self._ticket = 0
        self._ended: deque[tuple[float, bool]] = deque()
        self._failed = 0
        self._open_until = 0.0
        self._open_seconds: float = settings.breaker_open_seconds
        self._probing = 0
        self._proven = 0
        self.openings = 0

    @property
    def circuit(self) -> Circuit:
        """The state it is in."""
        return self._circuit

    @property
    def failure_share(self) -> float:
        """Share of failures among the newest calls."""
        return self._failed / len(self._ended) if self._ended else 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until it is worth asking again whether a call may begin; 0 when it may now."""
        if self._circuit is Circuit.CLOSED:
            return 0.0
        if self._circuit is Circuit.OPEN:
            return max(0.0, self._open_until - now)
        return 0.0 if self._probing + self._proven < self._settings.breaker_probes else self._open_seconds

    def begin(self, now: float) -> int:
        """Begin a call, which `wait` must have allowed; returns its ticket."""
        if self._circuit is Circuit.OPEN and now >= self._open_until:
            self._enter(Circuit.HALF_OPEN)
        if self._circuit is Circuit.HALF_OPEN:
            self._probing += 1
        return self._ticket

    def end(self, ticket: int, failed: bool, now: float) -> Circuit | None:
        """Count how a call ended; returns the state entered thereby, if any."""
        if ticket != self._ticket:
            return None
        if self._circuit is Circuit.HALF_OPEN:
            return self._end_probe(failed, now)
        return self._count(failed, now)

    def forget(self, ticket: int) -> None:
        """Take back a ticket of a call whose end says nothing, such as one that nobody wanted any more."""
        if ticket == self._ticket and self._circuit is Circuit.HALF_OPEN:
            self._probing -= 1

    def _end_probe(self, failed: bool, now: float) -> Circuit | None:
        self._probing -= 1
        if failed:
            self._open_seconds = min(self._open_seconds * 2, self._settings.breaker_open_max_seconds)
            return self._open(now)
        self._proven += 1
        if self._proven < self._settings.breaker_probes:
            return None
        self._open_seconds = self._settings.breaker_open_seconds
        return self._enter(Circuit.CLOSED)

    def _count(self, failed: bool, now: float) -> Circuit | None:
        ended = self._ended
        ended.append((now, failed))
        oldest = now - self._window_seconds
        while len(ended) > self._newest or ended[0][0] < oldest:
            self._failed -= ended.popleft()[1]
        if not failed:
            return None
        self._failed += 1
        enough = len(ended) >= self._settings.breaker_calls
        return self._open(now) if enough and self._failed >= self._settings.breaker_share * len(ended) else None

    def _open(self, now: float) -> Circuit:
        self._open_until = now + self._open_seconds
        self.openings += 1
        return self._enter(Circuit.OPEN)

    def _enter(self, circuit: Circuit) -> Circuit:
        self._circuit = circuit
        self._ticket += 1
        self._ended.clear()
        self._failed = self._probing = self._proven = 0
        return circuit
