from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.providers.batches.anthropic import outcome_of as anthropic_outcome
from agents.providers.batches.interface import outcomes
from agents.providers.batches.messages import MAX_TOKENS, message_body, parse_message
from agents.providers.batches.openai import outcome_of as openai_outcome
from agents.providers.protocol import ChatMessage, Prompt, Sampling
from schemas.errors import ProviderUnreadable
from schemas.wire import Answer, Tokens

USAGE = {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 2}


def body_of(*messages: ChatMessage, **fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(message_body(Prompt("r", messages=list(messages), **fields), "m"))
    return body


def test_a_plain_prompt_is_a_user_turn() -> None:
    body = msgspec.json.decode(message_body(Prompt("r", "Hello", sampling=Sampling(temperature=1.7)), "m"))
    assert body == {
        "model": "m",
        "max_tokens": MAX_TOKENS,
        "messages": [{"role": "user", "content": "Hello"}],
        "temperature": 1.0,
    }


def test_a_chat_with_tools_and_pictures() -> None:
    body = body_of(
        ChatMessage("system", "Be brief."),
        ChatMessage("developer", "Be kind."),
        ChatMessage(
            "user",
            [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
                {"type": "image_url", "image_url": {"url": "https://e/x.png"}},
            ],
        ),
        ChatMessage(
            "assistant",
            "I look",
            tool_calls=[
                {"id": "c1", "function": {"name": "look", "arguments": '{"at":1}'}},
                {"id": "c2", "function": {"name": "look", "arguments": "{broken"}},
            ],
        ),
        ChatMessage("tool", "a cat", tool_call_id="c1"),
        tools=[{"type": "function", "function": {"name": "look"}}],
    )
    assert body["system"] == "Be brief.\n\nBe kind."
    user, assistant, tool = body["messages"]
    assert [part["type"] for part in user["content"]] == ["text", "image", "image"]
    assert user["content"][1]["source"] == {"type": "base64", "media_type": "image/png", "data": "QUJD"}
    assert user["content"][2]["source"] == {"type": "url", "url": "https://e/x.png"}
    assert [block["type"] for block in assistant["content"]] == ["text", "tool_use", "tool_use"]
    assert [block["input"] for block in assistant["content"][1:]] == [{"at": 1}, {}]
    assert tool == {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "a cat"}],
    }
    assert body["tools"] == [{"name": "look", "input_schema": {"type": "object"}}]


def test_cached_tokens_are_among_the_input() -> None:
    message = {"content": [{"type": "text", "text": "Hi"}], "usage": USAGE, "stop_reason": "max_tokens"}
    reply = parse_message(msgspec.json.encode(message))
    assert reply.tokens == Tokens(42, 30, 5)
    assert reply.answer == Answer("Hi", None, "length")


def test_a_tool_call_is_told_as_openai_does() -> None:
    block = {"type": "tool_use", "id": "c1", "name": "look", "input": {"at": 1}}
    reply = parse_message(msgspec.json.encode({"content": [block], "usage": USAGE, "stop_reason": "tool_use"}))
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at":1}'}}
    assert reply.answer == Answer(None, [call], "tool_calls")


@pytest.mark.parametrize(
    ("body", "billed"),
    [({"content": 7, "usage": USAGE}, Tokens(42, 30, 5)), ({"content": [], "usage": {}}, None), ([], None)],
)
def test_what_is_no_message_says_what_was_billed(body: Any, billed: Tokens | None) -> None:
    with pytest.raises(ProviderUnreadable) as raised:
        parse_message(msgspec.json.encode(body))
    assert raised.value.tokens == billed
    line = msgspec.json.encode({"custom_id": "i1", "result": {"type": "succeeded", "message": body}})
    assert (anthropic_outcome(line).reply, anthropic_outcome(line).billed) == (None, billed)


def test_an_answer_of_openai_that_is_billed_and_unreadable() -> None:
    body = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    line = msgspec.json.encode({"custom_id": "i1", "response": {"status_code": 200, "body": body}})
    assert openai_outcome(line).billed == Tokens(3, 0, 1)


async def test_a_line_without_a_custom_id_is_skipped() -> None:
    async def lines() -> Any:
        for line in (b"{broken", b'{"custom_id":"i1","error":{"code":"batch_expired"}}', b"{}"):
            yield line

    assert [(one.item, one.reason) async for one in outcomes(lines(), openai_outcome)] == [("i1", "batch_expired")]
    assert [one.item async for one in outcomes(lines(), anthropic_outcome)] == []
