from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.providers.usage import Flavor, extract
from schemas.errors import UsageUnreadable
from schemas.wire import Tokens

CHAT, RESPONSES, ANTHROPIC = Flavor.OPENAI_CHAT, Flavor.OPENAI_RESPONSES, Flavor.ANTHROPIC_MESSAGES
GOOGLE, COMPATIBLE, EMBEDDINGS = Flavor.GOOGLE_GENERATE, Flavor.COMPATIBLE, Flavor.OPENAI_EMBEDDINGS


def parts(**modalities: int) -> list[dict[str, Any]]:
    return [{"modality": name, "tokenCount": count} for name, count in modalities.items()]


@pytest.mark.parametrize(
    ("flavor", "usage", "tokens"),
    [
        (
            CHAT,
            {
                "prompt_tokens": 100,
                "completion_tokens": 40,
                "total_tokens": 140,
                "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 10, "audio_tokens": 5},
                "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 2, "image_tokens": 1},
            },
            Tokens(100, 64, 40, 30, 10, 0, 5, 0, 2, 0, 1),
        ),
        (CHAT, {"prompt_tokens": 7, "completion_tokens": None, "prompt_tokens_details": None}, Tokens(7)),
        # OpenAI's completion holds everything: a total that says otherwise is not read
        (CHAT, {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 20}, Tokens(9, 0, 3)),
        (
            RESPONSES,
            {
                "input_tokens": 4020,
                "input_tokens_details": {"cached_tokens": 4012, "cache_write_tokens": 8},
                "output_tokens": 5,
                "output_tokens_details": {"reasoning_tokens": 4},
            },
            Tokens(4020, 4012, 5, 4, 8),
        ),
        (RESPONSES, {"input_tokens": 4}, Tokens(4)),
        (
            ANTHROPIC,
            {
                "input_tokens": 10,
                "cache_read_input_tokens": 500,
                "cache_creation_input_tokens": 300,
                "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
                "output_tokens": 20,
                "output_tokens_details": {"thinking_tokens": 15},
                "server_tool_use": {"web_search_requests": 2},
            },
            Tokens(810, 500, 20, 15, 300, 100, web_searches=2),
        ),
        (ANTHROPIC, {"input_tokens": 10, "cache_creation_input_tokens": 5}, Tokens(15, 0, 0, 0, 5)),
        (
            ANTHROPIC,
            {"input_tokens": 10, "cache_creation": {"ephemeral_1h_input_tokens": 5}, "server_tool_use": None},
            Tokens(15, 0, 0, 0, 5, 5),
        ),
        (
            GOOGLE,
            {
                "promptTokenCount": 1000,
                "cachedContentTokenCount": 400,
                "candidatesTokenCount": 50,
                "thoughtsTokenCount": 25,
                "toolUsePromptTokenCount": 60,
                "promptTokensDetails": parts(TEXT=600, AUDIO=300, IMAGE=60, DOCUMENT=40),
                "cacheTokensDetails": parts(TEXT=300, AUDIO=100),
                "candidatesTokensDetails": parts(TEXT=20, AUDIO=10, IMAGE=20),
                "toolUsePromptTokensDetails": parts(TEXT=50, AUDIO=10),
            },
            Tokens(1060, 400, 75, 25, 0, 0, 310, 100, 10, 100, 20),
        ),
        (GOOGLE, {"promptTokenCount": 3}, Tokens(3)),
        (COMPATIBLE, {"prompt_tokens": 9, "completion_tokens": 3, "prompt_cache_hit_tokens": 8}, Tokens(9, 8, 3)),
        (COMPATIBLE, {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 20}, Tokens(9, 0, 11, 8)),
        (COMPATIBLE, {"prompt_tokens": 9, "completion_tokens": 3, "num_cached_tokens": 8}, Tokens(9, 0, 3)),
        (EMBEDDINGS, {"prompt_tokens": 9, "completion_tokens": 3}, Tokens(9)),
    ],
)
def test_bills_are_read_as_their_flavor_counts(flavor: Flavor, usage: dict[str, Any], tokens: Tokens) -> None:
    read = extract(flavor, json.dumps(usage).encode())
    assert (read.tokens, read.doubts) == (tokens, ())
    assert extract(flavor, usage) == read
    assert extract(flavor, msgspec.Raw(msgspec.json.encode(usage))) == read


