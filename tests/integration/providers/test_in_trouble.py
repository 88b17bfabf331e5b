"""The benchmark's run, smaller: faults of every kind, an outage and limits at once."""

from __future__ import annotations

from benchmarks.providers import Plan, run

SMALL = Plan(
    requests=600,
    latency_seconds=0.02,
    timeout_seconds=3.0,
    max_in_flight=32,
    requests_per_minute=2_400,
    outage_after=1.0,
    outage_seconds=2.0,
)


async def test_every_call_is_answered_or_fails_with_the_right_code_and_no_limit_is_passed() -> None:
    found = await run(SMALL)
    assert found["wrong"] == []
    assert found["requests"] == SMALL.requests
    assert found["answered"] >= 0.95 * SMALL.requests
    assert found["attempts_per_request"] <= 1.5
    assert found["lanes"]["openai"]["openings"] >= 1
    assert {lane["circuit"] for lane in found["lanes"].values()} == {"closed"}
    for limits in found["limits"].values():
        assert limits["over_limit"] == 0
        assert limits["most_requests_in_a_minute"] <= SMALL.requests_per_minute
    assert found["charges"]["twice_at_one_server"] == 0
    assert found["faults_by_kind"].keys() >= {"rate_limited", "server_error", "overloaded", "dropped", "hung"}
