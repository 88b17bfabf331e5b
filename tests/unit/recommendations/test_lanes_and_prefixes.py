"""The batch lane and the providers' prompt caches: by the decision of lanes and by the price list."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.recommendations.kinds.batch_lane import BATCH_LANE, expected_cost
from agents.recommendations.kinds.shared_prefix import SHARED_PREFIX, alike
from schemas.result import TokenUsage
from tests.flow.models import a_model, a_registry
from tests.unit.recommendations.made import REGISTRY, SINCE, case, made, terms

DAY = 86_400.0
USUAL = Decimal("0.0016")
LONG = TokenUsage(input_tokens=3_000, output_tokens=10)
BEGINNING = "Everything about parcels. " * 400


def due(number: int, seconds: float, **fields: Any) -> Any:
    deadline = SINCE + timedelta(seconds=number + seconds)
    constraints = {"min_quality": 0.9, "deadline": deadline.isoformat(), **fields.pop("constraints", {})}
    return case(number, at=float(number), constraints=constraints, **fields)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(1, 3 * DAY), min_size=1, max_size=20))
def test_only_what_keeps_the_bound_on_being_late_is_moved_at_its_expected_cost(left: list[float]) -> None:
    on = terms()
    bound = on.settings.batches.max_late
    late = [on.lanes.late(round(seconds, 3)) for seconds in left]
    assert all(each is None or each <= bound for each in late)
    expected = sum((USUAL - expected_cost(USUAL / 2, USUAL, each) for each in late if each is not None), Decimal(0))
    found = made(BATCH_LANE, [due(number, round(seconds, 3)) for number, seconds in enumerate(left)], on)
    assert sum(each.saving_usd for each in found) == expected
    assert all(each.requests == sum(one is not None for one in late) for each in found)


def test_a_late_batch_costs_a_call_as_well() -> None:
    assert expected_cost(Decimal("0.4"), Decimal(1), 0.01) == Decimal("0.41")
    assert expected_cost(Decimal("0.4"), Decimal(1), 0.0000001) == Decimal("0.400001")


def test_what_to_set_depends_on_what_is_there() -> None:
    asked = [due(number, DAY) for number in range(3)]
    (found,) = made(BATCH_LANE, asked)
    assert "windows: {batch_lane: true} and providers: {open: {batches: openai}}" in found.change
    west = a_registry(
        a_model("rival", quality={"default": 0.92}, providers=["west"], price={"input": 1, "output": 3, "batch": 0.5})
    )
    asked = [due(number, DAY, registry=west) for number in range(3)]
    (found,) = made(BATCH_LANE, asked, terms(west))
    assert found.change == "windows: {batch_lane: true} in the configuration"
    assert made(BATCH_LANE, asked, terms(west, batch_lane=True)) == [], "all of it is on already"


def test_what_cannot_or_should_not_wait_stays() -> None:
    nowhere = a_registry(a_model("rival", quality={"default": 0.92}, price={"input": 1, "output": 3, "batch": 0.5}))
    assert made(BATCH_LANE, [due(0, DAY, registry=nowhere)], terms(nowhere)) == [], "no batch interface of that kind"
    same = a_registry(a_model("rival", quality={"default": 0.92}, providers=["west"]))
    assert made(BATCH_LANE, [due(0, DAY, registry=same)], terms(same)) == [], "a batch is no cheaper"
    assert made(BATCH_LANE, [due(0, DAY, constraints={"latency_budget_ms": 5_000})]) == []
    assert made(BATCH_LANE, [case(0)]) == []
    assert made(BATCH_LANE, [due(0, DAY, constraints={"min_quality": 0.99})]) == [], "nobody would answer it now"
    assert made(BATCH_LANE, [due(0, DAY, strategy="cascade", model="small")]) == []


def begun(number: int, at: float, **fields: Any) -> Any:
    return case(number, at=at, model="big", tokens=LONG, prompt=f"{BEGINNING}{number:03d}", **fields)


def test_a_beginning_that_was_just_read_costs_the_cached_price() -> None:
    (found,) = made(SHARED_PREFIX, [begun(number, number * 10.0) for number in range(4)])
    shared = 3_000 * (len(BEGINNING) + 2) // (len(BEGINNING) + 3)
    assert found.saving_usd == 3 * shared * (Decimal(10) - 1) / 1_000_000
    assert (found.model, found.requests) == ("big", 4)
    assert found.evidence["shared beginnings"] == "1"


def test_writing_to_the_cache_is_paid_by_the_first() -> None:
    price = {"input": 10, "cached_input": 1, "cache_write": 12, "output": 30}
    registry = a_registry(a_model("big", quality={"default": 0.9}, price=price))
    asked = [begun(number, number * 10.0, registry=registry) for number in range(3)]
    (found,) = made(SHARED_PREFIX, asked, terms(registry))
    shared = 3_000 * (len(BEGINNING) + 2) // (len(BEGINNING) + 3)
    assert found.saving_usd == shared * (2 * (Decimal(10) - 1) - 2) / 1_000_000
    alone = [begun(0, 0.0, registry=registry), begun(1, 1_000.0, registry=registry)]
    assert made(SHARED_PREFIX, alone, terms(registry)) == [], "a cache that is written and never read costs money"


def test_what_is_cold_short_or_discounted_already_is_left_alone() -> None:
    assert made(SHARED_PREFIX, [begun(number, number * 301.0) for number in range(3)]) == []
    others = [case(n, at=n * 10.0, model="big", tokens=LONG, prompt=f"{n}{BEGINNING}") for n in range(3)]
    assert made(SHARED_PREFIX, others) == []
    short = [case(n, at=n * 10.0, model="big", prompt=f"{BEGINNING[:200]}{n}") for n in range(3)]
    assert made(SHARED_PREFIX, short) == []
    cached = LONG.model_copy(update={"cached_input_tokens": 2_999})
    read = [
        one._replace(result=one.result.model_copy(update={"usage": cached})) for one in (begun(0, 0.0), begun(1, 9.0))
    ]
    assert made(SHARED_PREFIX, read) == []
    assert (
        made(SHARED_PREFIX, [case(n, at=n * 10.0, tokens=LONG, prompt=f"{BEGINNING}{n}") for n in range(3)]) == []
    ), "the price list knows no cached price"
    gone = [
        one._replace(result=one.result.model_copy(update={"model": "gone"})) for one in (begun(0, 0.0), begun(1, 9.0))
    ]
    assert made(SHARED_PREFIX, gone) == []


def test_who_comes_while_the_beginning_is_first_read_finds_nothing() -> None:
    assert made(SHARED_PREFIX, [begun(number, number * 0.1) for number in range(9)]) == []
    later = [begun(0, 0.0), begun(1, 0.5), begun(2, 2.0)]
    (found,) = made(SHARED_PREFIX, later)
    assert (
        found.evidence["tokens read again at the full price"]
        == f"{3_000 * (len(BEGINNING) + 2) // (len(BEGINNING) + 3):,}"
    )


def test_conversations_begin_alike_too() -> None:
    def turns(number: int) -> list[dict[str, str]]:
        return [{"role": "system", "content": BEGINNING}, {"role": "user", "content": str(number)}]

    asked = [
        case(number, at=number * 10.0, model="big", tokens=LONG, messages=turns(number), tools=[{"type": "function"}])
        for number in range(3)
    ]
    (found,) = made(SHARED_PREFIX, asked)
    assert found.saving_usd > 0
    assert REGISTRY.get("big") is not None


@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_texts_begin_alike_as_far_as_they_do(beginning: str, one: str, other: str) -> None:
    left, right = beginning + one, beginning + other
    shared = alike(left, right)
    assert left[:shared] == right[:shared]
    assert shared in (len(left), len(right)) or left[shared] != right[shared]
