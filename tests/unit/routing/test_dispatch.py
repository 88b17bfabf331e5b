from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from agents.routing.dispatch import shard_partition, to_call
from schemas.batch import Call, Target
from schemas.result import Lane
from schemas.wire import Choice
from streams.stage import Journey
from tests.flow.journeys import NOW, a_journey, deadline

CHOICE = Choice("explicit_model", "The request names big.").encoded()
TRACE = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "tracestate": "k=v"}


def routed(provider: str = "east", **fields: Any) -> Journey:
    journey = a_journey(**fields)
    journey.targets = (Target("big", provider), Target("big", "other"))
    journey.choice = CHOICE
    return journey


def test_a_call_carries_all_that_the_result_will_need() -> None:
    journey = routed(
        partition=3, user="ann", tags={"team": "a"}, task_type="coding", trace=TRACE, constraints=deadline(60)
    )
    journey.fingerprint, journey.lane, journey.stages_ms = "f" * 32, Lane.BULK, {"cache": 0.1}
    call = to_call(journey, NOW + 1)
    assert (call.body, call.targets) == (journey.body, journey.targets)
    assert (call.dispatched_at, call.deadline, call.stages_ms) == (NOW + 1, NOW + 60, {"cache": 0.1})
    passenger = call.passenger
    assert (passenger.id, passenger.tenant, passenger.partition) == (journey.request.id, "acme", 3)
    assert (passenger.digest, passenger.lane, passenger.choice) == ("d" * 32, Lane.BULK, CHOICE)
    assert (passenger.reference_model, passenger.received_at) == ("big", NOW)
    assert (passenger.user, passenger.task_type, passenger.tags) == ("ann", "coding", {"team": "a"})
    assert (passenger.fingerprint, passenger.cache_ttl_seconds) == ("f" * 32, 100.0)
    assert (passenger.traceparent, passenger.tracestate) == (TRACE["traceparent"], "k=v")
    packed = msgspec.msgpack.encode(call)
    assert msgspec.msgpack.decode(packed, type=Call) == call


def test_what_the_request_leaves_out_stays_out() -> None:
    call = to_call(routed(), NOW)
    assert call.deadline is None
    assert call.passenger.traceparent is None
    assert (call.passenger.fingerprint, call.passenger.cache_ttl_seconds) == (None, 0.0)


@pytest.mark.parametrize(("asked", "lives"), [(5.0, 5.0), (1e9, 100.0)])
def test_a_request_narrows_the_lifetime_of_its_answer_and_never_widens_it(asked: float, lives: float) -> None:
    journey = routed(cache={"ttl_seconds": asked})
    journey.fingerprint = "f" * 32
    assert to_call(journey, NOW).passenger.cache_ttl_seconds == lives


@pytest.mark.parametrize("form", ["req-{:06d}", "{}", "order/{}/summary", "line-{:x}"])
@pytest.mark.parametrize("partitions", [8, 12])
def test_a_providers_calls_spread_evenly(form: str, partitions: int) -> None:
    calls = [to_call(routed(id=form.format(number)), NOW) for number in range(1200)]
    spread = Counter(shard_partition(call, partitions) for call in calls)
    assert set(spread) == set(range(partitions))
    fair = len(calls) / partitions
    assert max(spread.values()) < 1.35 * fair
    assert min(spread.values()) > 0.65 * fair


def test_the_same_request_at_the_same_provider_always_goes_to_the_same_partition() -> None:
    assert [shard_partition(to_call(routed(id=f"req-{n}"), NOW), 8) for n in range(6)] == [1, 3, 5, 7, 0, 2]
    patient = routed(id="req-0", constraints=deadline(86_400))
    patient.lane = Lane.BULK
    assert shard_partition(to_call(patient, NOW + 5), 8) == shard_partition(to_call(routed(id="req-0"), NOW), 8)


def test_providers_start_at_different_partitions() -> None:
    starts = {shard_partition(to_call(routed(f"provider-{n}", id="req-0"), NOW), 8) for n in range(20)}
    assert len(starts) >= 6
