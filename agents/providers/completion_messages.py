"""Completions as they travel, in messages below the size that the log takes."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.batch import Completion
from streams.sealing.codec import written_completions

COMPLETION_BYTES = 700
"""Of a completion besides its decision and its answer, about: ids, digest, paid calls, times."""


def completion_messages(completions: list[Completion], most_bytes: int) -> list[bytes]:
    """Return messages of completions that are as they travel, below this size but for one that exceeds it alone."""
    return [message for group in _grouped(completions, most_bytes) for message in _encoded(group, most_bytes)]


def _encoded(completions: list[Completion], most_bytes: int) -> list[bytes]:
    """Encode completions; those that do not fit into one message are halved."""
    encoded = written_completions(completions)
    if len(encoded) <= most_bytes or len(completions) == 1:
        return [encoded]
    middle = len(completions) // 2
    return _encoded(completions[:middle], most_bytes) + _encoded(completions[middle:], most_bytes)


def _grouped(completions: list[Completion], most_bytes: int) -> Iterator[list[Completion]]:
    """Yield completions in groups that make messages below this size, as estimated: to encode tells, and costs."""
    group: list[Completion] = []
    size = 0
    for completion in completions:
        answer = completion.answer
        weight = COMPLETION_BYTES + len(completion.passenger.choice) + len(completion.sealed)
        weight += 0 if answer is None or answer.content is None else len(answer.content)
        if group and size + weight > most_bytes:
            yield group
            group, size = [], 0
        group.append(completion)
        size += weight
    yield group
