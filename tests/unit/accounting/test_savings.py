from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.accounting.settlement import settle
from schemas.batch import PaidCall, Target
from schemas.prices import cost_of, list_cost_of
from schemas.wire import ResultRecord, SavingsRecord, Tokens
from tests.flow.journeys import BUSY, NOW, PARIS, a_completion, a_passenger
from tests.flow.models import a_model, a_registry

REGISTRY = a_registry(
    a_model(
        "big",
        price={
            "input": 10,
            "cached_input": 1,
            "cache_write": "12.5",
            "output": 30,
            "tiers": [{"above": 2000, "input": 20, "cached_input": 2}],
            "batch": 0.5,
        },
    ),
    a_model("middle", price={"input": 2, "cached_input": "0.2", "output": 8, "per_request": "0.001", "batch": 0.5}),
    a_model("small", price={"input": "0.1", "output": "0.4", "web_search": "0.01"}),
)


def call(model: str, tokens: Tokens, *, number: int = 1, batch: bool = False) -> PaidCall:
    return PaidCall(f"c{number}", model, "east", number, tokens, 1.0, NOW, batch)


def settled(
    *calls: PaidCall, answered: bool = True, reference: str = "big", compressed: int = 0, by: int = -1
) -> ResultRecord:
    """Return the result of a request that one of its calls answers, the last unless told otherwise."""
    completion = a_completion(
        a_passenger(reference_model=reference, compressed_tokens=compressed),
        answer=PARIS if answered else None,
        failure=None if answered else BUSY,
        calls=calls,
    )
    target = Target(calls[by].model, "east") if answered and calls else None
    result = settle(msgspec.structs.replace(completion, answered_by=target), REGISTRY, NOW + 2).result
    assert result is not None
    return result


def causes(result: ResultRecord) -> dict[str, Decimal]:
    told = msgspec.structs.asdict(result.savings)
    return {cause: Decimal(amount) for cause, amount in told.items() if amount is not None}


def baseline(result: ResultRecord) -> Decimal:
    assert result.baseline is not None
    return Decimal(result.baseline.cost_usd)


def test_the_reference_itself_saves_nothing() -> None:
    assert causes(settled(call("big", Tokens(1000, 0, 100)))) == {"routing": 0}


def test_what_the_provider_had_cached_is_its_own_cause() -> None:
    result = settled(call("big", Tokens(1000, 400, 100)))
    assert baseline(result) == Decimal("0.013")
    assert causes(result) == {"routing": 0, "provider_cache": Decimal("0.0036")}


def test_writing_to_the_cache_costs() -> None:
    result = settled(call("big", Tokens(1000, 0, 100, cache_write_tokens=1000)))
    assert causes(result) == {"routing": 0, "provider_cache": Decimal("-0.0025")}


def test_the_batch_lane_halves_what_is_left_after_caching() -> None:
    result = settled(call("big", Tokens(1000, 400, 100), batch=True))
    assert causes(result) == {"routing": 0, "provider_cache": Decimal("0.0036"), "batch_lane": Decimal("0.0047")}
    assert Decimal(result.cost_usd) == Decimal("0.0047")


def test_causes_are_measured_at_the_model_that_was_called() -> None:
    tokens = Tokens(1000, 500, 100)
    result = settled(call("middle", tokens, batch=True))
    middle = REGISTRY.get("middle")
    assert middle is not None
    assert causes(result) == {
        "routing": Decimal("0.013") - list_cost_of(tokens, middle.price),
        "provider_cache": Decimal("0.0009"),
        "batch_lane": Decimal("0.00095"),
    }


def test_compression_saves_what_was_left_out_at_the_model_that_was_called() -> None:
    result = settled(call("small", Tokens(1000, 0, 100)), compressed=500)
    assert baseline(result) == Decimal("0.018")
    assert causes(result)["compression"] == Decimal("0.00005")
    assert sum(causes(result).values()) == baseline(result) - Decimal(result.cost_usd)


def test_what_was_left_out_counts_towards_the_length_of_the_input() -> None:
    result = settled(call("big", Tokens(1500, 0, 0)), compressed=1000)
    assert baseline(result) == Decimal("0.05")
    assert causes(result) == {"routing": 0, "compression": Decimal("0.035")}


