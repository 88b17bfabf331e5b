"""How long a fetch may wait for data, so that questions cost little where an answer in time is not needed.

Apache Kafka answers a fetch when data comes, and no wait is too long for it. The embedded broker sleeps half of the
wait instead, so there it must be short for a lone request's sake. But every question costs the broker and the worker
CPU, which nobody wants to spend while nothing comes, or while so much comes that the CPU is what limits throughput:
with 4 ms throughout, questions took a fifth of both cores under full load.
"""

from __future__ import annotations

from math import exp

IDLE_AFTER_SECONDS = 2.0
IDLE_WAIT_MS = 25
ASLEEP_AFTER_SECONDS = 15.0
ASLEEP_WAIT_MS = 100
"""Who comes after so long waits for some 0.1 s more, once; questions cost an idle machine a quarter of it."""
RATE_SECONDS = 0.5
"""Time constant of the rate: what came so long ago counts a third."""
BUSY_BYTES_PER_SECOND = 1024 * 1024
"""Some 300 requests a second at one worker; a twentieth of that is what lone requests come to."""
BUSY_WAIT_MS = 40


class Pace:
    """The wait of the next fetch, by what the last ones brought.

    Args:
        least_ms: The shortest wait, in normal times.
        now: Monotonic seconds.
    """

    def __init__(self, least_ms: int, now: float) -> None:
        self._least_ms = least_ms
        self._last_fetch = self._last_data = now
        self._rate = 0.0

    def after(self, size: int, now: float) -> int:
        """Return how many milliseconds the next fetch may wait.

        Args:
            size: Bytes that the last fetch brought.
            now: Monotonic seconds.
        """
        self._rate = self._rate * exp((self._last_fetch - now) / RATE_SECONDS) + size / RATE_SECONDS
        self._last_fetch = now
        if size:
            self._last_data = now
        return max(self._least_ms, self._wanted(now - self._last_data))

    def _wanted(self, quiet: float) -> int:
        """Return the wait that saves questions where no answer in time is needed; 0 where it is."""
        if self._rate > BUSY_BYTES_PER_SECOND:
            return BUSY_WAIT_MS
        if quiet > ASLEEP_AFTER_SECONDS:
            return ASLEEP_WAIT_MS
        return IDLE_WAIT_MS if quiet > IDLE_AFTER_SECONDS else 0
