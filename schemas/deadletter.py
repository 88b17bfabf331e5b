"""What could not be processed, kept with the reason: `asahi.deadletter`."""

from __future__ import annotations

from pydantic import AwareDatetime

from schemas.model import Event


class DeadLetter(Event):
    """A message no stage could process.

    Attributes:
        id: Deterministic: source topic, partition, offset and position in the message.
        value_base64: The original bytes, cut off at the configured size (`truncated`).
        size: Length of the original value in bytes.
        traceback: For bugs only.
    """

    id: str
    source_topic: str
    source_partition: int
    source_offset: int
    stage: str
    code: str
    reason: str
    remedy: str
    field: str | None = None
    key: str | None = None
    value_base64: str
    size: int
    truncated: bool = False
    traceback: str | None = None
    occurred_at: AwareDatetime
