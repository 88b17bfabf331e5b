"""OpenAI's Batch output: one `{"id", "custom_id", "response", "error"}` per request."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from schemas.result import Status
from schemas.wire import Answer, ProblemRecord, Tokens

HTTP_OK = 200
HTTP_BAD_REQUEST = 400
HTTP_TOO_MANY_REQUESTS = 429
HTTP_SERVER_ERROR = 500


class _Result(msgspec.Struct):
    """What is read of a result."""

    id: str
    status: str
    completed_at: datetime
    output: Answer | None = None
    model: str | None = None
    usage: Tokens = Tokens()
    error: ProblemRecord | None = None


class _Message(msgspec.Struct, omit_defaults=True):
    role: str
    content: str | None
    refusal: None
    tool_calls: list[dict[str, Any]] | None = None


class _Choice(msgspec.Struct):
    index: int
    message: _Message
    logprobs: None
    finish_reason: str


class _PromptDetails(msgspec.Struct):
    cached_tokens: int


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _PromptDetails
    completion_tokens_details: _CompletionDetails


class _Completion(msgspec.Struct):
    id: str
    object: str
    created: int
    model: str
    choices: list[_Choice]
    usage: _Usage


class _Error(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str


class _Errors(msgspec.Struct):
    error: _Error


class _Response(msgspec.Struct):
    status_code: int
    request_id: str
    body: _Completion | _Errors


class _BatchError(msgspec.Struct):
    code: str
    message: str


class _Row(msgspec.Struct):
    id: str
    custom_id: str
    response: _Response | None
    error: _BatchError | None


_decode = msgspec.json.Decoder(_Result).decode
_encode = msgspec.json.Encoder().encode
_UNEXPLAINED = ProblemRecord("unknown", "no answer and no reason given", "see `asahi deadletter list`")


def batch_output(result: bytes, custom_id: str) -> bytes:
    """Return one line of OpenAI's batch output, without its newline, for one result event."""
    known = _decode(result)
    row_id = f"batch_req_{known.id}"
    problem = known.error or _UNEXPLAINED
    if known.status == Status.EXPIRED:
        return _encode(_Row(row_id, custom_id, None, _BatchError("batch_expired", problem.message)))
    if known.output is not None:
        response = _Response(HTTP_OK, known.id, _completion(known, known.output))
    else:
        status_code, kind = _http(known.status, problem)
        error = _Error(f"{problem.message}; {problem.remedy}", kind, problem.field, problem.code)
        response = _Response(status_code, known.id, _Errors(error))
    return _encode(_Row(row_id, custom_id, response, None))


def _http(status: str, problem: ProblemRecord) -> tuple[int, str]:
    if status == Status.FAILED:
        return HTTP_SERVER_ERROR, "server_error"
    if problem.retry_after_seconds is not None:
        return HTTP_TOO_MANY_REQUESTS, "rate_limit_error"
    return HTTP_BAD_REQUEST, "invalid_request_error"


def _completion(known: _Result, answer: Answer) -> _Completion:
    usage = known.usage
    reason = answer.finish_reason or ("tool_calls" if answer.tool_calls else "stop")
    return _Completion(
        id=f"chatcmpl-{known.id}",
        object="chat.completion",
        created=int(known.completed_at.timestamp()),
        model=known.model or "",
        choices=[_Choice(0, _Message("assistant", answer.content, None, answer.tool_calls), None, reason)],
        usage=_Usage(
            usage.input_tokens,
            usage.output_tokens,
            usage.input_tokens + usage.output_tokens,
            _PromptDetails(usage.cached_input_tokens),
            _CompletionDetails(usage.reasoning_tokens),
        ),
    )
