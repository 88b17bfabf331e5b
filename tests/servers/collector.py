"""An OpenTelemetry collector for tests: takes spans by OTLP over HTTP, and keeps them."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Received:
    """One span as it came."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    start: int
    end: int
    error: str | None
    state: str
    attributes: dict[str, Any]
    service: str


@dataclass
class Collector:
    """What was received.

    Attributes:
        status: What requests are answered with.
        headers: Of each request.
    """

    endpoint: str = ""
    status: int = 200
    spans: list[Received] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    _came: threading.Condition = field(default_factory=threading.Condition)

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        """Keep what has come; return the status of the answer."""
        request = ExportTraceServiceRequest.FromString(body)
        with self._came:
            self.headers.append(headers)
            if self.status == 200:
                self.spans += [
                    received(
                        span, next(a.value.string_value for a in whole.resource.attributes if a.key == "service.name")
                    )
                    for whole in request.resource_spans
                    for scope in whole.scope_spans
                    for span in scope.spans
                ]
            self._came.notify_all()
            return self.status

    def wait(self, until: Callable[[Collector], bool]) -> None:
        """Wait until what has come is what was waited for."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._came:
            while not until(self):
                left = deadline - time.monotonic()
                assert left > 0, f"only {len(self.spans)} spans came, in {len(self.headers)} requests"
                self._came.wait(left)


def received(span: Span, service: str) -> Received:
    return Received(
        span.name,
        Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.message if span.status.code == span.status.STATUS_CODE_ERROR else None,
        span.trace_state,
        {attribute.key: value_of(attribute.value) for attribute in span.attributes},
        service,
    )


def value_of(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(each) for each in value.array_value.values]
    assert kind is not None
    return getattr(value, kind)


@contextmanager
def collector() -> Iterator[Collector]:
    """Run one on a free loopback port."""
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            status = kept.take(body, dict(self.headers))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="collector", daemon=True)
    thread.start()
    kept.endpoint = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
