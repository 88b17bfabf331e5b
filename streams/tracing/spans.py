"""Spans of one result: one for the request, a child of whoever sent it, and one for each of its stages."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from opentelemetry.context import Context as Surroundings
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from streams.topics import REQUESTS
from streams.tracing.traced import CALL, Context, Stretch, TracedResult, nanoseconds, stretches

SERVICE = "asahi"
ROOT = f"process {REQUESTS.name}"
OPERATION = "chat"
SPAN_ID_BYTES = 8
FAULTS = frozenset({"failed", "expired"})
"""Ends that are errors of the span; a rejection is the answer to what was asked."""

Attributes = dict[str, str | int | Sequence[str]]


class _PlannedIds(RandomIdGenerator):
    """Gives the span id that was planned: a result that comes again makes the same spans again."""

    planned = 0

    def generate_span_id(self) -> int:
        return self.planned


class _Collected(SpanProcessor):
    """Keeps what has ended."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


class Spans:
    """Makes spans of results. Whether a request is traced, its parent has decided."""

    def __init__(self) -> None:
        self._ids = _PlannedIds()
        self._collected = _Collected()
        provider = TracerProvider(
            sampler=ParentBased(ALWAYS_OFF),
            resource=Resource.create({SERVICE_NAME: SERVICE}),
            shutdown_on_exit=False,
            id_generator=self._ids,
        )
        provider.add_span_processor(self._collected)
        self._tracer = provider.get_tracer("asahi.results")

    def of(self, result: TracedResult) -> list[ReadableSpan]:
        """Return the spans of a result; none when its trace is not sampled."""
        sender = None if result.trace is None else sender_of(result.trace)
        if sender is None or not sender.trace_flags.sampled:
            return []
        self._collected.spans = []
        self._ids.planned = span_id(sender.trace_id, result, ROOT)
        root = self._tracer.start_span(
            ROOT,
            set_span_in_context(NonRecordingSpan(sender)),
            SpanKind.CONSUMER,
            _request_attributes(result),
            start_time=nanoseconds(result.received_at),
        )
        within = set_span_in_context(root)
        for stretch in stretches(result):
            self._ids.planned = span_id(sender.trace_id, result, stretch.stage)
            self._stage(result, stretch, within)
        if result.status in FAULTS:
            root.set_status(Status(StatusCode.ERROR, _code(result)))
        root.end(nanoseconds(result.completed_at))
        return self._collected.spans

    def _stage(self, result: TracedResult, stretch: Stretch, within: Surroundings) -> None:
        if stretch.stage == CALL and result.attempts:
            name, kind, attributes = _call_name(result), SpanKind.CLIENT, _call_attributes(result)
        else:
            name, kind, attributes = stretch.stage, SpanKind.INTERNAL, {}
        span = self._tracer.start_span(name, within, kind, attributes, start_time=stretch.start)
        if kind is SpanKind.CLIENT and result.provider is None:
            span.set_status(Status(StatusCode.ERROR, _code(result)))
        span.end(stretch.end)


def sender_of(context: Context) -> SpanContext | None:
    """Return the span that a request was sent from; None when the context names none.

    W3C Trace Context, https://www.w3.org/TR/trace-context/#traceparent-header: version `ff` and ids of zeros only are
    invalid; later versions begin as this one does.
    """
    version, trace_id, parent_id, flags = context.traceparent.split("-")[:4]
    state = TraceState.from_header([context.tracestate] if context.tracestate else [])
    sender = SpanContext(int(trace_id, 16), int(parent_id, 16), True, TraceFlags(int(flags, 16)), state)
    return sender if sender.is_valid and version != "ff" else None


def span_id(trace_id: int, result: TracedResult, name: str) -> int:
    """Return the id of a span: the same for the same result, whoever makes it and how often."""
    plan = f"{trace_id:032x}\0{result.tenant}\0{result.id}\0{name}".encode()
    return int.from_bytes(blake2b(plan, digest_size=SPAN_ID_BYTES).digest(), "big") or 1


def _code(result: TracedResult) -> str:
    return result.status if result.error is None else result.error.code


def _request_attributes(result: TracedResult) -> Attributes:
    attributes: Attributes = {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": REQUESTS.name,
        "asahi.request.id": result.id,
        "asahi.status": result.status,
        "asahi.attempts": result.attempts,
        "asahi.cost_usd": result.cost_usd,
    }
    told = {
        "asahi.tenant": result.tenant,
        "asahi.lane": result.lane,
        "asahi.routing.rule": None if result.decision is None else result.decision.rule,
        "asahi.cache.tier": None if result.cache is None else result.cache.tier,
        "asahi.cache.source_request_id": None if result.cache is None else result.cache.source_request_id,
        "error.type": None if result.error is None else result.error.code,
    }
    return attributes | {name: value for name, value in told.items() if value}


def _call_name(result: TracedResult) -> str:
    return OPERATION if result.model is None else f"{OPERATION} {result.model}"


def _call_attributes(result: TracedResult) -> Attributes:
    """Return what OpenTelemetry's conventions for generative AI have names for."""
    attributes: Attributes = {"gen_ai.operation.name": OPERATION, "asahi.attempts": result.attempts}
    if result.provider is None or result.model is None:
        return attributes | {"error.type": _code(result)}
    attributes |= {
        "gen_ai.provider.name": result.provider,
        "gen_ai.request.model": result.model,
        "gen_ai.usage.input_tokens": result.usage.input_tokens,
        "gen_ai.usage.output_tokens": result.usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": result.usage.cached_input_tokens,
    }
    if result.output is not None and result.output.finish_reason is not None:
        attributes["gen_ai.response.finish_reasons"] = [result.output.finish_reason]
    return attributes
