"""The lines of the output: results as they came, or OpenAI's batch output."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec
import orjson

from schemas.result import Status
from schemas.wire import ProblemRecord, ResultRecord
from streams.submission.openai_output import batch_output

NEWLINE = b"\n"


class RowFormat(StrEnum):
    """What the output's lines look like."""

    ASAHI = "asahi"
    OPENAI = "openai"


Render = Callable[[bytes, str, str | None], bytes]
"""From a result's JSON, the request's id and its `custom_id` to a line of the output."""

_encode = msgspec.json.Encoder().encode


def renderer(row_format: RowFormat) -> Render:
    """Return what makes lines of this format."""
    return _openai_row if row_format is RowFormat.OPENAI else _asahi_row


def refusal(request_id: str, problem: ProblemRecord, tenant: str, at: datetime) -> bytes:
    """Return the result of a line that was never sent, as the system would have rejected it.

    Args:
        request_id: The id the request has, or would have had.
        problem: Names the line.
        tenant: The line's, or the submission's where it names none.
        at: When the submission began: the same at every attempt, so that the output is too.
    """
    record = ResultRecord(
        id=request_id,
        status=Status.REJECTED,
        cost_usd="0",
        received_at=at,
        completed_at=at,
        tenant=tenant,
        error=problem,
    )
    return _encode(record)


def _asahi_row(result: bytes, request_id: str, custom_id: str | None) -> bytes:
    del request_id, custom_id
    if NEWLINE in result:  # pretty-printed by some other producer
        result = orjson.dumps(orjson.loads(result))
    return result + NEWLINE


def _openai_row(result: bytes, request_id: str, custom_id: str | None) -> bytes:
    return batch_output(result, custom_id or request_id) + NEWLINE
