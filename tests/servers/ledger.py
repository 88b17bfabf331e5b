"""What a provider counts: calls, tokens and charges, and the most of them in any minute."""

from __future__ import annotations

from collections import Counter, deque
from decimal import Decimal

MINUTE_SECONDS = 60.0
GLIMPSE_SECONDS = 6.0
USD_PER_TOKEN = Decimal("0.000001")


class SlidingCount:
    """The sum of amounts over the last minute, or other time, and the highest it has been."""

    def __init__(self, seconds: float = MINUTE_SECONDS) -> None:
        self._seconds = seconds
        self._amounts: deque[tuple[float, int]] = deque()
        self.now = 0
        self.most = 0

    def forget(self, now: float) -> None:
        """Drop what is older than a minute."""
        while self._amounts and self._amounts[0][0] <= now - self._seconds:
            self.now -= self._amounts.popleft()[1]

    def add(self, amount: int, now: float) -> None:
        """Count an amount."""
        self.forget(now)
        self._amounts.append((now, amount))
        self.now += amount
        self.most = max(self.most, self.now)

    def resets_in(self, now: float) -> float:
        """Return the seconds until nothing counts any more."""
        return max(0.0, self._amounts[-1][0] + self._seconds - now) if self._amounts else 0.0

    def frees_in(self, now: float) -> float:
        """Return the seconds until the oldest counts no more."""
        return max(0.0, self._amounts[0][0] + self._seconds - now) if self._amounts else 0.0


class ProviderLedger:
    """The provider's own books.

    Args:
        requests_per_minute: Calls beyond it in any minute are refused; None refuses none.
        tokens_per_minute: As well for tokens: a call that begins when they are used up is refused.

    Attributes:
        attempts: Calls received by request id, refused ones included.
        charges: Charged calls by request id.
        charged_tokens: Tokens charged by request id.
        charged_usd: What they came to.
        over_limit: Calls refused because a limit was reached.
        requests: Calls received per minute.
        glimpse: Calls received in six seconds: a pace that would pass a limit shows long before the minute is over.
        tokens: Tokens charged per minute.
    """

    def __init__(self, requests_per_minute: int | None = None, tokens_per_minute: int | None = None) -> None:
        self.requests_per_minute = requests_per_minute
        self.tokens_per_minute = tokens_per_minute
        self.attempts: Counter[str] = Counter()
        self.charges: Counter[str] = Counter()
        self.charged_tokens: Counter[str] = Counter()
        self.charged_usd = Decimal(0)
        self.over_limit = 0
        self.requests = SlidingCount()
        self.glimpse = SlidingCount(GLIMPSE_SECONDS)
        self.tokens = SlidingCount()

    def receive(self, request_id: str, now: float) -> bool:
        """Count a call; returns whether the limits allow it."""
        self.attempts[request_id] += 1
        self.tokens.forget(now)
        self.requests.add(1, now)
        self.glimpse.add(1, now)
        full = self.requests_per_minute is not None and self.requests.now > self.requests_per_minute
        full = full or (self.tokens_per_minute is not None and self.tokens.now >= self.tokens_per_minute)
        self.over_limit += full
        return not full

    def charge(self, request_id: str, tokens: int, now: float) -> None:
        """Charge a call."""
        self.charges[request_id] += 1
        self.charged_tokens[request_id] += tokens
        self.charged_usd += tokens * USD_PER_TOKEN
        self.tokens.add(tokens, now)

    def left(self, now: float) -> dict[str, tuple[int, int, float]]:
        """Return limit, what is left and the seconds until all of it is back, for each limit there is."""
        found = {}
        for kind, limit, count in (
            ("requests", self.requests_per_minute, self.requests),
            ("tokens", self.tokens_per_minute, self.tokens),
        ):
            if limit is not None:
                found[kind] = (limit, max(0, limit - count.now), count.resets_in(now))
        return found