def test_without_an_answering_call_compression_is_measured_at_the_reference() -> None:
    result = settled(compressed=100)
    assert causes(result) == {"routing": 0, "compression": Decimal("0.001")}


def test_failed_calls_count_against_routing() -> None:
    result = settled(call("middle", Tokens(1000, 0, 0)), call("big", Tokens(1000, 0, 100), number=2))
    assert causes(result) == {"routing": Decimal("-0.003")}


def test_a_cascade_that_escalates_costs_what_both_calls_do() -> None:
    result = settled(call("small", Tokens(1000, 0, 100)), call("middle", Tokens(1000, 0, 200), number=2))
    small, middle = Decimal("0.00014"), Decimal("0.0046")
    assert Decimal(result.cost_usd) == small + middle
    assert baseline(result) == Decimal("0.016")
    assert causes(result) == {"routing": baseline(result) - small - middle}


def test_an_escalation_in_vain_counts_against_routing() -> None:
    calls = call("small", Tokens(1000, 0, 100)), call("big", Tokens(1000, 0, 2000), number=2)
    result = settled(*calls, by=0)
    assert (result.model, baseline(result)) == ("small", Decimal("0.013"))
    assert causes(result) == {"routing": Decimal("0.013") - Decimal("0.00014") - Decimal("0.07")}


def test_an_unpriced_reference_claims_nothing() -> None:
    result = settled(call("big", Tokens(1000, 400, 100)), reference="withdrawn")
    assert (result.baseline, result.savings) == (None, SavingsRecord())


counts = st.integers(0, 5000)


@st.composite
def tokens(draw: st.DrawFn) -> Tokens:
    sent, generated = draw(counts), draw(counts)
    cached = draw(st.integers(0, sent))
    written = draw(st.integers(0, sent - cached))
    return Tokens(sent, cached, generated, 0, written, web_searches=draw(st.integers(0, 2)))


@st.composite
def paid_calls(draw: st.DrawFn) -> tuple[PaidCall, ...]:
    models = st.sampled_from(["big", "middle", "small", "withdrawn"])
    made = draw(st.lists(st.tuples(models, tokens(), st.booleans()), max_size=4))
    return tuple(call(model, used, number=i + 1, batch=batch) for i, (model, used, batch) in enumerate(made))


requests = st.tuples(
    paid_calls(),
    st.booleans(),
    st.sampled_from(["big", "middle", "small", "withdrawn too"]),
    st.integers(0, 3000),
    st.integers(0, 3),
)
"""The last number says which call answers: in a cascade it may be an earlier one."""


@settings(max_examples=60, deadline=None)
@given(st.lists(requests, min_size=1, max_size=5))
def test_causes_add_up_per_request_and_in_every_aggregate(
    made: list[tuple[tuple[PaidCall, ...], bool, str, int, int]],
) -> None:
    results = [
        settled(
            *calls, answered=answered, reference=reference, compressed=compressed, by=by % len(calls) if calls else -1
        )
        for calls, answered, reference, compressed, by in made
    ]
    compared = [result for result in results if result.baseline is not None]
    for result in compared:
        assert sum(causes(result).values()) == baseline(result) - Decimal(result.cost_usd)
    by_cause = {
        cause: sum(causes(result).get(cause, Decimal(0)) for result in compared)
        for cause in SavingsRecord.__struct_fields__
    }
    spent = sum(Decimal(result.cost_usd) for result in compared)
    assert sum(by_cause.values()) == sum(baseline(result) for result in compared) - spent


@settings(max_examples=60, deadline=None)
@given(paid_calls())
def test_a_request_costs_what_its_calls_cost(calls: tuple[PaidCall, ...]) -> None:
    result = settled(*calls, answered=bool(calls))
    expected = Decimal(0)
    for made in calls:
        spec = REGISTRY.get(made.model) or REGISTRY.get("big")
        assert spec is not None
        expected += cost_of(made.tokens, spec.price, batch=made.batch)
    assert Decimal(result.cost_usd) == expected
