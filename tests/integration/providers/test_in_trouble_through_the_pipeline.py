"""The benchmark's run, smaller: faults of every kind, an outage, and limits that two workers share."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fault_traffic import FIRST
from benchmarks.faults import run
from benchmarks.providers import Plan

MOST_IN_SIX_SECONDS = 0.2
"""Of a minute's limit. A tenth of the minute's 90 % and the burst of a twentieth are 14 %; two workers that each took
the whole limit made 25 to 28 %."""
SMALL = Plan(
    requests=800,
    latency_seconds=0.02,
    timeout_seconds=3.0,
    max_in_flight=32,
    requests_per_minute=1_800,
    outage_after=0.2,
    outage_seconds=6.0,
)


async def test_two_workers_answer_or_fail_rightly_within_one_limit(tmp_path: Path) -> None:
    found = await run(SMALL, 2, tmp_path)
    assert found["some_that_disagree"] == []
    assert found["requests"] == found["results"] == SMALL.requests
    assert found["answered"] >= 0.95 * SMALL.requests
    assert found["attempts_per_request"]["by_the_servers"] <= 1.5
    for limits in found["limits"].values():
        assert limits["refused_for_a_limit"] == 0
        assert 0 < limits["most_requests_in_six_seconds"] <= MOST_IN_SIX_SECONDS * SMALL.requests_per_minute
    assert len(found["partitions"]) == 2
    assert all(found["partitions"].values())
    # what only falls back there may find it out and never ask again; who goes there first does
    met_the_outage = [found["breakers"][f"worker_{number}/openai/{FIRST}"] for number in range(2)]
    assert all(breaker["closed"] for breaker in met_the_outage)
    assert found["charges"]["some_wrong"] == []
    assert found["charges"]["booked_and_never_charged"] == 0
    assert found["faults_struck"].keys() >= {"rate_limited", "server_error", "overloaded", "dropped", "hung"}
