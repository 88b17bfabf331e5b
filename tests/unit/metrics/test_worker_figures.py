"""What a worker has written, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from schemas.provider_health import Circuit, LaneHealth
from schemas.result import Lane, Status
from schemas.wire import HitRecord, ProblemRecord, SavingsRecord, Tokens
from streams.metrics.catalogue import CALL_SECONDS, CALL_TOKENS, FIGURES, REQUEST_SECONDS, Kind, Teller
from streams.metrics.exposition import exposition
from streams.metrics.tally import Tally
from streams.metrics.worker import asked, held, written
from tests.unit.metrics.made import letter, result, usage

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def told(families: Iterable[Metric]) -> Values:
    """Return every sample by name and labels, after a way through the text."""
    text = (await exposition(families)).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(values: Values, name: str, **labels: str) -> float:
    return values[name, frozenset(labels.items())]


async def test_results_are_counted_by_status_and_lane_with_their_durations() -> None:
    tally = Tally()
    tally.results([result(latency_ms=5.0), result(latency_ms=5.1), result(latency_ms=1e9)])
    tally.results([result(status=Status.REJECTED, lane=None, latency_ms=0.0)])
    values = await told(written(tally))
    done = {"status": "completed", "lane": "interactive"}
    assert value(values, "asahi_requests_total", **done) == 3
    assert value(values, "asahi_requests_total", status="rejected", lane="none") == 1
    assert value(values, "asahi_request_duration_seconds_bucket", le="0.005", **done) == 1
    assert value(values, "asahi_request_duration_seconds_bucket", le="0.01", **done) == 2
    assert value(values, "asahi_request_duration_seconds_bucket", le="3600.0", **done) == 2
    assert value(values, "asahi_request_duration_seconds_bucket", le="+Inf", **done) == 3
    assert value(values, "asahi_request_duration_seconds_count", **done) == 3
    assert value(values, "asahi_request_duration_seconds_sum", **done) == pytest.approx(1e6 + 0.0101)


async def test_a_saving_that_is_negative_is_counted_apart() -> None:
    tally = Tally()
    tally.results(
        [
            result(savings=SavingsRecord(routing="0.3", provider_cache="-0.01")),
            result(savings=SavingsRecord(routing="-0.1")),
            result(savings=SavingsRecord(cache_exact="0.2")),
            result(),
        ]
    )
    values = await told(written(tally))
    assert value(values, "asahi_saved_usd_total", cause="routing") == 0.3
    assert value(values, "asahi_extra_cost_usd_total", cause="routing") == 0.1
    assert value(values, "asahi_extra_cost_usd_total", cause="provider_cache") == 0.01
    assert value(values, "asahi_saved_usd_total", cause="cache_exact") == 0.2


async def test_hits_problems_and_dead_letters_are_counted_by_what_they_are() -> None:
    tally = Tally()
    tally.results([result(status=Status.CACHED, cache=HitRecord("exact", "earlier", 1.0))] * 2)
    tally.results([result(status=Status.REJECTED, error=ProblemRecord("budget_exceeded", "no", "wait"))])
    tally.dead_letters([letter("intake", "internal_error"), letter("intake", "internal_error")])
    values = await told(written(tally))
    assert value(values, "asahi_cache_hits_total", tier="exact") == 2
    assert value(values, "asahi_request_problems_total", status="rejected", code="budget_exceeded") == 1
    assert value(values, "asahi_dead_letters_total", stage="intake", code="internal_error") == 2


async def test_paid_calls_are_counted_with_tokens_and_cost() -> None:
    tally = Tally()
    tally.usages([usage(), usage(superseded=True, cost_usd="0.20"), usage(usage=Tokens(1, 0, 0, 0))])
    values = await told(written(tally))
    place = {"provider": "openai", "model": "gpt-4-turbo"}
    assert value(values, "asahi_spend_usd_total", **place) == 0.4
    assert value(values, "asahi_paid_calls_total", superseded="false", **place) == 2
    assert value(values, "asahi_paid_calls_total", superseded="true", **place) == 1
    assert value(values, "asahi_tokens_total", type="input", **place) == 201
    assert value(values, "asahi_tokens_total", type="cached_input", **place) == 80
    assert value(values, "asahi_tokens_total", type="output", **place) == 100
    convention = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "openai",
        "gen_ai_request_model": "gpt-4-turbo",
    }
    sent = {**convention, "gen_ai_token_type": "input"}
    assert value(values, "gen_ai_client_token_usage_bucket", le="1.0", **sent) == 1
    assert value(values, "gen_ai_client_token_usage_bucket", le="64.0", **sent) == 1
    assert value(values, "gen_ai_client_token_usage_bucket", le="256.0", **sent) == 3
    assert value(values, "gen_ai_client_token_usage_sum", **sent) == 201
    assert value(values, "gen_ai_client_token_usage_count", gen_ai_token_type="output", **convention) == 3


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1))
async def test_each_call_lies_in_the_first_bucket_that_is_large_enough(lengths: list[int]) -> None:
    tally = Tally()
    tally.usages([usage(usage=Tokens(length, 0, length)) for length in lengths])
    buckets = {
        dict(labels)["le"]: count
        for (name, labels), count in (await told(written(tally))).items()
        if name == "gen_ai_client_token_usage_bucket" and ("gen_ai_token_type", "output") in labels
    }
    assert buckets == {
        **{str(bound): sum(length <= bound for length in lengths) for bound in CALL_TOKENS},
        "+Inf": len(lengths),
    }


@given(st.lists(st.floats(0, 1e8), min_size=1))
async def test_each_duration_lies_in_the_first_bucket_that_is_large_enough(seconds: list[float]) -> None:
    tally = Tally()
    tally.results([result(latency_ms=each * 1000) for each in seconds])
    buckets = {
        dict(labels)["le"]: count
        for (name, labels), count in (await told(written(tally))).items()
        if name == "asahi_request_duration_seconds_bucket"
    }
    in_ms = [each * 1000 for each in seconds]
    assert buckets == {
        **{str(bound): sum(each <= bound * 1000 for each in in_ms) for bound in REQUEST_SECONDS},
        "+Inf": len(seconds),
    }


@given(st.lists(st.decimals(-10, 10, places=9)))
def test_what_is_saved_and_what_is_spent_on_top_add_up_exactly(amounts: list[Decimal]) -> None:
    tally = Tally()
    tally.results([result(savings=SavingsRecord(routing=format(amount, "f"))) for amount in amounts])
    saved, extra = tally.saved.get("routing", Decimal(0)), tally.extra.get("routing", Decimal(0))
    assert saved - extra == sum(amounts)
    assert saved == sum(amount for amount in amounts if amount > 0)
    assert extra >= 0


async def test_no_figure_names_a_tenant_unless_it_is_asked_for() -> None:
    tally = Tally()
    tally.results([result()])
    tally.usages([usage()])
    assert b"acme" not in await exposition(written(tally))


async def test_so_many_tenants_are_told_apart_and_the_others_are_one() -> None:
    tally = Tally(tenants=2)
    stranger = result(tenant="made-up", status=Status.REJECTED)
    tally.results(
        [stranger, *(result(tenant=name) for name in ("a", "b", "c")), result(tenant=None), result(tenant="a")]
    )
    tally.results([result(tenant="a", status=Status.REJECTED)])
    tally.usages([usage(tenant="b"), usage(tenant="d")])
    values = await told(written(tally))
    done = {"status": "completed", "lane": "interactive"}
    assert value(values, "asahi_requests_total", tenant="a", **done) == 2
    assert value(values, "asahi_requests_total", tenant="b", **done) == 1
    assert value(values, "asahi_requests_total", tenant="other", **done) == 2
    turned_away = {"status": "rejected", "lane": "interactive"}
    assert value(values, "asahi_requests_total", tenant="other", **turned_away) == 1
    assert value(values, "asahi_requests_total", tenant="a", **turned_away) == 1
    place = {"provider": "openai", "model": "gpt-4-turbo"}
    assert value(values, "asahi_spend_usd_total", tenant="b", **place) == 0.1
    assert value(values, "asahi_spend_usd_total", tenant="other", **place) == 0.1
    assert value(values, "asahi_request_duration_seconds_count", **done) == 5
    assert value(values, "asahi_tokens_total", type="output", **place) == 100


def lane(model: str, **changes: Any) -> LaneHealth:
    durations = (1, *(0 for _ in CALL_SECONDS))
    figures: dict[str, Any] = {
        "circuit": Circuit.CLOSED,
        "openings": 0,
        "failure_share": 0.0,
        "in_flight": 3,
        "limit": 10,
        "waiting": 2,
        "held": 0,
        "attempts": 1,
        "retries": 0,
        "outcomes": {"answered": 1},
        "durations": durations,
        "seconds": 0.004,
    }
    return LaneHealth(provider="openai", model=model, **(figures | changes))


async def test_providers_are_told_by_model_and_what_they_share_once() -> None:
    broken = lane(
        "b", circuit=Circuit.OPEN, openings=2, retries=4, waiting=7, held=5, outcomes={"answered": 0, "cut": 1}
    )
    values = await told(asked([lane("a"), broken]))
    at_b = {"provider": "openai", "model": "b"}
    assert value(values, "asahi_provider_calls_total", provider="openai", model="a", outcome="answered") == 1
    assert value(values, "asahi_provider_calls_total", outcome="cut", **at_b) == 1
    assert value(values, "asahi_provider_circuit", state="open", **at_b) == 1
    assert value(values, "asahi_provider_circuit", state="closed", **at_b) == 0
    assert value(values, "asahi_provider_circuit_openings_total", **at_b) == 2
    assert value(values, "asahi_provider_retries_total", **at_b) == 4
    assert value(values, "asahi_provider_in_flight", provider="openai") == 3
    assert value(values, "asahi_provider_limit", provider="openai") == 10
    assert value(values, "asahi_provider_waiting", provider="openai") == 7
    call = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "openai", "gen_ai_request_model": "a"}
    assert value(values, "gen_ai_client_operation_duration_seconds_count", **call) == 1
    assert value(values, "gen_ai_client_operation_duration_seconds_sum", **call) == 0.004


async def test_a_worker_tells_every_figure_of_the_catalogue_even_before_it_has_done_anything() -> None:
    families = [*written(Tally()), *asked([]), *held({"intake": 0})]
    assert [family.name for family in families].count("asahi_requests") == 1
    expected = {figure.name: figure.kind.value for figure in FIGURES if figure.teller is Teller.WORKER}
    assert {family.name: family.type for family in families} == expected
    values = await told(families)
    assert not any(values.values())
    assert value(values, "asahi_requests_held", stage="intake") == 0
    assert value(values, "asahi_requests_total", status="failed", lane="bulk") == 0
    assert value(values, "asahi_dead_letters_total", stage="accounting", code="internal_error") == 0


def test_names_follow_prometheus() -> None:
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)
    for figure in FIGURES:
        assert not figure.name.endswith(("_total", "_bucket", "_count", "_sum")), "suffixes are put on by kind"
        assert figure.meaning.endswith(".")
        assert (figure.kind is Kind.HISTOGRAM) == bool(figure.bounds)
        assert list(figure.bounds) == sorted(figure.bounds)
        assert (
            not {"tenant", "user", "request", "le", "process"} & set(figure.labels) or figure.teller is Teller.JOINED
        )


def test_the_busiest_lanes_differ_only_by_what_they_are() -> None:
    tally = Tally()
    tally.results([result(lane=each) for each in Lane])
    assert {lane for _, lane, _ in tally.ended} == set(Lane)
