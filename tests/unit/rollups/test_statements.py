"""What a pass asks, and how moments fall into minutes, hours, days and months."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.rollups.statements import (
    DAY,
    HOUR,
    LEVELS,
    MINUTE,
    MONTH,
    Level,
    Source,
    copied,
    is_sum,
    moments,
    overview,
    summed,
    touched,
    versions,
    within,
)

MOMENT = datetime(2026, 11, 23, 10, 20, 30, tzinfo=UTC)
STATE = "AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float32)"


@pytest.mark.parametrize(
    ("level", "begun"),
    [
        (MINUTE, datetime(2026, 11, 23, 10, 20, tzinfo=UTC)),
        (HOUR, datetime(2026, 11, 23, 10, tzinfo=UTC)),
        (DAY, datetime(2026, 11, 23, tzinfo=UTC)),
        (MONTH, datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_moment_is_in_the_one_that_began_before_it(level: Level, begun: datetime) -> None:
    assert level.floor(int(MOMENT.timestamp())) == begun.timestamp()


@given(st.integers(0, 4_000_000_000))
def test_what_is_above_begins_with_something_below(moment: int) -> None:
    for level in LEVELS:
        start = level.floor(moment)
        assert start <= moment
        assert level.floor(start) == start
        if level.above is not None:
            assert level.floor(level.above.floor(moment)) == level.above.floor(moment)


def test_every_level_is_made_of_the_one_before_it() -> None:
    assert [level.above for level in LEVELS] == [*LEVELS[1:], None]


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("UInt64", "sum(r.x) AS x"),
        ("Decimal(38, 18)", "sum(r.x) AS x"),
        ("Map(LowCardinality(String), UInt64)", "sumMap(r.x) AS x"),
        (STATE, "quantilesTDigestMergeState(0.5, 0.95, 0.99)(r.x) AS x"),
        ("LowCardinality(String)", "x"),
        ("Bool", "x"),
    ],
)
def test_columns_are_summed_by_their_types(kind: str, column: str) -> None:
    assert summed("x", kind) == column
    assert is_sum(kind) == (column != "x")


def test_a_day_is_copied_out_of_its_view() -> None:
    days = within("toDateTime(day, 'UTC')", [86_400, 172_800])
    columns = [
        {"name": "start", "type": "DateTime('UTC')"},
        {"name": "tenant", "type": "LowCardinality(String)"},
        {"name": "calls", "type": "UInt64"},
        {"name": "version", "type": "UInt64"},
    ]
    assert copied(Source.USAGE, DAY, columns, [86_400, 172_800], 7) == (
        "INSERT INTO usage_by_day_store (start, version, tenant, calls)"
        " SELECT toDateTime(day, 'UTC') AS start, 7 AS version, tenant, sum(r.calls) AS calls FROM usage_by_day AS r"
        f" WHERE {days} GROUP BY start, tenant"
    )


def test_moments_are_numbers() -> None:
    assert moments([60, 120]) == "SELECT toDateTime(arrayJoin([60, 120]), 'UTC')"
    assert within("start", [120, 60]).startswith(
        "start BETWEEN toDateTime(60, 'UTC') AND toDateTime(120, 'UTC') AND start IN ("
    )
    assert versions(Source.RESULTS, HOUR, [3600], 7).endswith(
        "SELECT 'results', 'hour', start, 7 FROM (SELECT toDateTime(arrayJoin([3600]), 'UTC') AS start)"
    )
    assert "'results', 'day', start, rand64(), 0, now()" in touched(Source.RESULTS, DAY, [86_400])


def test_overview_is_made_of_the_rows_of_the_same_version_and_of_no_others() -> None:
    columns = [
        {"name": "level", "type": "LowCardinality(String)"},
        {"name": "start", "type": "DateTime('UTC')"},
        {"name": "model", "type": "LowCardinality(String)"},
        {"name": "calls", "type": "UInt64"},
        {"name": "latency", "type": STATE},
        {"name": "version", "type": "UInt64"},
    ]
    assert overview(Source.USAGE, HOUR, columns, [7200, 3600], 42) == (
        "INSERT INTO usage_overview_store (level, start, version, model, calls, latency)"
        " SELECT 'hour' AS level, start, 42 AS version, model, sum(r.calls) AS calls,"
        " quantilesTDigestMergeState(0.5, 0.95, 0.99)(r.latency) AS latency FROM usage_by_hour_store AS r"
        f" WHERE {within('start', [7200, 3600])} AND r.version = 42 GROUP BY start, model"
    )
