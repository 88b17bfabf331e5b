from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as modest
from hypothesis import strategies as st

from agents.providers.messages import message_body, parse_message
from agents.providers.protocol import ChatMessage, Prompt, Sampling
from schemas.errors import ProviderBadRequest, ProviderContentFiltered, ProviderUnreadable
from schemas.wire import Answer, Tokens
from tests.servers.prompts import CONVERSATION, JSON_OBJECT, JSON_SCHEMA, PIXEL, PLAIN, SAMPLED, SCHEMA, WITH_TOOLS

LONGEST = 512


def body(prompt: Prompt) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(message_body(prompt, "m", LONGEST))
    return decoded


def message(*content: dict[str, Any], stop: str | None = "end_turn", usage: object = None) -> bytes:
    return json.dumps({"content": content, "stop_reason": stop, "usage": usage}).encode()


def test_a_plain_prompt_is_one_turn_with_a_limit() -> None:
    assert body(PLAIN) == {
        "model": "m",
        "max_tokens": LONGEST,
        "messages": [{"role": "user", "content": "Why is the sky blue?"}],
    }


def test_system_texts_stand_apart_and_what_has_no_counterpart_is_left_out() -> None:
    assert body(SAMPLED) == {
        "model": "m",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "Why?"}],
        "system": "Be brief.\n\nUse metres.",
        "temperature": 0.5,
        "top_p": 0.9,
        "stop_sequences": ["\n"],
    }
    hot = Prompt("r1", prompt="x", sampling=Sampling(temperature=1.7))
    assert body(hot)["temperature"] == 1.0


def test_images_tool_calls_and_their_results_are_blocks() -> None:
    assert body(CONVERSATION)["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {
                    "type": "image",
                    "source": {
                        "type": "base64",
                        "media_type": "image/png",
                        "data": PIXEL.partition(",")[2],
                    },
                },
                {"type": "image", "source": {"type": "url", "url": "https://example.com/cat.png"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": "c1", "name": "look_up", "input": {"q": "cat"}},
                {"type": "tool_use", "id": "c2", "name": "look_up", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "A cat."},
                {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "Nothing."}]},
            ],
        },
        {"role": "user", "content": "So?"},
    ]


def test_tools_and_forms_are_translated() -> None:
    [tool] = body(WITH_TOOLS)["tools"]
    assert tool["name"] == "look_up"
    assert tool["description"] == "Look something up."
    assert tool["input_schema"]["required"] == ["q"]
    bare = Prompt("r1", prompt="x", tools=[{"type": "function", "function": {"name": "f"}}])
    assert body(bare)["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]
    assert body(JSON_SCHEMA)["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert "JSON object" in body(JSON_OBJECT)["system"]


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt("r1", messages=[ChatMessage("user", [{"type": "input_audio", "input_audio": {}}])]),
        Prompt("r1", messages=[ChatMessage("user", [{"type": "image_url", "image_url": "x"}])]),
        Prompt("r1", messages=[ChatMessage("user", [{"type": "image_url", "image_url": {"url": "data:,x"}}])]),
        Prompt("r1", messages=[ChatMessage("assistant", tool_calls=[{"id": "c"}])]),
        Prompt("r1", messages=[ChatMessage("assistant", tool_calls=[{"id": 1, "function": {"name": "f"}}])]),
        Prompt(
            "r1",
            messages=[
                ChatMessage("assistant", tool_calls=[{"id": "c", "function": {"name": "f", "arguments": "["}}])
            ],
        ),
        Prompt("r1", prompt="x", tools=[{"type": "web_search"}]),
        Prompt("r1", prompt="x", response_format={"type": "json_schema"}),
    ],
)
def test_what_the_format_has_no_words_for_is_a_bad_request(prompt: Prompt) -> None:
    with pytest.raises(ProviderBadRequest) as raised:
        message_body(prompt, "m", LONGEST)
    assert raised.value.code == "provider_bad_request"
    assert "cannot be put in this provider's format" in raised.value.message


def test_an_answer_and_its_bill_are_read() -> None:
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 64,
        "cache_creation_input_tokens": 32,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    text = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "Bec"}]
    read = parse_message(message(*text, {"type": "text", "text": "ause."}, usage=usage), PLAIN)
    assert read.answer == Answer("Because.", None, "stop")
    assert read.tokens == Tokens(106, 64, 9, 4, 32)


def test_tool_calls_are_read_in_openai_s_form() -> None:
    use = {"type": "tool_use", "id": "t1", "name": "f", "input": {"q": [1, 2]}}
    read = parse_message(message(use, stop="tool_use"), PLAIN)
    assert read.answer.content is None
    [call] = read.answer.tool_calls or []
    assert call["id"] == "t1"
    assert call["function"]["name"] == "f"
    assert json.loads(call["function"]["arguments"]) == {"q": [1, 2]}
    assert read.answer.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
        (None, None),
    ],
)
def test_stop_reasons_have_openai_s_names(stop: str | None, finish: str | None) -> None:
    assert parse_message(message({"type": "text", "text": "x"}, stop=stop), PLAIN).answer.finish_reason == finish


def test_a_refusal_without_a_word_is_a_filter_and_paid_for() -> None:
    with pytest.raises(ProviderContentFiltered) as raised:
        parse_message(message(stop="refusal", usage={"input_tokens": 5, "output_tokens": 1}), PLAIN)
    assert raised.value.tokens == Tokens(5, 0, 1)


@pytest.mark.parametrize("usage", [None, {}, [], {"input_tokens": -1, "output_tokens": 2}, {"input_tokens": "9"}])
def test_a_missing_or_unreadable_bill_is_estimated(usage: object) -> None:
    read = parse_message(message({"type": "text", "text": "x" * 40}, usage=usage), PLAIN)
    assert read.tokens == Tokens(5, 0, 10)


def test_an_unreadable_answer_still_carries_its_bill() -> None:
    with pytest.raises(ProviderUnreadable) as raised:
        parse_message(b'{"content": 7, "usage": {"input_tokens": 5, "output_tokens": 1}}', PLAIN)
    assert raised.value.tokens == Tokens(5, 0, 1)


@modest(max_examples=40)
@given(
    st.binary(max_size=40) | st.lists(st.none() | st.integers() | st.text(max_size=5)).map(json.dumps).map(str.encode)
)
def test_no_body_raises_anything_else(garbled: bytes) -> None:
    with pytest.raises(ProviderUnreadable):
        parse_message(garbled, PLAIN)
