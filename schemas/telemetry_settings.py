"""What is told of the running system: figures for Prometheus, and traces for a collector."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from schemas.section import Count, Seconds, Section


class MetricsSettings(Section):
    """Figures of each process, and of all in one place.

    Attributes:
        enabled: Whether worker, sink and analyst answer `/metrics` and `/health` over HTTP.
        host: Address they listen on.
        port: Of a worker's or sink's endpoint; the sink that `asahi worker` runs beside its worker takes the next
            one, and 0 takes a free one. In the embedded stack it is the port of the endpoint that joins all.
        targets: Endpoints of other processes that `asahi metrics` and `asahi status` ask, `host:port`, separated by
            commas; a name with several addresses is all of them. The embedded stack's are known.
        timeout_seconds: Longest wait for another process's figures.
        tenants: Most tenants that requests and spend are counted for by name; the others are counted as `other`. With
            0 no figure names a tenant.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65534)] = 0
    targets: str = ""
    timeout_seconds: Seconds = 5.0
    tenants: Annotated[int, Field(ge=0)] = 0


class TracingSettings(Section):
    """Spans of the requests that carry a trace context.

    Attributes:
        endpoint: Where the sink sends spans by OTLP over HTTP, e.g. `http://collector:4318/v1/traces`; empty sends
            none.
        headers: Sent with them, `name=value`, separated by commas. Never logged; set it by environment.
        timeout_seconds: Longest wait for the collector, retries included.
        queue: Most results that wait to become spans; what is more is dropped and counted.
        batch: Most results whose spans are sent at once.
    """

    endpoint: str = ""
    headers: SecretStr = SecretStr("")
    timeout_seconds: Seconds = 10.0
    queue: Count = 10_000
    batch: Count = 100
