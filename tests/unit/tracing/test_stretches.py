"""When the stages of a request were, as far as its result tells."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streams.tracing.traced import MARK, nanoseconds, read, stretches
from tests.unit.tracing.made import RECEIVED, STAGES, written

MS = 1_000_000
NAMES = [*STAGES, "backoff", "check", "batch"]


def laid_out(stages: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Return milliseconds since the receipt at which each stage began and ended."""
    zero = nanoseconds(RECEIVED)
    found = stretches(read(written(stages_ms=stages)))
    return {stage: ((start - zero) / MS, (end - zero) / MS) for stage, start, end in found}


def test_what_precedes_the_call_follows_the_receipt_and_the_rest_ends_with_the_result() -> None:
    assert laid_out(STAGES) == {
        "governance": (0, 1),
        "cache": (1, 3),
        "windows": (3, 3.5),
        "routing": (3.5, 5),
        "dispatch": (41, 44),
        "queue": (44, 48),
        "provider": (48, 98),
        "accounting": (98, 100),
    }


def test_pauses_between_attempts_come_before_the_call_which_ends_when_it_ended() -> None:
    retried = laid_out(
        {"routing": 1.0, "dispatch": 0.0, "queue": 1.0, "provider": 30.0, "backoff": 10.0, "check": 5.0}
    )
    del retried["routing"], retried["dispatch"]
    assert retried == {"queue": (54, 55), "backoff": (55, 65), "provider": (65, 95), "check": (95, 100)}


def test_a_request_that_ends_before_the_call_has_only_what_it_went_through() -> None:
    assert laid_out({"governance": 1.0, "cache": 99.0}) == {"governance": (0, 1), "cache": (1, 100)}


@given(st.dictionaries(st.sampled_from(NAMES), st.floats(0, 500)))
def test_no_stage_leaves_its_request_however_wrong_the_times_are(stages: dict[str, float]) -> None:
    found = list(laid_out(stages).values())
    assert all(0 <= start <= end <= 100 for start, end in found)
    assert len(found) == len(stages)
    assert all(before[0] <= after[0] for before, after in pairwise(sorted(found)))


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_times_are_exact_to_the_microsecond(moment: datetime) -> None:
    whole = nanoseconds(moment)
    assert whole % 1000 == 0
    assert datetime.fromtimestamp(whole // 10**9, UTC).replace(microsecond=whole % 10**9 // 1000) == moment


def test_the_mark_tells_results_that_belong_to_a_trace() -> None:
    assert MARK in written()
    assert MARK not in written(trace=None, user='"traceparent":"00-')
