from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as modest
from hypothesis import strategies as st

from agents.providers.protocol import ChatMessage, Prompt
from agents.providers.responses import parse_response, response_body
from schemas.errors import (
    ProviderBadRequest,
    ProviderContentFiltered,
    ProviderOverloaded,
    ProviderRateLimited,
    ProviderUnreadable,
)
from schemas.wire import Answer, Tokens
from tests.servers.prompts import CONVERSATION, JSON_OBJECT, JSON_SCHEMA, PIXEL, PLAIN, SAMPLED, SCHEMA, WITH_TOOLS


def body(prompt: Prompt) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(response_body(prompt, "m"))
    return decoded


def response(*output: dict[str, Any], status: str = "completed", **more: Any) -> bytes:
    return json.dumps({"status": status, "output": output, **more}).encode()


def said(text: str) -> dict[str, Any]:
    return {"type": "message", "content": [{"type": "output_text", "text": text}]}


def test_a_plain_prompt_is_the_input_and_nothing_is_stored() -> None:
    assert body(PLAIN) == {"model": "m", "input": "Why is the sky blue?", "store": False}


def test_sampling_is_sent_as_far_as_it_has_a_counterpart() -> None:
    assert body(SAMPLED) == {
        "model": "m",
        "input": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "Use metres."},
            {"role": "user", "content": "Why?"},
        ],
        "store": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 64,
    }


def test_a_conversation_is_a_list_of_items() -> None:
    question, told, *calls_and_outputs, last = body(CONVERSATION)["input"]
    assert question["content"] == [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": PIXEL, "detail": "low"},
        {"type": "input_image", "image_url": "https://example.com/cat.png", "detail": "auto"},
    ]
    assert told == {"role": "assistant", "content": "Let me see."}
    assert calls_and_outputs == [
        {"type": "function_call", "call_id": "c1", "name": "look_up", "arguments": '{"q": "cat"}'},
        {"type": "function_call", "call_id": "c2", "name": "look_up", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "A cat."},
        {"type": "function_call_output", "call_id": "c2", "output": "Nothing."},
    ]
    assert last == {"role": "user", "content": "So?"}


def test_parts_of_an_assistant_are_output() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}]
    [item] = body(Prompt("r1", messages=[ChatMessage("assistant", parts)]))["input"]
    assert item["content"] == [{"type": "output_text", "text": "a"}, {"type": "output_text", "text": "b"}]


def test_tools_and_forms_lie_flat() -> None:
    [tool] = body(WITH_TOOLS)["tools"]
    assert (tool["type"], tool["name"], tool["strict"]) == ("function", "look_up", False)
    bare = Prompt("r1", prompt="x", tools=[{"type": "function", "function": {"name": "f"}}])
    assert "description" not in body(bare)["tools"][0]
    form = {"type": "json_schema", "name": "answer", "strict": True, "schema": SCHEMA}
    assert body(JSON_SCHEMA)["text"] == {"format": form}
    assert body(JSON_OBJECT)["text"] == {"format": {"type": "json_object"}}
    with pytest.raises(ProviderBadRequest):
        response_body(Prompt("r1", prompt="x", response_format={"type": "json_schema"}), "m")


def test_an_answer_and_its_bill_are_read() -> None:
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 64},
        "output_tokens": 40,
        "output_tokens_details": {"reasoning_tokens": 30},
    }
    read = parse_response(response({"type": "reasoning"}, said("Bec"), said("ause."), usage=usage), PLAIN)
    assert read.answer == Answer("Because.", None, "stop")
    assert read.tokens == Tokens(100, 64, 40, 30)


def test_tool_calls_are_read_in_the_form_of_chat_completions() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    answer = parse_response(response(call), PLAIN).answer
    assert answer.tool_calls == [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    assert (answer.content, answer.finish_reason) == (None, "tool_calls")


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("max_output_tokens", "length"), ("content_filter", "content_filter"), ("steered", "steered")],
)
def test_a_cut_answer_says_why(reason: str, finish: str) -> None:
    cut = response(said("x"), status="incomplete", incomplete_details={"reason": reason})
    assert parse_response(cut, PLAIN).answer.finish_reason == finish


def test_a_filtered_answer_is_an_error_and_paid_for() -> None:
    usage = {"input_tokens": 5, "output_tokens": 1}
    cut = response(status="incomplete", incomplete_details={"reason": "content_filter"}, usage=usage)
    with pytest.raises(ProviderContentFiltered) as raised:
        parse_response(cut, PLAIN)
    assert raised.value.tokens == Tokens(5, 0, 1)


def test_a_failed_response_is_an_error() -> None:
    with pytest.raises(ProviderRateLimited):
        parse_response(response(status="failed", error={"code": "rate_limit_exceeded"}), PLAIN)
    with pytest.raises(ProviderOverloaded) as raised:
        parse_response(response(status="failed", error={"code": "server_error"}), PLAIN)
    assert raised.value.message == "the response failed (server_error)"
    with pytest.raises(ProviderOverloaded) as raised:
        parse_response(response(status="failed"), PLAIN)
    assert raised.value.message == "the response failed"


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": -1, "output_tokens": 2}, {"input_tokens": "9"}])
def test_a_missing_or_unreadable_bill_is_estimated(usage: object) -> None:
    assert parse_response(response(said("x" * 40), usage=usage), PLAIN).tokens == Tokens(5, 0, 10)


def test_an_unreadable_answer_still_carries_its_bill() -> None:
    with pytest.raises(ProviderUnreadable) as raised:
        parse_response(b'{"output": 7, "usage": {"input_tokens": 5, "output_tokens": 1}}', PLAIN)
    assert raised.value.tokens == Tokens(5, 0, 1)


@modest(max_examples=40)
@given(
    st.binary(max_size=40) | st.lists(st.none() | st.integers() | st.text(max_size=5)).map(json.dumps).map(str.encode)
)
def test_no_body_raises_anything_else(garbled: bytes) -> None:
    with pytest.raises(ProviderUnreadable):
        parse_response(garbled, PLAIN)
