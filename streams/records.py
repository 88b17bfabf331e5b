"""What a broker holds."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """One record as the broker holds it.

    Attributes:
        timestamp: Unix seconds.
        stamped: The timestamp is the broker's (Kafka's `LogAppendTime`), and not what the producer says.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: float
    stamped: bool = False
