"""What the steps of a request came to, and its result with them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from schemas.batch import StepAccount
from schemas.prices import NOTHING
from schemas.result import Status
from schemas.wire import BaselineRecord, ResultRecord, SavingsRecord, TakenRecord, plain
from streams.steps.requests import request_of

CALL = "call"
ANSWERED = frozenset({Status.COMPLETED, Status.CACHED})
NO_SAVINGS = SavingsRecord()


def account_of(name: str, result: ResultRecord) -> StepAccount:
    """Return what a step came to that ended with this result, which nobody else gets to see."""
    hit = result.cache
    account = StepAccount(
        name,
        CALL,
        result.cost_usd,
        result.attempts,
        model=result.model,
        provider=result.provider,
        usage=result.usage,
        baseline=result.baseline,
        savings=result.savings,
    )
    if hit is None:
        return account
    reused = NO_SAVINGS if result.baseline is None else SavingsRecord(cache_intermediate=result.baseline.cost_usd)
    return msgspec.structs.replace(
        account,
        source=hit.tier,
        source_request_id=request_of(hit.source_request_id),
        age_seconds=hit.age_seconds,
        savings=reused,
    )


def paid_for(accounts: Sequence[StepAccount]) -> Decimal:
    """Return what a request has paid for its steps, in dollars."""
    return sum((Decimal(account.cost_usd) for account in accounts), NOTHING)


def with_steps(result: ResultRecord, accounts: Sequence[StepAccount]) -> ResultRecord:
    """Return the result of a request with what its steps cost and saved.

    The baseline of an answer is that of all its calls and of all results that were reused: what the same texts would
    have cost at the reference model. Of a request without an answer it is 0, as of any other: what its steps cost is
    a negative saving, and what they saved is none. The causes add up to baseline minus cost either way.
    """
    cost = Decimal(result.cost_usd) + paid_for(accounts)
    baseline, savings = _savings(result, accounts, cost)
    return msgspec.structs.replace(
        result,
        cost_usd=plain(cost),
        baseline=baseline,
        savings=savings,
        attempts=result.attempts + sum(account.attempts for account in accounts),
        steps=[_taken(account) for account in accounts],
    )


def _savings(
    result: ResultRecord, accounts: Sequence[StepAccount], cost: Decimal
) -> tuple[BaselineRecord | None, SavingsRecord]:
    answered = result.status in ANSWERED
    counted = accounts if answered else [account for account in accounts if Decimal(account.cost_usd)]
    parts = [account.baseline for account in counted]
    if answered or Decimal(result.cost_usd):
        parts.append(result.baseline)
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts) or not (answered or cost):
        return None, NO_SAVINGS
    savings = _sum([result.savings, *(account.savings for account in counted)])
    expected = sum((Decimal(part.cost_usd) for part in known), NOTHING)
    if not answered:
        routing = Decimal(savings.routing or NOTHING) - expected
        savings, expected = msgspec.structs.replace(savings, routing=plain(routing)), NOTHING
    return BaselineRecord(known[-1].model, plain(expected)), savings


def _sum(parts: Sequence[SavingsRecord]) -> SavingsRecord:
    """Return the savings of all parts by cause; a cause that no part names stays absent."""
    causes: dict[str, Decimal] = {}
    for part in parts:
        for cause in SavingsRecord.__struct_fields__:
            amount = getattr(part, cause)
            if amount is not None:
                causes[cause] = causes.get(cause, NOTHING) + Decimal(amount)
    return SavingsRecord(**{cause: plain(amount) for cause, amount in causes.items()})


def _taken(account: StepAccount) -> TakenRecord:
    return TakenRecord(
        account.name,
        account.source,
        account.cost_usd,
        account.source_request_id,
        account.age_seconds,
        account.model,
        account.provider,
        account.usage.input_tokens,
        account.usage.output_tokens,
    )
