"""What the loopback provider has been asked: one line per call received, appended before the answer leaves.

The file outlives a client killed with -9, so a chaos test counts paid and repeated calls exactly.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

PAID_STATUS = 200
FILE_MODE = 0o644


class LoggedCall(msgspec.Struct, frozen=True):
    """One call as the server received it.

    Attributes:
        at: Unix seconds.
        request_id: First part of `x-request-id`; empty when the header is absent.
        attempt: Second part of `x-request-id`; 0 when absent.
        status: What the server decided to answer; 0 means it hung up.
    """

    at: float
    request_id: str
    attempt: int
    model: str
    status: int

    @property
    def paid(self) -> bool:
        """Whether a real provider would bill it, delivered or not."""
        return self.status == PAID_STATUS


class CallLog:
    """Appends calls to a file, each with one unbuffered write."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, FILE_MODE)
        self._encode = msgspec.json.Encoder().encode

    def append(self, call: LoggedCall) -> None:
        """Write one line."""
        os.write(self._file, self._encode(call) + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_calls(path: Path) -> Iterator[LoggedCall]:
    """Yield every call logged so far; a line still being written is left out."""
    decode = msgspec.json.Decoder(LoggedCall).decode
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield decode(line)


def paid_by_request(calls: Iterable[LoggedCall]) -> Counter[str]:
    """Count the paid calls of each request id; anything above one was paid for again."""
    return Counter(call.request_id for call in calls if call.paid)
