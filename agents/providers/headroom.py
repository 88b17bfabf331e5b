"""What a provider said it still allows for a model, and what has been used of it since. Pure: times come in."""

from __future__ import annotations

from agents.providers.rate_limits import Allowance, RateLimits


class _Left:
    """What is left of one limit until it resets."""

    def __init__(self) -> None:
        self._left = 0.0
        self._resets_at = 0.0

    def tell(self, allowance: Allowance, share: float, now: float) -> None:
        self._left = allowance.left * share
        self._resets_at = now + allowance.resets_in

    def wait(self, needed: float, now: float) -> float:
        return 0.0 if self._left >= needed else max(0.0, self._resets_at - now)

    def spend(self, amount: float) -> None:
        self._left -= amount


class Headroom:
    """Requests and tokens left; nothing is held back before the provider has told anything."""

    def __init__(self) -> None:
        self._requests = _Left()
        self._tokens = _Left()

    def tell(self, limits: RateLimits, share: float, now: float) -> None:
        """Take in what an answer told; this worker may use a share of it."""
        if limits.requests is not None:
            self._requests.tell(limits.requests, share, now)
        if limits.tokens is not None:
            self._tokens.tell(limits.tokens, share, now)

    def wait(self, tokens: float, now: float) -> float:
        """Return the seconds until a call of so many tokens is allowed, as far as is known; 0 when it is now."""
        return max(self._requests.wait(1.0, now), self._tokens.wait(tokens, now))

    def spend(self, tokens: float) -> None:
        """Count a call that begins."""
        self._requests.spend(1.0)
        self._tokens.spend(tokens)
