"""Completions travel in messages below the size that the log takes, each encoded once where the estimate holds."""

from __future__ import annotations

import pytest

from agents.providers.completion_messages import completion_messages
from schemas.batch import Completion
from schemas.wire import Answer
from streams.sealing.codec import read_completions
from tests.unit.providers.calls import call
from tests.unit.providers.virtual_time import START

MOST_BYTES = 20_000
CONTENT_BYTES = 3_000


def completion(number: int, content: int, *, sealed: bool) -> Completion:
    passenger = call(f"r{number}").passenger
    if sealed:
        return Completion(passenger, START, sealed=bytes(content))
    return Completion(passenger, START, Answer("a" * content, None, "stop"))


@pytest.mark.parametrize("sealed", [False, True])
def test_what_is_sealed_weighs_as_much_as_what_is_not(sealed: bool) -> None:
    completions = [completion(number, CONTENT_BYTES, sealed=sealed) for number in range(30)]
    messages = completion_messages(completions, MOST_BYTES)
    assert [one for message in messages for one in read_completions(message)] == completions
    assert all(len(message) <= MOST_BYTES for message in messages)
    sizes = {len(read_completions(message)) for message in messages}
    assert sizes == {5}  # halving, where the estimate overlooks what is sealed, makes other sizes


def test_one_that_is_too_large_travels_alone() -> None:
    completions = [completion(number, size, sealed=True) for number, size in enumerate((10, 2 * MOST_BYTES, 10))]
    messages = completion_messages(completions, MOST_BYTES)
    assert [len(read_completions(message)) for message in messages] == [1, 1, 1]
