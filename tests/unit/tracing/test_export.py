"""Sending spans: to a collector that takes them, that refuses them, that is away, and that is slow."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from pydantic import SecretStr

from schemas.settings import TracingSettings
from schemas.wire import TraceRecord
from streams.tracing.export import SpanExport, configured_export
from tests.servers.collector import collector
from tests.unit.tracing.made import PARENT_ID, TRACE_ID, written

SECONDS = 30.0


class Stuck(SpanExporter):
    """Sends nothing until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let_go = threading.Event()
        self.sizes: list[int] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.begun.set()
        assert self.let_go.wait(SECONDS)
        self.sizes.append(len(spans))
        return SpanExportResult.SUCCESS


def test_spans_arrive_with_the_headers_that_were_configured() -> None:
    with collector() as kept:
        export = configured_export(
            TracingSettings(endpoint=kept.endpoint, headers=SecretStr("x-api-key=secret=1, x-team = a"))
        )
        assert export is not None
        export.offer(written())
        export.close(SECONDS)
        (headers,) = kept.headers
    assert len(kept.spans) == 9
    (root,) = [span for span in kept.spans if span.parent_id == PARENT_ID]
    assert {span.trace_id for span in kept.spans} == {TRACE_ID}
    assert {span.parent_id for span in kept.spans} == {PARENT_ID, root.span_id}
    assert (root.kind, root.service) == ("CONSUMER", "asahi")
    assert (headers["x-api-key"], headers["x-team"]) == ("secret=1", "a")
    assert export.outcomes == {"sent": 1, "dropped": 0, "failed": 0}


def test_what_is_not_sampled_is_not_sent() -> None:
    with collector() as kept:
        export = configured_export(TracingSettings(endpoint=kept.endpoint))
        assert export is not None
        export.offer(written(trace=TraceRecord(f"00-{TRACE_ID}-{PARENT_ID}-00")))
        export.close(SECONDS)
        assert kept.headers == []
    assert export.outcomes == {"sent": 0, "dropped": 0, "failed": 0}


def test_a_collector_that_refuses_costs_the_spans_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    with collector() as kept:
        kept.status = 400
        export = configured_export(TracingSettings(endpoint=kept.endpoint))
        assert export is not None
        export.offer(written())
        kept.wait(lambda kept: bool(kept.headers))
        kept.status = 200
        export.offer(written(id="another"))
        export.close(SECONDS)
    assert export.outcomes == {"sent": 1, "dropped": 0, "failed": 1}
    assert "what nobody else may read" not in caplog.text


def test_a_collector_that_is_away_costs_the_spans_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    with collector() as kept:
        gone = kept.endpoint
    with caplog.at_level(logging.CRITICAL):
        export = configured_export(TracingSettings(endpoint=gone, timeout_seconds=0.1))
        assert export is not None
        export.offer(written())
        export.close(SECONDS)
    assert export.outcomes["failed"] == 1


def test_whoever_offers_never_waits_and_what_is_too_much_is_counted() -> None:
    exporter = Stuck()
    export = SpanExport(exporter, queue=3, batch=2)
    export.offer(written(id="first"))
    assert exporter.begun.wait(SECONDS)
    for number in range(5):
        export.offer(written(id=f"request-{number}"))
    assert export.outcomes["dropped"] == 2
    exporter.let_go.set()
    export.close(SECONDS)
    assert export.outcomes == {"sent": 4, "dropped": 2, "failed": 0}
    assert exporter.sizes == [9, 18, 9]


def test_the_end_waits_no_longer_than_it_may() -> None:
    exporter = Stuck()
    export = SpanExport(exporter, queue=1, batch=1)
    export.offer(written(id="first"))
    assert exporter.begun.wait(SECONDS)
    export.offer(written(id="second"))
    export.close(0.01)
    assert export.outcomes["sent"] == 0
    exporter.let_go.set()


def test_what_is_no_result_is_counted_and_the_others_are_sent(caplog: pytest.LogCaptureFixture) -> None:
    exporter = Stuck()
    exporter.let_go.set()
    export = SpanExport(exporter, queue=10, batch=10)
    export.offer(b'{"trace":{"traceparent":"00-secret')
    export.offer(written())
    export.close(SECONDS)
    assert export.outcomes == {"sent": 1, "dropped": 0, "failed": 1}
    assert "secret" not in caplog.text


def test_nothing_is_sent_where_no_collector_is_configured() -> None:
    assert configured_export(TracingSettings()) is None
