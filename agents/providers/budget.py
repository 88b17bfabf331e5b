"""How many retries a provider may cost, so that its trouble does not multiply the calls made to it. Pure.

Every call brings a share of a retry in, every retry takes a whole one out; time brings in a few more, for those who
call seldom. After Finagle's retry budgets: retries stay a share of the calls, however many fail.
"""

from __future__ import annotations

SAVED_CALLS = 1_000
"""Calls whose shares may be saved up: those of a burst may all fail at once."""
SAVED_SECONDS = 10.0


class RetryBudget:
    """What is left to spend on retries.

    Args:
        share: Retries that each call brings in.
        per_second: Retries that time brings in.
        now: In seconds.
    """

    def __init__(self, share: float, per_second: float, now: float) -> None:
        self._share = share
        self._per_second = per_second
        self._most = share * SAVED_CALLS + per_second * SAVED_SECONDS
        self._balance = per_second * SAVED_SECONDS
        self._at = now

    def deposit(self) -> None:
        """Count a call that is no retry."""
        self._balance = min(self._most, self._balance + self._share)

    def withdraw(self, now: float) -> bool:
        """Spend a retry; returns whether there was one left."""
        self._balance = min(self._most, self._balance + self._per_second * max(0.0, now - self._at))
        self._at = now
        if self._balance < 1:
            return False
        self._balance -= 1
        return True
