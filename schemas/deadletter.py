"""What could not be processed, kept with the reason: `asahi.deadletter`."""

from __future__ import annotations

from pydantic import AwareDatetime

from schemas.model import Event


class DeadLetter(Event):
    """A message no stage could process.

    Attributes:
        version: Of this contract.
        id: Deterministic: source topic, partition, offset and position in the message.
        source_topic: Where the message came from.
        source_partition: Its partition there.
        source_offset: Its offset there.
        stage: The stage that could not process it.
        code: Stable, for programs.
        reason: What is wrong, for people.
        remedy: What to do about it.
        field: Dotted path of the field at fault, or absent.
        key: The message's key as text.
        value_base64: The original bytes, cut off at the configured size (`truncated`).
        size: Length of the original value in bytes.
        truncated: Whether `value_base64` is only the beginning.
        traceback: For bugs only.
        occurred_at: When it was given up.
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
