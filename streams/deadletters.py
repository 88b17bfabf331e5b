"""Making a dead letter of what could not be processed."""

from __future__ import annotations

from base64 import b64encode

from schemas.wire import DeadLetterRecord, ProblemRecord
from streams.records import Record
from streams.stage import moment


def dead_letter(
    record: Record,
    position: int,
    stage: str,
    problem: ProblemRecord,
    value: bytes,
    *,
    now: float,
    keep_bytes: int,
    traceback: str | None = None,
) -> DeadLetterRecord:
    """Return the dead letter of one request, or of a whole message that could not be taken apart.

    Args:
        record: The message it came in.
        position: Place in a bulk message; 0 otherwise.
        stage: Where it failed.
        problem: Why, and what to do.
        value: The offending bytes.
        now: Unix seconds.
        keep_bytes: Most bytes of `value` to keep.
        traceback: For bugs.
    """
    return DeadLetterRecord(
        id=f"{record.topic}/{record.partition}/{record.offset}/{position}",
        source_topic=record.topic,
        source_partition=record.partition,
        source_offset=record.offset,
        stage=stage,
        code=problem.code,
        reason=problem.message,
        remedy=problem.remedy,
        value_base64=b64encode(value[:keep_bytes]).decode(),
        size=len(value),
        occurred_at=moment(now),
        field=problem.field,
        key=record.key.decode(errors="replace") if record.key is not None else None,
        truncated=len(value) > keep_bytes,
        traceback=traceback,
    )
