"""What a sink tells of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.metrics_core import Metric

from streams.metrics import catalogue
from streams.metrics.endpoint import Condition
from streams.metrics.families import family, single
from streams.sink.counters import Counters

PATIENCE_SECONDS = 30.0
"""ClickHouse may be away for so long before the sink says that it does no work."""


def inserted(counters: Counters, now: float) -> Iterator[Metric]:
    """Give what the sink has done; `now` in Unix seconds."""
    yield single(catalogue.SINK_ROWS, counters.rows)
    yield single(catalogue.SINK_BLOCKS, counters.blocks)
    yield single(catalogue.SINK_FAILURES, counters.failures)
    yield single(catalogue.SINK_RESTORED, counters.restored)
    yield single(catalogue.SINK_SET_ASIDE, counters.set_aside)
    yield single(catalogue.SINK_WAITING, waiting_seconds(counters, now))


def traced(outcomes: Mapping[str, int]) -> Iterator[Metric]:
    """Give what became of results that belong to traces."""
    yield family(catalogue.TRACED, [((outcome,), count) for outcome, count in outcomes.items()])


def condition(counters: Counters, now: float) -> Condition:
    """Return how the sink is; `now` in Unix seconds."""
    waiting = waiting_seconds(counters, now)
    told: dict[str, object] = {"rows": counters.rows, "waiting_seconds": round(waiting, 3)}
    if waiting > PATIENCE_SECONDS:
        return Condition(False, "clickhouse_away", told)
    return Condition(True, "ok", told)


def waiting_seconds(counters: Counters, now: float) -> float:
    """Return since how many seconds ClickHouse has taken nothing; 0 while it does."""
    return 0.0 if counters.waiting_since is None else max(0.0, now - counters.waiting_since)
