"""Sending spans to a collector, from a thread beside: who offers a result never waits, and too many are dropped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import partial
from queue import Empty, Full, Queue

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from schemas.settings import TracingSettings
from streams.catchall import Bug, contain
from streams.tracing.spans import Spans
from streams.tracing.traced import read

logger = logging.getLogger(__name__)

SENT, DROPPED, FAILED = "sent", "dropped", "failed"


class SpanExport:
    """Makes spans of results and sends them.

    Args:
        exporter: Sends them.
        queue: Most results that wait.
        batch: Most results whose spans are sent at once.

    Attributes:
        outcomes: Results by what became of them.
    """

    def __init__(self, exporter: SpanExporter, queue: int, batch: int) -> None:
        self.outcomes = {SENT: 0, DROPPED: 0, FAILED: 0}
        self._exporter = exporter
        self._batch = batch
        self._spans = Spans()
        self._waiting: Queue[bytes | None] = Queue(queue)
        # A daemon: a collector that does not answer keeps no process from ending.
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    def offer(self, result: bytes) -> None:
        """Take a result's JSON, or drop it where too many wait already."""
        try:
            self._waiting.put_nowait(result)
        except Full:
            self.outcomes[DROPPED] += 1

    def close(self, seconds: float) -> None:
        """Send what waits if that takes no longer than this, and end; blocks meanwhile."""
        try:
            self._waiting.put(None, timeout=seconds)
            self._thread.join(seconds)
        except Full:
            logger.warning("spans were left unsent", extra={"results": self._waiting.qsize()})
        self._exporter.shutdown()

    def _run(self) -> None:
        while True:
            results, last = self._next()
            if results:
                self._send(results)
            if last:
                return

    def _next(self) -> tuple[list[bytes], bool]:
        """Wait for a result; return it with those that wait behind it, and whether nothing follows."""
        results: list[bytes] = []
        taken = self._waiting.get()
        while taken is not None:
            results.append(taken)
            if len(results) == self._batch:
                return results, False
            try:
                taken = self._waiting.get_nowait()
            except Empty:
                return results, False
        return results, True

    def _send(self, results: Sequence[bytes]) -> None:
        spans: list[ReadableSpan] = []
        sampled = 0
        for result in results:
            made = contain(partial(self._made, result), "tracing")
            if isinstance(made, Bug):
                self.outcomes[FAILED] += 1
            elif made:
                sampled += 1
                spans += made
        if spans:
            succeeded = self._exporter.export(spans) is SpanExportResult.SUCCESS
            self.outcomes[SENT if succeeded else FAILED] += sampled

    def _made(self, result: bytes) -> list[ReadableSpan]:
        return self._spans.of(read(result))


def configured_export(settings: TracingSettings) -> SpanExport | None:
    """Return what sends spans to the configured collector; None where none is configured."""
    if not settings.endpoint:
        return None
    pairs = (pair.partition("=") for pair in settings.headers.get_secret_value().split(",") if pair.strip())
    exporter = OTLPSpanExporter(
        endpoint=settings.endpoint,
        headers={name.strip(): value.strip() for name, _, value in pairs},
        timeout=settings.timeout_seconds,
    )
    return SpanExport(exporter, settings.queue, settings.batch)
