"""A limit per minute, kept by starting calls evenly. Pure: times come in.

A token bucket: it fills with time and each call takes from it. Bucket and a minute's filling together stay below the
limit, so no minute, wherever it begins, sees more. A twentieth stays unused: calls sent a minute apart may arrive
closer together.
"""

from __future__ import annotations

SECONDS_PER_MINUTE = 60.0
USED_SHARE = 0.95
BURST_SHARE = 0.05
SMALLEST_FLOW = 0.5
"""Of the limit, as the least that flows in per minute: a limit of one or two calls a minute would leave nothing."""


class Pace:
    """Requests or tokens per minute.

    Args:
        per_minute: The limit.
        now: In seconds.
    """

    def __init__(self, per_minute: float, now: float) -> None:
        self._whole = per_minute
        self._at = now
        self._spread(per_minute)
        self._level = self._most

    def _spread(self, per_minute: float) -> None:
        self._most = max(1.0, per_minute * BURST_SHARE)
        flow = max(per_minute * USED_SHARE - self._most, per_minute * SMALLEST_FLOW)
        self._per_second = flow / SECONDS_PER_MINUTE

    def set_share(self, share: float, now: float) -> None:
        """Keep to this share of the limit, because others use the rest of it."""
        self._fill(now)
        self._spread(self._whole * share)
        self._level = min(self._level, self._most)

    def wait(self, now: float) -> float:
        """Return the seconds until a call may begin, 0 when it may now."""
        self._fill(now)
        return max(0.0, (1.0 - self._level) / self._per_second)

    def take(self, amount: float, now: float) -> None:
        """Take what a call costs, more than there is if need be: then the next one waits the longer.

        Args:
            amount: Negative to give back what an estimate took too much.
            now: In seconds.
        """
        self._fill(now)
        self._level = min(self._most, self._level - amount)

    def _fill(self, now: float) -> None:
        if now > self._at:
            self._level = min(self._most, self._level + (now - self._at) * self._per_second)
            self._at = now
