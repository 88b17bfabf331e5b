"""What the benchmark of faults calls right: it must see each way of being wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest

from benchmarks.fault_books import Books, Ended, Told, audited, circuits, judged, partitions_of
from tests.servers.faults import Fault
from tests.servers.ledger import ProviderLedger

ONE_TOKEN = Decimal("0.000001")


def book(*met: Fault | None, first_attempt: int = 1, tokens: int = 0) -> Books:
    ledger = ProviderLedger()
    if tokens:
        ledger.charge("r", tokens, 0.0)
    return Books(ledger, {"r": list(enumerate(met, first_attempt))})


def failed(code: str) -> Ended:
    return Ended("r", "failed", error=Told(code))


@pytest.mark.parametrize(
    ("result", "met"),
    [
        (Ended("r", "completed"), (Fault.DROPPED, None)),
        (Ended("r", "completed"), (Fault.SLOW_BODY,)),
        (failed("provider_timeout"), (Fault.BAD_REQUEST, Fault.HUNG)),
        (failed("provider_overloaded"), (Fault.UNAVAILABLE,)),
    ],
)
def test_a_result_agrees_with_its_last_call(result: Ended, met: tuple[Fault | None, ...]) -> None:
    outcome = judged([result], [book(*met)])
    assert outcome.agreeing.total() == 1
    assert outcome.wrong == []


@pytest.mark.parametrize(
    ("result", "met"),
    [
        (Ended("r", "completed"), (None, Fault.DROPPED)),
        (Ended("r", "completed"), ()),
        (Ended("r", "expired"), (None,)),
        (failed("provider_timeout"), (Fault.HUNG, Fault.BAD_REQUEST)),
        (failed("provider_timeout"), (None,)),
    ],
)
def test_a_result_that_says_something_else_is_wrong(result: Ended, met: tuple[Fault | None, ...]) -> None:
    outcome = judged([result], [book(*met)])
    assert outcome.agreeing.total() == 0
    assert len(outcome.wrong) == 1


def test_the_last_call_is_found_among_all_providers() -> None:
    books = [book(Fault.HUNG, first_attempt=3), book(Fault.DROPPED, Fault.DROPPED)]
    assert judged([failed("provider_timeout")], books).wrong == []


def test_charges_are_equal_unknowable_or_wrong() -> None:
    key = ("openai", "r")
    assert audited({"openai": book(None, tokens=3)}, {key: 3 * ONE_TOKEN}).equal == 1
    assert audited({"openai": book(Fault.WRONG_USAGE, tokens=3)}, {key: ONE_TOKEN}).nonsense == 1
    assert audited({"openai": book(Fault.TRUNCATED, tokens=3)}, {}).unknowable == 1
    assert len(audited({"openai": book(None, tokens=3)}, {}).wrong) == 1
    assert len(audited({"openai": book(Fault.TRUNCATED, None, tokens=3)}, {key: 6 * ONE_TOKEN}).wrong) == 1
    assert audited({"openai": book(Fault.HUNG)}, {key: ONE_TOKEN}).booked_only == 1


def test_breakers_and_partitions_are_read_from_logs() -> None:
    said = '{{"message": "circuit breaker is {}", "provider": "p", "model": "m"}}'
    log = [said.format(state) for state in ("open", "half_open", "open", "half_open", "closed")]
    gained = [
        '{"message": "partitions gained", "partitions": 24}',
        '{"message": "partitions gained", "partitions": 12}',
    ]
    assert circuits({"w": "\n".join(log)}) == {"w/p/m": {"opened": 2, "closed": 1, "last": "closed"}}
    assert partitions_of({"w": "\n".join(gained), "late": ""}) == {"w": 12, "late": 0}
