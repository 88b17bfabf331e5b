"""What a broker holds."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """One record as the broker holds it; `timestamp` is Unix seconds."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: float
