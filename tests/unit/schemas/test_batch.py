from __future__ import annotations

import msgspec
import pytest

from schemas.batch import (
    Call,
    CallBatch,
    Completion,
    CompletionBatch,
    Failure,
    PaidCall,
    Passenger,
    Target,
)
from schemas.result import Lane
from schemas.wire import Answer, Choice, Tokens

PASSENGER = Passenger("a", "t", 3, "d" * 32, Lane.BULK, Choice("rule", "reason").encoded(), "m", 1.5, tags={"k": "v"})
CALL = Call(PASSENGER, b'{"prompt":"\xc3\xa9"}', (Target("m", "p"), Target("n", "q")), 2.5, stages_ms={"cache": 0.1})
PAID = PaidCall("c1", "m", "p", 1, Tokens(10, 2, 5), 12.5, 3.5)
ANSWERED = Completion(PASSENGER, 4.5, Answer("yes", finish_reason="stop"), None, Target("m", "p"), (PAID,), 1)
FAILED = Completion(PASSENGER, 4.5, failure=Failure("c", "m", "r", expired=True), attempts=3)


@pytest.mark.parametrize("batch", [CallBatch([CALL, CALL]), CompletionBatch([ANSWERED, FAILED]), CallBatch([])])
def test_a_batch_comes_back_as_it_went(batch: CallBatch | CompletionBatch) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(batch), type=type(batch)) == batch


def test_fields_appended_later_are_passed_over() -> None:
    later = [*msgspec.to_builtins(Target("m", "p")), "new"]
    assert msgspec.convert(later, Target) == Target("m", "p")


def test_of_several_paid_calls_the_last_of_the_answering_target_gave_the_answer() -> None:
    retried = msgspec.structs.replace(PAID, id="c2", attempt=2)
    fallback = msgspec.structs.replace(PAID, id="c3", model="n", attempt=3)
    assert msgspec.structs.replace(ANSWERED, paid=(PAID, retried, fallback)).answering_call() == retried
    assert msgspec.structs.replace(ANSWERED, paid=(fallback,)).answering_call() is None
    assert FAILED.answering_call() is None
