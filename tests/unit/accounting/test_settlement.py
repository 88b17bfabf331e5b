from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.accounting.settlement import settle, supersede
from schemas.batch import Completion, Failure, PaidCall, Target
from schemas.prices import cost_of
from schemas.registry import ModelRegistry
from schemas.result import Lane, Result, Status
from schemas.usage import Usage
from schemas.wire import ResultRecord, SavingsRecord, Tokens, UsageRecord
from streams.stage import moment
from tests.flow.journeys import BUSY, NOW, PARIS, TOO_LATE, a_completion, a_passenger, paid
from tests.flow.models import three_models

TRACEPARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
REGISTRY = three_models()


def result_of(completion: Completion, registry: ModelRegistry = REGISTRY) -> ResultRecord:
    result = settle(completion, registry, NOW + 1.5).result
    assert result is not None
    return result


def saved(result: ResultRecord) -> Decimal:
    causes = msgspec.structs.astuple(result.savings)
    return sum((Decimal(cause) for cause in causes if cause is not None), Decimal(0))


def test_an_answer_becomes_a_completed_result() -> None:
    passenger = a_passenger(
        user="ann",
        task_type="coding",
        tags={"team": "a"},
        lane=Lane.BULK,
        traceparent=TRACEPARENT,
        tracestate="k=v",
    )
    result = result_of(a_completion(passenger, answer=PARIS))
    assert (result.id, result.status, result.output, result.error) == ("r1", Status.COMPLETED, PARIS, None)
    assert (result.model, result.provider, result.attempts) == ("big", "east", 1)
    assert (result.user, result.task_type, result.tags, result.lane) == ("ann", "coding", {"team": "a"}, Lane.BULK)
    assert (result.usage, result.request_digest) == (Tokens(1000, 0, 200), "d" * 32)
    assert bytes(result.decision) == passenger.choice
    assert result.trace is not None
    assert (result.trace.traceparent, result.trace.tracestate) == (TRACEPARENT, "k=v")
    assert (result.received_at, result.completed_at) == (moment(NOW), moment(NOW + 1.5))
    assert (result.latency_ms, result.stages_ms) == (1500.0, {"provider": 40.0, "accounting": 500.0})


def test_the_contract_reads_what_settlement_writes() -> None:
    settlement = settle(a_completion(a_passenger(), answer=PARIS), REGISTRY, NOW + 2)
    result = Result.model_validate_json(msgspec.json.encode(settlement.result))
    usage = Usage.model_validate_json(msgspec.json.encode(settlement.usages[0]))
    assert result.cost_usd == usage.cost_usd == Decimal("0.016")


def test_a_cheaper_model_saves_the_difference_to_the_reference() -> None:
    call = paid(model="small", tokens=Tokens(1000, 0, 200))
    completion = msgspec.structs.replace(
        a_completion(a_passenger(), answer=PARIS, calls=(call,)), answered_by=Target("small", "east")
    )
    result = result_of(completion)
    assert Decimal(result.cost_usd) == Decimal("0.00018")
    assert result.baseline is not None
    assert (result.baseline.model, Decimal(result.baseline.cost_usd)) == ("big", Decimal("0.016"))
    assert result.savings.routing is not None
    assert Decimal(result.savings.routing) == Decimal("0.01582")


def test_every_paid_call_is_counted_and_has_its_usage_event() -> None:
    calls = (paid(model="middle", number=1), paid(number=2, attempt=2))
    settlement = settle(a_completion(a_passenger(user="ann"), answer=PARIS, calls=calls), REGISTRY, NOW + 2)
    assert settlement.result is not None
    assert Decimal(settlement.result.cost_usd) == Decimal("0.0036") + Decimal("0.016")
    assert settlement.result.savings.routing is not None
    assert Decimal(settlement.result.savings.routing) == Decimal("-0.0036")
    first, second = settlement.usages
    assert (first.id, first.request_id, first.model, Decimal(first.cost_usd)) == (
        "call-1",
        "r1",
        "middle",
        Decimal("0.0036"),
    )
    assert (second.id, second.attempt, second.user, second.price_list) == ("call-2", 2, "ann", "list-1")
    assert (second.latency_ms, second.occurred_at, second.superseded) == (40.0, moment(NOW), False)


@pytest.mark.parametrize(("failure", "status"), [(BUSY, Status.FAILED), (TOO_LATE, Status.EXPIRED)])
def test_a_failure_says_why(failure: Failure, status: Status) -> None:
    result = result_of(a_completion(a_passenger(), failure=failure))
    assert (result.status, result.output, result.model, result.cost_usd) == (status, None, None, "0")
    assert result.error is not None
    assert (result.error.code, result.error.message, result.error.remedy) == (
        failure.code,
        failure.message,
        failure.remedy,
    )
    assert (result.baseline, result.savings, result.usage) == (None, SavingsRecord(), Tokens())


