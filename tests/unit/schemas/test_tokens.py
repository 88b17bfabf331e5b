from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.request import Request
from schemas.tokens import (
    TOKENS_PER_ATTACHMENT,
    TOKENS_PER_MESSAGE,
    estimate_text_tokens,
    estimate_tokens,
)


def estimate(**fields: Any) -> int:
    return estimate_tokens(Request.model_validate({"id": "a", "tenant": "t"} | fields))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("x", 1), ("x" * 400, 100), ("今" * 20, 21), ("é" * 20, 13)],
)
def test_text_is_counted_by_characters_and_their_bytes(text: str, tokens: int) -> None:
    assert estimate(prompt=text) == estimate_text_tokens(text) == tokens


def test_a_text_without_characters_counts_as_one_token() -> None:
    assert estimate_text_tokens("") == 1


def test_a_chat_counts_each_message_and_its_text() -> None:
    text = "x" * 40
    plain = [{"role": "user", "content": text}, {"role": "assistant"}]
    parts = [{"role": "user", "content": [{"type": "text", "text": text}]}, {"role": "assistant"}]
    assert estimate(messages=plain) == estimate(messages=parts) == 2 * TOKENS_PER_MESSAGE + 10


def test_an_attachment_counts_the_same_whatever_its_size() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:" + "x" * 100_000}}
    assert estimate(messages=[{"role": "user", "content": [picture]}]) == TOKENS_PER_MESSAGE + TOKENS_PER_ATTACHMENT


@pytest.mark.parametrize("field", ["tools", "response_format", "tool_calls"])
def test_what_is_sent_as_json_counts_too(field: str) -> None:
    extra = {"description": "x" * 400}
    chat: dict[str, Any] = {"messages": [{"role": "user", "content": "x"}]}
    before = estimate(**chat)
    if field == "tool_calls":
        chat["messages"][0]["tool_calls"] = [extra]
    else:
        chat[field] = extra if field == "response_format" else [extra]
    assert 100 <= estimate(**chat) - before <= 110


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=50), st.text(st.characters(codec="utf-8"), max_size=50))
def test_a_longer_text_never_counts_less(one: str, more: str) -> None:
    assert estimate_text_tokens(one) <= estimate_text_tokens(one + more)
