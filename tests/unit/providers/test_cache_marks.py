from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.providers.cache_marks import MARK
from agents.providers.chat_completions import chat_body
from agents.providers.messages import message_body
from agents.providers.protocol import ChatMessage, MarkedPrompt, Prompt, cache_key_of, decode_prompt, prompt_of
from agents.providers.responses import response_body
from schemas.batch import Call, CallBatch, Cut, SharedPrefix
from tests.servers.prompts import CONVERSATION, EVERY_PROMPT
from tests.unit.providers.calls import call
from tests.unit.providers.calls import settings as provider_settings

KEY = "00ff" * 8


def marked(prompt: Prompt, *places: tuple[int, int], tokens: int = 2_000) -> MarkedPrompt:
    cuts = tuple(Cut(messages, into, tokens, KEY) for messages, into in places)
    return MarkedPrompt(**msgspec.structs.asdict(prompt), prefix=SharedPrefix(cuts, KEY))


def body(prompt: Prompt, least: float = 1_024) -> dict[str, Any]:
    return dict(msgspec.json.decode(message_body(prompt, "m", 100, least)))


def marks(sent: Any) -> int:
    if isinstance(sent, dict):
        return ("cache_control" in sent) + sum(map(marks, sent.values()))
    return sum(map(marks, sent)) if isinstance(sent, list) else 0


def without_marks(sent: Any) -> Any:
    if isinstance(sent, dict):
        return {name: without_marks(value) for name, value in sent.items() if name != "cache_control"}
    return [without_marks(each) for each in sent] if isinstance(sent, list) else sent


CHAT = Prompt(
    "r1",
    messages=[
        ChatMessage("system", "Be brief."),
        ChatMessage("developer", "Use metres."),
        ChatMessage("user", "How long is it?"),
        ChatMessage("assistant", "Ten."),
        ChatMessage("user", "The document.\n\nWhy?"),
    ],
)


def test_a_system_text_is_marked() -> None:
    sent = body(marked(CHAT, (1, 0)))
    assert sent["system"] == [
        {"type": "text", "text": "Be brief.", "cache_control": MARK},
        {"type": "text", "text": "Use metres."},
    ]
    assert marks(sent) == 1


def test_turns_are_marked_at_their_last_block() -> None:
    sent = body(marked(CHAT, (2, 0), (4, 0)))
    assert sent["system"][1]["cache_control"] == MARK
    assert sent["messages"][1] == {
        "role": "assistant",
        "content": [{"type": "text", "text": "Ten.", "cache_control": MARK}],
    }
    assert marks(sent) == 2


def test_a_text_is_cut_where_the_shared_beginning_ends() -> None:
    into = len("The document.\n\n")
    assert body(marked(CHAT, (4, into)))["messages"][2]["content"] == [
        {"type": "text", "text": "The document.\n\n", "cache_control": MARK},
        {"type": "text", "text": "Why?"},
    ]
    plain = Prompt("r1", prompt="The document.\n\nWhy?")
    assert body(marked(plain, (0, into)))["messages"][0]["content"][0]["cache_control"] == MARK


def test_results_of_tools_and_calls_are_marked() -> None:
    assert CONVERSATION.messages is not None
    sent = body(marked(CONVERSATION, (0, 1), (2, 0), (3, 0), (4, 0)))
    user, assistant, results, _ = sent["messages"]
    assert user["content"][0]["cache_control"] == MARK
    assert assistant["content"][-1]["cache_control"] == MARK
    assert [block.get("cache_control") for block in results["content"]] == [MARK, MARK]
    assert marks(sent) == 4


def test_what_a_later_system_text_goes_before_is_no_beginning() -> None:
    late = Prompt("r1", messages=[ChatMessage("user", "Why?"), ChatMessage("system", "Be brief.")])
    assert marks(body(marked(late, (1, 0)))) == 0
    assert marks(body(marked(late, (0, 2)))) == 0


def test_without_a_mark_the_body_is_as_ever() -> None:
    assert body(marked(CHAT)) == body(CHAT)
    assert body(marked(CHAT, (2, 0), tokens=1_023)) == body(CHAT)
    assert body(marked(CHAT, (2, 0)), math.inf) == body(CHAT)
    assert body(CHAT)["system"] == "Be brief.\n\nUse metres."


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(EVERY_PROMPT),
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 30)), max_size=4, unique=True),
)
def test_marks_add_nothing_else_and_never_an_empty_block(prompt: Prompt, places: list[tuple[int, int]]) -> None:
    """Whatever the places: they name no more than the request has, as they do where they were found in it."""
    messages = prompt.messages or [ChatMessage("user", prompt.prompt)]
    within = [
        place
        for place in places
        if place[0] + bool(place[1]) <= len(messages)
        and (not place[1] or place[1] <= len(messages[place[0]].content or ""))
        and (place[1] == 0 or place[0] == len(messages) - 1)
        and (place[0] or place[1])
    ]
    into = [place for place in within if place[1]]
    sent = body(marked(prompt, *[place for place in within if not place[1]], *into[:1]))
    assert marks(sent) <= 4
    plain = body(prompt)
    if isinstance(plain.get("system"), str) and isinstance(sent["system"], list):
        assert "\n\n".join(block["text"] for block in sent["system"]) == plain["system"]

    def texts(messages: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for turn in messages:
            content = turn["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else without_marks(content)
            words = "".join(block.get("text", "") for block in blocks)
            found.append((turn["role"], words, [block for block in blocks if block["type"] != "text"]))
            assert all(block["text"] for block in blocks if block["type"] == "text")
        return found

    assert texts(sent["messages"]) == texts(plain["messages"])


def test_openai_is_told_a_key() -> None:
    prompt = marked(CHAT)
    assert msgspec.json.decode(chat_body(prompt, "m", cache_key=KEY))["prompt_cache_key"] == KEY
    assert msgspec.json.decode(response_body(prompt, "m", KEY))["prompt_cache_key"] == KEY
    assert "prompt_cache_key" not in msgspec.json.decode(chat_body(prompt, "m"))
    assert cache_key_of(prompt, 1_024) == KEY
    assert cache_key_of(prompt, math.inf) is None
    assert cache_key_of(CHAT, 1_024) is None


def test_a_call_tells_its_beginnings_and_a_body_cannot() -> None:
    prefix = SharedPrefix((Cut(1, 0, 2_000, KEY),), KEY)
    told = prompt_of(msgspec.structs.replace(call(), prefix=prefix))
    assert isinstance(told, MarkedPrompt)
    assert told.prefix == prefix
    assert told.without(["seed"]).prompt == "Question r1?"
    assert isinstance(told.without(["seed"]), MarkedPrompt)
    body = msgspec.json.encode({"id": "r1", "prompt": "x", "prefix": "nonsense"})
    assert type(decode_prompt(body)) is Prompt
    assert type(prompt_of(call())) is Prompt


def test_calls_without_beginnings_are_read_as_before() -> None:
    fields = msgspec.to_builtins(CallBatch([call()]))
    fields["calls"][0] = fields["calls"][0][:6]
    [read] = msgspec.convert(fields, CallBatch).calls
    assert isinstance(read, Call)
    assert read.prefix is None


@pytest.mark.parametrize(
    ("kind", "told", "least"),
    [("auto", True, 1_024), ("auto", False, math.inf), ("shared", False, 1_024), ("none", True, math.inf)],
)
def test_whether_a_provider_is_told_is_a_setting(kind: str, told: bool, least: float) -> None:
    assert provider_settings(prompt_cache=kind).least_cached(by_default=told) == least
