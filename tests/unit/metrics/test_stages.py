"""What the joint endpoint says of the stages is what `asahi status` says."""

from __future__ import annotations

import pytest

from schemas.settings import Settings
from streams.health import PartitionHealth, StageHealth
from streams.metrics.catalogue import AGE, BROKER_UP, FIGURES, HEALTHY, LAG, MEMBERS, Teller
from streams.metrics.endpoint import Condition
from streams.metrics.joining import joined, total
from streams.metrics.joint import Joint, of_stages
from streams.sink.counters import Counters
from streams.sink.figures import condition, inserted, traced

PARTITIONS = (
    PartitionHealth(0, 5, 9, 4, 31.5),
    PartitionHealth(1, None, 2, 2, 1.0),
    PartitionHealth(2, 3, 3, 0, 0.0),
)
BEHIND = StageHealth("sink", "asahi.results", "asahi-sink", 1, "Stable", PARTITIONS)
IDLE = StageHealth("intake", "asahi.requests", "asahi", 2, "Stable", PARTITIONS[2:])


def test_lag_and_age_are_those_of_the_stage() -> None:
    families = list(of_stages([IDLE, BEHIND]))
    place = {"stage": "sink", "topic": "asahi.results"}
    assert total(families, LAG, **place) == BEHIND.lag == 6
    assert total(families, AGE, **place) == BEHIND.oldest_seconds == 31.5
    assert total(families, MEMBERS, **place) == 1
    assert total(families, HEALTHY, **place) == 0
    assert total(families, HEALTHY, stage="intake") == 1
    assert total(families, BROKER_UP) == 1


def test_without_a_broker_there_are_no_stages() -> None:
    families = list(of_stages(None))
    assert total(families, BROKER_UP) == 0
    assert [family.samples for family in families if family.name == LAG.name] == [[]]


async def test_a_broker_that_is_away_is_told_and_the_processes_all_the_same() -> None:
    settings = Settings.model_validate({"kafka": {"bootstrap": "127.0.0.1:1"}})
    joint = Joint(settings, lambda: {"worker-1": "127.0.0.1:1"})
    families = list(await joint.figures())
    assert total(families, BROKER_UP) == 0
    assert [
        sample.labels for family in families for sample in family.samples if family.name == "asahi_process_up"
    ] == [{"process": "worker-1"}]
    assert await joint.condition() == Condition(False, "broker_away")


def test_all_figures_of_the_catalogue_are_told_by_whom_it_says() -> None:
    told = [family.name for family in (*of_stages([]), *joined({}))]
    assert set(told) == {figure.name for figure in FIGURES if figure.teller is Teller.JOINED}
    told = [family.name for family in (*inserted(Counters(), 0.0), *traced({}))]
    assert set(told) == {figure.name for figure in FIGURES if figure.teller is Teller.SINK}


@pytest.mark.parametrize(("since", "ok"), [(None, True), (70.0, True), (69.0, False), (101.0, True)])
def test_a_sink_is_well_until_clickhouse_has_been_away_for_half_a_minute(since: float | None, ok: bool) -> None:
    assert condition(Counters(waiting_since=since), 100.0).ok is ok
