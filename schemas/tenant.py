"""Who may use the system: facts on the compacted topic `asahi.governance`, keyed by tenant."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.model import Event, Name
from schemas.policy import Budget, Policy, Rates
from schemas.request import CacheOptions


class TenantLimits(Event):
    """Basic limits of one tenant; None means unlimited.

    Attributes:
        version: Of this contract.
        requests_per_minute: In the long run; a request beyond is rejected with `rate_limited`.
        burst: Requests that may come at once; a minute's worth when absent.
        max_input_tokens: Longest input of one request, estimated in tokens.
        max_output_tokens: Longest answer a request may ask for, in tokens; each request must then say
            `sampling.max_output_tokens`.
        allowed_models: The only models that may answer.
    """

    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    burst: Annotated[int, Field(ge=1)] | None = None
    max_input_tokens: Annotated[int, Field(ge=1)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    allowed_models: tuple[Name, ...] | None = None


class TenantRegistered(Event):
    """A tenant exists, with these limits; the newest fact per tenant holds.

    Attributes:
        version: Of this contract.
        tenant: Its name; also the message key. A message without value removes the tenant.
        reference_model: What the tenant would have used without Asahi; baselines are computed with it.
        cache_ttl_seconds: How long exact answers may be served again.
        limits: What it may ask for, and how often.
        registered_at: When this fact was made.
        policy: What the organization may do.
        budgets: How much it may spend.
        rates: How fast it may go.
        changed_by: Who made this fact.
        reason: Why.
    """

    tenant: Name
    reference_model: Name
    cache_ttl_seconds: Annotated[float, Field(gt=0)] = 86_400.0
    limits: TenantLimits = TenantLimits()
    registered_at: AwareDatetime | None = None
    policy: Policy = Policy()
    budgets: tuple[Budget, ...] = ()
    rates: Rates = Rates()
    changed_by: str | None = None
    reason: str | None = None

    def answer_ttl(self, asked: CacheOptions) -> float:
        """Return for how many seconds an answer may be served again: a request narrows it, never widens it."""
        if asked.ttl_seconds is None:
            return self.cache_ttl_seconds
        return min(asked.ttl_seconds, self.cache_ttl_seconds)
