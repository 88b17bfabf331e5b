from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as modest
from hypothesis import strategies as st

from agents.providers.chat_completions import chat_body, parse_reply
from agents.providers.protocol import ChatMessage, Prompt, Sampling
from schemas.errors import ProviderUnreadable
from schemas.wire import Answer, Tokens

PROMPT = Prompt("r1", prompt="What is 1+1?")
USAGES = Path(__file__).parents[4] / "shared" / "data" / "provider_usages.json.gz"


def body(prompt: Prompt) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(chat_body(prompt, "m"))
    return decoded


def reply(usage: object = None, **message: object) -> bytes:
    return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}).encode()


def test_a_plain_prompt_is_one_user_message_and_nothing_else_is_sent() -> None:
    assert body(PROMPT) == {"model": "m", "messages": [{"role": "user", "content": "What is 1+1?"}]}


def test_everything_asked_for_is_sent_under_its_openai_name() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    prompt = Prompt(
        "r1",
        messages=[ChatMessage("assistant", tool_calls=calls), ChatMessage("tool", "2", tool_call_id="c1")],
        tools=tools,
        response_format={"type": "json_object"},
        sampling=Sampling(0.0, 0.9, 50, -3, ["\n"], 0.1, -0.1),
    )
    assert body(prompt) == {
        "model": "m",
        "messages": [
            {"role": "assistant", "tool_calls": calls},
            {"role": "tool", "content": "2", "tool_call_id": "c1"},
        ],
        "tools": tools,
        "response_format": {"type": "json_object"},
        "temperature": 0.0,
        "top_p": 0.9,
        "max_tokens": 50,
        "seed": -3,
        "stop": ["\n"],
        "presence_penalty": 0.1,
        "frequency_penalty": -0.1,
    }


def test_an_answer_and_its_bill_are_read() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 40,
        "total_tokens": 140,
        "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }
    read = parse_reply(reply(usage, content="2"), PROMPT)
    assert read.answer == Answer("2", None, "stop")
    assert read.tokens == Tokens(100, 64, 40, 30)


def test_tool_calls_are_read() -> None:
    calls = [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}]
    assert parse_reply(reply(content=None, tool_calls=calls), PROMPT).answer.tool_calls == calls
    assert parse_reply(reply(content="x", tool_calls=[]), PROMPT).answer.tool_calls is None


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 3, "num_cached_tokens": 8}, Tokens(9, 0, 3)),
        ({"prompt_tokens": 9, "completion_tokens": 3, "cached_tokens": 8}, Tokens(9, 8, 3)),
        ({"prompt_tokens": 9, "completion_tokens": 3, "prompt_cache_hit_tokens": 8}, Tokens(9, 8, 3)),
        ({"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": None}, Tokens(9, 0, 3)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 99}}, Tokens(9, 9, 0)),
        # reasoning beside the completion instead of within it: xAI tells it, Gemini only counts it in the total
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 3,
                "total_tokens": 20,
                "completion_tokens_details": {"reasoning_tokens": 8},
            },
            Tokens(9, 0, 11, 8),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 20}, Tokens(9, 0, 11, 8)),
    ],
)
def test_bills_are_read_as_different_providers_write_them(usage: dict[str, Any], tokens: Tokens) -> None:
    assert parse_reply(reply(usage, content="2"), PROMPT).tokens == tokens


@pytest.mark.parametrize("usage", [None, {}, [], "many", {"prompt_tokens": -1}, {"prompt_tokens": "9"}])
def test_a_missing_or_unreadable_bill_is_estimated(usage: object) -> None:
    assert parse_reply(reply(usage, content="x" * 40), PROMPT).tokens == Tokens(3, 0, 10)


def test_an_estimate_counts_tool_calls() -> None:
    assert parse_reply(reply(content=None, tool_calls=[{"id": "x" * 93}]), PROMPT).tokens == Tokens(3, 0, 26)


@pytest.mark.parametrize(
    "garbled",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"choices": []}',
        b'{"choices": null}',
        b'{"choices": [{"text": "old format"}]}',
        b'{"error": {"code": 500}}',
        b'{"choices": [{"message": {"content": "\xff"}}]}',
        b'{"choices": [{"message": {"content": {"a": 1}}}]}',
        b'{"choices":' + b"[" * 100_000,
    ],
)
def test_what_is_no_completion_is_unreadable(garbled: bytes) -> None:
    with pytest.raises(ProviderUnreadable) as raised:
        parse_reply(garbled, PROMPT)
    assert raised.value.tokens is None
    assert raised.value.retryable


def test_an_unreadable_answer_still_carries_its_bill() -> None:
    with pytest.raises(ProviderUnreadable) as raised:
        parse_reply(b'{"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1}}', PROMPT)
    assert raised.value.tokens == Tokens(5, 0, 1)


@modest(max_examples=40)
@given(
    st.binary(max_size=40) | st.lists(st.none() | st.integers() | st.text(max_size=5)).map(json.dumps).map(str.encode)
)
def test_no_body_raises_anything_else(garbled: bytes) -> None:
    with pytest.raises(ProviderUnreadable):
        parse_reply(garbled, PROMPT)


@pytest.mark.skipif(not USAGES.exists(), reason="the recorded usages are not beside the project")
def test_real_bills_are_read_and_their_totals_kept() -> None:
    bodies = [entry["body"].get("usage") for entry in json.loads(gzip.decompress(USAGES.read_bytes()))]
    chats = [usage for usage in bodies if isinstance(usage, dict) and "completion_tokens" in usage]
    assert len(chats) > 100
    for usage in chats:
        tokens = parse_reply(reply(usage, content="2"), PROMPT).tokens
        assert tokens.input_tokens == usage["prompt_tokens"]
        assert tokens.input_tokens + tokens.output_tokens == usage["total_tokens"]