def test_a_failure_that_was_paid_for_is_a_loss() -> None:
    settlement = settle(a_completion(a_passenger(), failure=BUSY, calls=(paid(),)), REGISTRY, NOW + 2)
    result = settlement.result
    assert result is not None
    assert Decimal(result.cost_usd) == Decimal("0.016")
    assert result.baseline is not None
    assert result.baseline.cost_usd == "0"
    assert saved(result) == Decimal("-0.016")
    assert [usage.id for usage in settlement.usages] == ["call-1"]


def test_neither_answer_nor_reason_is_a_failure() -> None:
    result = result_of(a_completion(a_passenger()))
    assert result.error is not None
    assert (result.status, result.error.code) == (Status.FAILED, "no_answer")


def test_an_answer_nobody_billed_is_free() -> None:
    result = result_of(a_completion(a_passenger(), answer=PARIS, calls=()))
    assert (result.cost_usd, result.usage) == ("0", Tokens())
    assert saved(result) == 0


def test_a_model_without_a_price_is_charged_like_the_reference_and_marked() -> None:
    calls = (paid(model="withdrawn"),)
    settlement = settle(a_completion(a_passenger(), failure=BUSY, calls=calls), REGISTRY, NOW + 2)
    (usage,) = settlement.usages
    assert (Decimal(usage.cost_usd), usage.price_list) == (Decimal("0.016"), "estimated/big/list-1")


def test_without_any_price_a_call_is_marked_unpriced() -> None:
    passenger = a_passenger(reference_model="withdrawn too")
    settlement = settle(a_completion(passenger, answer=PARIS, calls=(paid(model="withdrawn"),)), REGISTRY, NOW + 2)
    (usage,) = settlement.usages
    assert (usage.cost_usd, usage.price_list) == ("0", "unpriced")


def test_without_a_price_for_the_reference_no_saving_is_claimed() -> None:
    result = result_of(a_completion(a_passenger(reference_model="withdrawn"), answer=PARIS))
    assert (Decimal(result.cost_usd), result.baseline, result.savings) == (Decimal("0.016"), None, SavingsRecord())


def test_a_second_completion_gives_usage_alone() -> None:
    settlement = supersede(a_completion(a_passenger(), answer=PARIS, calls=(paid(number=7),)), REGISTRY)
    assert settlement.result is None
    (usage,) = settlement.usages
    assert (usage.id, usage.superseded, Decimal(usage.cost_usd)) == ("call-7", True, Decimal("0.016"))


tokens = st.builds(
    lambda cached, rest, output: Tokens(cached + rest, cached, output),
    st.integers(0, 10**6),
    st.integers(0, 10**9),
    st.integers(0, 10**6),
)
calls = st.lists(st.tuples(st.sampled_from(["big", "middle", "small", "gone"]), tokens), max_size=4).map(
    lambda drawn: tuple(
        PaidCall(f"c{i}", model, "east", i + 1, used, 1.0, NOW) for i, (model, used) in enumerate(drawn)
    )
)


@settings(max_examples=80, deadline=None)
@given(calls=calls, answered=st.booleans(), expired=st.booleans())
def test_money_adds_up_to_the_last_digit(calls: tuple[PaidCall, ...], answered: bool, expired: bool) -> None:
    failure = TOO_LATE if expired else BUSY
    completion = a_completion(
        a_passenger(), answer=PARIS if answered else None, failure=None if answered else failure, calls=calls
    )
    settlement = settle(completion, REGISTRY, NOW + 2)
    result = settlement.result
    assert result is not None
    cost = Decimal(result.cost_usd)
    baseline = Decimal(0) if result.baseline is None else Decimal(result.baseline.cost_usd)
    assert baseline - cost == saved(result)
    assert sum((Decimal(usage.cost_usd) for usage in settlement.usages), Decimal(0)) == cost
    assert [usage.id for usage in settlement.usages] == [call.id for call in calls]
    for usage, call in zip(settlement.usages, calls, strict=True):
        assert Decimal(usage.cost_usd) == _charged(usage, call)
    again = supersede(completion, REGISTRY).usages
    assert [msgspec.structs.replace(usage, superseded=False) for usage in again] == settlement.usages


def _charged(usage: UsageRecord, call: PaidCall) -> Decimal:
    spec = REGISTRY.get(call.model) or REGISTRY.get("big")
    assert spec is not None
    return cost_of(usage.usage, spec.price)
