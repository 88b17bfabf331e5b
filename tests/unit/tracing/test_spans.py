"""Spans of results: whose children they are, what they are called, and what they tell."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from schemas.result import Status
from schemas.wire import HitRecord, ProblemRecord, TraceRecord
from streams.tracing.spans import ROOT, Spans
from streams.tracing.traced import read
from tests.unit.tracing.made import PARENT_ID, SAMPLED, STAGES, TRACE_ID, written

PROBLEM = ProblemRecord("provider_overloaded", "nobody answered", "try again")


def spans_of(**changes: Any) -> dict[str, ReadableSpan]:
    return {span.name: span for span in Spans().of(read(written(**changes)))}


def ids(span: ReadableSpan) -> tuple[str, str, str]:
    """Return trace, span and parent in hex."""
    assert span.context is not None
    parent = "" if span.parent is None else f"{span.parent.span_id:016x}"
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}", parent


def test_the_request_is_a_child_of_its_sender_and_each_stage_a_child_of_the_request() -> None:
    spans = spans_of()
    assert spans.keys() == {ROOT, *STAGES, "chat gpt-4-turbo"} - {"provider"}
    trace, root, parent = ids(spans[ROOT])
    assert (trace, parent) == (TRACE_ID, PARENT_ID)
    for name, span in spans.items():
        if name != ROOT:
            assert ids(span)[::2] == (TRACE_ID, root)
    assert len({ids(span)[1] for span in spans.values()}) == len(spans)
    assert spans[ROOT].kind is SpanKind.CONSUMER


def test_the_call_has_the_names_of_the_conventions_for_generative_ai() -> None:
    call = spans_of()["chat gpt-4-turbo"]
    assert call.kind is SpanKind.CLIENT
    assert dict(call.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4-turbo",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.response.finish_reasons": ("stop",),
        "asahi.attempts": 1,
    }
    assert call.end_time is not None
    assert call.start_time is not None
    assert call.end_time - call.start_time == 50_000_000


def test_neither_the_answer_nor_who_asked_is_told() -> None:
    told = " ".join(span.to_json() for span in spans_of().values())
    assert "what nobody else may read" not in told
    assert "somebody" not in told
    assert "acme" in told


@pytest.mark.parametrize(
    "traceparent",
    [
        f"00-{TRACE_ID}-{PARENT_ID}-00",
        f"00-{'0' * 32}-{PARENT_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"ff-{TRACE_ID}-{PARENT_ID}-01",
    ],
)
def test_what_is_not_sampled_or_not_valid_has_no_spans(traceparent: str) -> None:
    assert spans_of(trace=TraceRecord(traceparent)) == {}
    assert spans_of(trace=None) == {}


def test_a_later_version_of_the_context_is_read_like_this_one() -> None:
    assert ids(spans_of(trace=TraceRecord(f"01-{TRACE_ID}-{PARENT_ID}-03"))[ROOT])[0] == TRACE_ID


def test_vendors_positions_are_handed_on() -> None:
    context = spans_of(trace=TraceRecord(SAMPLED, "vendor=here,other=there"))["cache"].context
    assert context is not None
    assert context.trace_state.to_header() == "vendor=here,other=there"


def test_a_result_that_comes_again_makes_the_same_spans_again() -> None:
    first, again = spans_of(), spans_of()
    assert {name: ids(span) for name, span in first.items()} == {name: ids(span) for name, span in again.items()}
    other = spans_of(id="request-2")
    assert {ids(span)[1] for span in first.values()}.isdisjoint(ids(span)[1] for span in other.values())


def test_a_failed_request_says_why() -> None:
    spans = spans_of(status=Status.FAILED, output=None, model=None, provider=None, error=PROBLEM, attempts=3)
    for name in (ROOT, "chat"):
        assert spans[name].status.status_code is StatusCode.ERROR
        assert spans[name].status.description == "provider_overloaded"
        assert (spans[name].attributes or {})["error.type"] == "provider_overloaded"


def test_a_rejection_is_an_answer_and_no_error_of_ours() -> None:
    root = spans_of(status=Status.REJECTED, error=PROBLEM, stages_ms={"governance": 1.0}, attempts=0)[ROOT]
    assert root.status.status_code is StatusCode.UNSET
    assert (root.attributes or {})["error.type"] == "provider_overloaded"


def test_a_cached_answer_names_its_source_and_calls_nobody() -> None:
    spans = spans_of(
        status=Status.CACHED, attempts=0, cache=HitRecord("exact", "earlier", 5.0), stages_ms={"cache": 1.0}
    )
    assert spans.keys() == {ROOT, "cache"}
    attributes = spans[ROOT].attributes or {}
    assert (attributes["asahi.cache.tier"], attributes["asahi.cache.source_request_id"]) == ("exact", "earlier")


def test_why_this_model_is_told() -> None:
    root = spans_of(decision=msgspec.Raw(b'{"rule":"cheapest_meeting_constraints","reason":"because"}'))[ROOT]
    assert (root.attributes or {})["asahi.routing.rule"] == "cheapest_meeting_constraints"
