"""Journeys as they stand before a step, calls and completions as they stand after it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from schemas.batch import Completion, Failure, PaidCall, Passenger, Target
from schemas.request import Request
from schemas.result import Lane
from schemas.tenant import TenantRegistered
from schemas.wire import Answer, Choice, Tokens
from streams.stage import Journey

NOW = 1_790_000_000.0
TENANT = TenantRegistered(tenant="acme", reference_model="big", cache_ttl_seconds=100.0)
BIG = Target("big", "east")
PARIS = Answer("Paris", None, "stop")
BUSY = Failure("provider_overloaded", "the provider is busy", "send it again later")
TOO_LATE = Failure("deadline_exceeded", "the deadline passed", "give it a later deadline", expired=True)

_numbers = count(1)


class Settled:
    """A receipt that remembers nothing: the steps must not touch it."""

    def settle(self) -> None:
        """Fail, for only the agents settle receipts."""
        raise AssertionError("a step settled a receipt")


def a_request(**fields: Any) -> Request:
    """Return a request of `acme`; without an input it asks for the capital of France."""
    fields = {"id": f"r{next(_numbers)}", "tenant": "acme", **fields}
    if "messages" not in fields:
        fields.setdefault("prompt", "What is the capital of France?")
    return Request.model_validate(fields)


def a_journey(
    *, tenant: TenantRegistered = TENANT, input_tokens: int = 10, partition: int = 0, **fields: Any
) -> Journey:
    """Return a journey that governance admitted at `NOW`."""
    request = a_request(**fields)
    return Journey(
        request,
        request.model_dump_json(exclude_defaults=True).encode(),
        "d" * 32,
        partition,
        NOW,
        Settled(),
        tenant=tenant,
        input_tokens=input_tokens,
        entered_at=NOW,
    )


def deadline(seconds: float) -> dict[str, Any]:
    """Return constraints with a deadline this many seconds after `NOW`."""
    return {"deadline": datetime.fromtimestamp(NOW + seconds, UTC)}


def paid(
    *, model: str = "big", provider: str = "east", tokens: Tokens | None = None, number: int = 1, attempt: int = 1
) -> PaidCall:
    """Return a billed call."""
    return PaidCall(f"call-{number}", model, provider, attempt, tokens or Tokens(1000, 0, 200), 40.0, NOW)


def a_completion(
    passenger: Passenger,
    *,
    at: float = NOW + 1,
    answer: Answer | None = None,
    failure: Failure | None = None,
    calls: tuple[PaidCall, ...] | None = None,
) -> Completion:
    """Return how a call ended; answers come from `big`, and without calls named from one paid call."""
    if calls is None:
        calls = () if answer is None else (paid(),)
    by = None if answer is None else BIG
    return Completion(passenger, at, answer, failure, by, calls, len(calls) or 1, {"provider": 40.0})


def a_passenger(request_id: str = "r1", **fields: Any) -> Passenger:
    """Return what accompanies a request of `acme`."""
    return Passenger(
        **{
            "id": request_id,
            "tenant": "acme",
            "partition": 0,
            "digest": "d" * 32,
            "lane": Lane.INTERACTIVE,
            "choice": Choice("explicit_model", "The request names big.").encoded(),
            "reference_model": "big",
            "received_at": NOW,
            "cache_ttl_seconds": 100.0,
            **fields,
        }
    )
