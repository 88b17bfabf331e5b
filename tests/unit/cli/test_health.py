from __future__ import annotations

import pytest

from streams.cli.status import Findings, healthy
from streams.health import BEHIND_SECONDS, PartitionHealth, StageHealth, Verdict


def stage(name: str = "intake", members: int = 1, waited: float = 0.0, lag: int = 0) -> StageHealth:
    partitions = (
        PartitionHealth(0, 5, 5 + lag, lag, waited),
        PartitionHealth(1, None, 0, 0, 0.0),
    )
    return StageHealth(name, "asahi.requests", "asahi", members, "Stable", partitions)


@pytest.mark.parametrize(
    ("health", "verdict"),
    [
        (stage(), Verdict.OK),
        (stage(lag=7, waited=BEHIND_SECONDS / 2), Verdict.OK),
        (stage(lag=7, waited=BEHIND_SECONDS * 2), Verdict.BEHIND),
        (stage(members=0), Verdict.DOWN),
    ],
)
def test_a_stage_is_judged_by_its_people_and_by_how_long_messages_wait(health: StageHealth, verdict: Verdict) -> None:
    assert health.verdict is verdict


def test_lag_adds_up_over_partitions_and_waiting_does_not() -> None:
    both = StageHealth(
        "intake", "t", "g", 1, "Stable", (PartitionHealth(0, 1, 4, 3, 2.0), PartitionHealth(1, 0, 5, 5, 9.0))
    )
    assert (both.lag, both.oldest_seconds) == (8, 9.0)


@pytest.mark.parametrize(
    ("findings", "only", "well"),
    [
        (Findings([stage(), stage("sink")], {}), None, True),
        (Findings([stage(members=0), stage("sink")], {}), None, False),
        (Findings([stage(members=0), stage("sink")], {}), "sink", True),
        (Findings([stage(), stage("sink", members=0)], {}), "pipeline", True),
        (Findings([stage(), stage("sink", members=0)], {}), "sink", False),
        (Findings([stage(), stage("sink"), stage("analyst", members=0)], {}), None, True),
        (Findings([stage(), stage("sink"), stage("analyst", members=0)], {}), "analyst", False),
        (Findings([stage(members=0), stage("sink"), stage("analyst")], {}), "analyst", True),
        (Findings([stage(), stage("sink")], "ClickHouse is away"), None, False),
        (Findings([stage(), stage("sink")], "ClickHouse is away"), "pipeline", True),
        (Findings("no broker", {}), "pipeline", False),
    ],
)
def test_health_is_that_of_what_one_asks_for(findings: Findings, only: str | None, well: bool) -> None:
    assert healthy(findings, only) is well
