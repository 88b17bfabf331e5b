from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson
import pytest

from schemas.result import Status
from schemas.wire import Answer, ProblemRecord, ResultRecord, Tokens
from streams.submission.openai_output import batch_output

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


def row(status: Status, **fields: Any) -> dict[str, Any]:
    result = ResultRecord(id="r1", status=status, cost_usd="0", received_at=AT, completed_at=AT, **fields)
    loaded: dict[str, Any] = orjson.loads(batch_output(msgspec.json.encode(result), "c1"))
    assert set(loaded) == {"id", "custom_id", "response", "error"}
    assert loaded["custom_id"] == "c1"
    return loaded


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.CACHED])
def test_an_answer_becomes_a_chat_completion(status: Status) -> None:
    made = row(
        status,
        output=Answer(content="hi", finish_reason="length"),
        model="gpt-4-turbo",
        usage=Tokens(input_tokens=10, cached_input_tokens=4, output_tokens=6, reasoning_tokens=2),
    )
    assert made["error"] is None
    assert (made["response"]["status_code"], made["response"]["request_id"]) == (200, "r1")
    assert made["response"]["body"] == {
        "id": "chatcmpl-r1",
        "object": "chat.completion",
        "created": int(AT.timestamp()),
        "model": "gpt-4-turbo",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hi", "refusal": None},
                "logprobs": None,
                "finish_reason": "length",
            }
        ],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 6,
            "total_tokens": 16,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
    }


@pytest.mark.parametrize(("calls", "reason"), [([{"id": "1", "type": "function"}], "tool_calls"), (None, "stop")])
def test_an_answer_without_finish_reason_gets_the_one_that_fits(calls: Any, reason: str) -> None:
    choice = row(Status.COMPLETED, output=Answer(tool_calls=calls))["response"]["body"]["choices"][0]
    assert choice["finish_reason"] == reason
    assert choice["message"].get("tool_calls") == calls


@pytest.mark.parametrize(
    ("status", "retry_after", "status_code", "kind"),
    [
        (Status.REJECTED, None, 400, "invalid_request_error"),
        (Status.REJECTED, 2.0, 429, "rate_limit_error"),
        (Status.FAILED, None, 500, "server_error"),
    ],
)
def test_a_problem_becomes_an_http_error(
    status: Status, retry_after: float | None, status_code: int, kind: str
) -> None:
    problem = ProblemRecord("some_code", "what is wrong", "what to do", "prompt", retry_after)
    made = row(status, error=problem)
    assert (made["error"], made["response"]["status_code"]) == (None, status_code)
    assert made["response"]["body"]["error"] == {
        "message": "what is wrong; what to do",
        "type": kind,
        "param": "prompt",
        "code": "some_code",
    }


def test_an_expired_request_has_no_response() -> None:
    made = row(Status.EXPIRED, error=ProblemRecord("deadline", "too late", "ask earlier"))
    assert made["response"] is None
    assert made["error"] == {"code": "batch_expired", "message": "too late"}


def test_a_failure_without_a_reason_is_still_an_error() -> None:
    assert row(Status.FAILED)["response"]["body"]["error"]["code"] == "unknown"
