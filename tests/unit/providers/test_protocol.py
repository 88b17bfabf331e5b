from __future__ import annotations

import msgspec
import pytest

from agents.providers.protocol import ChatMessage, Prompt, Sampling, decode_prompt
from schemas.request import Request


def test_what_a_producer_may_send_is_decoded_as_the_contract_does() -> None:
    body = {
        "version": 1,
        "id": "r1",
        "tenant": "demo",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {}}]},
            {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "content": "42", "tool_call_id": "c1", "name": None},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "response_format": {"type": "json_object"},
        "sampling": {"temperature": 0, "max_output_tokens": 9, "seed": -1, "stop": ["."], "top_p": None},
        "mode": "autopilot",
        "tags": {"a": "b"},
    }
    request = Request.model_validate(body)
    prompt = decode_prompt(msgspec.json.encode(body))
    assert prompt.id == request.id
    assert prompt.messages is not None
    assert request.messages is not None
    assert [message.role for message in prompt.messages] == [message.role.value for message in request.messages]
    assert prompt.messages[2].tool_calls == request.messages[2].tool_calls
    assert prompt.messages[3] == ChatMessage("tool", "42", tool_call_id="c1")
    assert prompt.tools == request.tools
    assert prompt.response_format == request.response_format
    assert prompt.sampling == Sampling(temperature=0.0, max_output_tokens=9, seed=-1, stop=["."])


def test_sampling_knows_every_field_of_the_contract() -> None:
    contract = set(type(Request.model_validate({"id": "r", "tenant": "t", "prompt": "p"}).sampling).model_fields)
    assert set(Sampling.__struct_fields__) == contract


def test_a_plain_prompt_is_its_own_text_and_question() -> None:
    prompt = Prompt("r1", prompt="Why?")
    assert prompt.text == prompt.question == "Why?"


def test_of_a_chat_everything_readable_is_text_and_what_the_user_said_last_is_the_question() -> None:
    chat = Prompt(
        "r1",
        messages=[
            ChatMessage("system", "Be brief."),
            ChatMessage("user", "First?"),
            ChatMessage("assistant", None, tool_calls=[{"id": "c"}]),
            ChatMessage("user", [{"type": "image_url"}, {"type": "text", "text": "Last?"}]),
            ChatMessage("assistant", "Well"),
        ],
    )
    assert chat.text == "Be brief.\nFirst?\n\nLast?\nWell"
    assert chat.question == "Last?"


@pytest.mark.parametrize("messages", [None, [], [ChatMessage("system", "Be brief.")]])
def test_nobody_asked(messages: list[ChatMessage] | None) -> None:
    assert Prompt("r1", messages=messages).question == ""