@pytest.mark.parametrize(
    ("flavor", "usage", "field"),
    [
        (CHAT, {}, "prompt_tokens"),
        (CHAT, {"prompt_tokens": -1}, "prompt_tokens"),
        (CHAT, {"prompt_tokens": "9"}, "prompt_tokens"),
        (CHAT, {"prompt_tokens": True}, "prompt_tokens"),
        (CHAT, {"prompt_tokens": 9.5}, "prompt_tokens"),
        (CHAT, {"prompt_tokens": 10**10 + 1}, "prompt_tokens"),
        (CHAT, {"prompt_tokens": 10**30}, "prompt_tokens"),
        (
            CHAT,
            {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": -2}},
            "prompt_tokens_details.cached_tokens",
        ),
        (CHAT, {"prompt_tokens": 1, "prompt_tokens_details": [1]}, "prompt_tokens_details"),
        (RESPONSES, {"input_tokens": 1, "output_tokens": "many"}, "output_tokens"),
        (
            ANTHROPIC,
            {"input_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": {}}},
            "cache_creation.ephemeral_1h_input_tokens",
        ),
        (GOOGLE, {}, "promptTokenCount"),
        (
            GOOGLE,
            {"promptTokenCount": 1, "promptTokensDetails": parts(AUDIO=-3)},
            "promptTokensDetails[0].tokenCount",
        ),
        (COMPATIBLE, {"prompt_tokens": 1, "total_tokens": "9"}, "total_tokens"),
    ],
)
def test_an_unreadable_bill_names_the_field(flavor: Flavor, usage: dict[str, Any], field: str) -> None:
    for given_as in (json.dumps(usage).encode(), usage):
        with pytest.raises(UsageUnreadable) as unreadable:
            extract(flavor, given_as)
        assert unreadable.value.field == field
        assert unreadable.value.message.startswith(f"usage.{field}: ")
        assert flavor.value in unreadable.value.message


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b"\xff", b"{", b"[" * 100_000])
def test_what_is_no_object_is_unreadable(body: bytes) -> None:
    for flavor in Flavor:
        with pytest.raises(UsageUnreadable, match="usage: ") as unreadable:
            extract(flavor, body)
        assert unreadable.value.field == ""


@pytest.mark.parametrize(
    ("flavor", "usage", "tokens", "part"),
    [
        (
            CHAT,
            {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9}},
            Tokens(5, 5),
            "cached_input_tokens",
        ),
        (
            CHAT,
            {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3}},
            Tokens(5, 4, cache_write_tokens=1),
            "cache_write_tokens",
        ),
        (
            CHAT,
            {"prompt_tokens": 5, "completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 3}},
            Tokens(5, 0, 2, 2),
            "reasoning_tokens",
        ),
        (
            CHAT,
            {"prompt_tokens": 5, "prompt_tokens_details": {"audio_tokens": 4, "image_tokens": 4}},
            Tokens(5, input_audio_tokens=4, input_image_tokens=1),
            "input_image_tokens",
        ),
        (
            GOOGLE,
            {"promptTokenCount": 5, "cacheTokensDetails": parts(AUDIO=4)},
            Tokens(5),
            "cached_audio_tokens",
        ),
        (
            GOOGLE,
            {"promptTokenCount": 5, "candidatesTokensDetails": parts(IMAGE=4)},
            Tokens(5),
            "output_image_tokens",
        ),
    ],
)
def test_a_bill_that_contradicts_itself_is_cut_and_says_so(
    flavor: Flavor, usage: dict[str, Any], tokens: Tokens, part: str
) -> None:
    read = extract(flavor, usage)
    assert read.tokens == tokens
    (doubt,) = read.doubts
    assert doubt.startswith(f"{part} is ")


NAMES = [
    name
    for form in (
        "prompt_tokens completion_tokens total_tokens input_tokens output_tokens cached_tokens promptTokenCount",
        "cache_read_input_tokens cache_creation_input_tokens thoughtsTokenCount cachedContentTokenCount",
    )
    for name in form.split()
]
DETAILS = [
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens_details",
    "output_tokens_details",
    "cache_creation",
]
PARTS = [
    "cached_tokens",
    "cache_write_tokens",
    "audio_tokens",
    "image_tokens",
    "reasoning_tokens",
    "thinking_tokens",
    "ephemeral_5m_input_tokens",
    "ephemeral_1h_input_tokens",
]
told = st.integers(-1, 50) | st.none() | st.sampled_from(["9", 1.5, [], 10**11])
usages = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(NAMES, told)
    | {name: st.dictionaries(st.sampled_from(PARTS), st.integers(0, 50), max_size=4) for name in DETAILS},
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(Flavor), usages)
def test_a_reading_holds_together_whatever_was_sent(flavor: Flavor, usage: Mapping[str, Any]) -> None:
    try:
        read = extract(flavor, usage).tokens
    except UsageUnreadable:
        return
    assert min(msgspec.structs.astuple(read)) >= 0
    assert read.cached_input_tokens + read.cache_write_tokens <= read.input_tokens
    assert read.cache_write_1h_tokens <= read.cache_write_tokens
    assert read.input_audio_tokens + read.input_image_tokens <= read.input_tokens
    assert read.cached_audio_tokens <= min(read.cached_input_tokens, read.input_audio_tokens)
    assert read.reasoning_tokens + read.output_audio_tokens + read.output_image_tokens <= read.output_tokens
