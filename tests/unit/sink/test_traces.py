"""Which of what the sink writes is offered to whoever sends spans."""

from __future__ import annotations

from aiokafka import TopicPartition

from schemas.settings import TracingSettings
from streams.sink.block import Block
from streams.sink.traces import Traces, configured_traces
from tests.servers.collector import collector
from tests.unit.sink.records import PLACE, record
from tests.unit.tracing.made import written


class Kept:
    """Keeps what it is offered."""

    def __init__(self) -> None:
        self.outcomes = {"sent": 0}
        self.offered: list[bytes] = []
        self.closed: list[float] = []

    def offer(self, result: bytes) -> None:
        self.offered.append(result)

    def close(self, seconds: float) -> None:
        self.closed.append(seconds)


async def test_results_with_a_trace_context_are_offered_and_nothing_else() -> None:
    kept = Kept()
    traces = Traces(kept)
    requests = TopicPartition("asahi.requests", 3)
    records = [record(0, written()), record(1, written(trace=None)), record(2, None), record(3, written(id="second"))]
    traces.follow(Block({PLACE: records, requests: [record(0, written(), place=requests)]}))
    assert kept.offered == [written(), written(id="second")]
    assert traces.outcomes is kept.outcomes
    await traces.close(3.0)
    assert kept.closed == [3.0]


async def test_without_a_collector_nothing_is_offered_to_anybody() -> None:
    traces = configured_traces(TracingSettings())
    traces.follow(Block({PLACE: [record(0, written())]}))
    assert traces.outcomes == {}
    await traces.close(0.0)


async def test_with_a_collector_spans_are_sent_to_it() -> None:
    with collector() as kept:
        traces = configured_traces(TracingSettings(endpoint=kept.endpoint))
        traces.follow(Block({PLACE: [record(0, written())]}))
        await traces.close(30.0)
    assert traces.outcomes == {"sent": 1, "dropped": 0, "failed": 0}
    assert len(kept.spans) == 9
