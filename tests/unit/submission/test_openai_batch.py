from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import InvalidEvent
from schemas.request import Request
from streams.submission.openai_batch import request_fields

USER = {"role": "user", "content": "hello"}


def line(url: str = "/v1/chat/completions", **body: Any) -> dict[str, Any]:
    return {
        "custom_id": "a",
        "method": "POST",
        "url": url,
        "body": {"model": "gpt-4-turbo", "messages": [USER]} | body,
    }


def request(**body: Any) -> Request:
    fields = request_fields(line(**body), autopilot=False)
    return Request.model_validate({"id": "a", "tenant": "demo"} | fields)


def test_a_chat_completion_becomes_a_request_for_its_model() -> None:
    asked = request(
        temperature=0.5,
        top_p=0.9,
        max_tokens=20,
        seed=1,
        stop="END",
        presence_penalty=0.1,
        frequency_penalty=0.2,
        user="u1",
        metadata={"team": "search"},
        response_format={"type": "json_object"},
        tools=[{"type": "function", "function": {"name": "f"}}],
    )
    assert (asked.mode, asked.model, asked.user, asked.tags) == ("explicit", "gpt-4-turbo", "u1", {"team": "search"})
    assert asked.sampling.model_dump(exclude_none=True) == {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 20,
        "seed": 1,
        "stop": ["END"],
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
    }
    assert asked.response_format == {"type": "json_object"}
    assert asked.tools == [{"type": "function", "function": {"name": "f"}}]


def test_several_stop_sequences_and_the_newer_name_of_the_token_limit_are_understood() -> None:
    asked = request(stop=["a", "b"], max_completion_tokens=9)
    assert (asked.sampling.stop, asked.sampling.max_output_tokens) == (["a", "b"], 9)


def test_on_autopilot_the_model_is_left_to_us() -> None:
    fields = request_fields(line(), autopilot=True)
    assert "model" not in fields
    assert "mode" not in fields
    del (body := line())["body"]["model"]
    assert request_fields(body, autopilot=True) == {"messages": [USER]}


def test_fields_that_ask_for_nothing_special_are_accepted() -> None:
    asked = request(stream=False, n=1, logprobs=False, tool_choice="auto", store=True, logit_bias=None, seed=None)
    assert asked == request()


def test_null_fields_of_messages_are_dropped() -> None:
    answer = {"role": "assistant", "content": "hi", "refusal": None, "tool_calls": None}
    assert request(messages=[USER, answer]).messages is not None


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (line() | {"method": "GET"}, "method"),
        (line(url="/v1/embeddings"), "url"),
        (line() | {"body": "text"}, "body"),
        (line(model=None), "body.model"),
        (line(model=7), "body.model"),
        (line(n=2), "body.n"),
        (line(stream=True), "body.stream"),
        (line(logit_bias={"50256": -100}), "body.logit_bias"),
        (line(tool_choice={"type": "function"}), "body.tool_choice"),
        (line(reasoning_effort="high"), "body.reasoning_effort"),
    ],
)
def test_what_cannot_be_honoured_is_named_and_not_ignored(document: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidEvent) as wrong:
        request_fields(document, autopilot=False)
    assert wrong.value.field == field


@pytest.mark.parametrize("messages", ["text", ["text"], [{"role": "user", "content": 5}]])
def test_wrong_messages_are_left_to_the_request_to_refuse(messages: object) -> None:
    with pytest.raises(ValueError, match="messages"):
        request(messages=messages)
