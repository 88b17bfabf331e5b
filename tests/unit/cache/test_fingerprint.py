from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.cache.fingerprint import fingerprint_of
from tests.flow.journeys import a_request, deadline

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"b": 1, "a": 2}}}
HELLO = [{"role": "user", "content": "hello"}]


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return fingerprint_of(a_request(**one)) == fingerprint_of(a_request(**other))


def test_it_is_the_hex_of_sixteen_bytes() -> None:
    assert len(bytes.fromhex(fingerprint_of(a_request()))) == 16


def test_it_is_the_same_in_every_process() -> None:
    assert fingerprint_of(a_request(prompt="hello")) == "d17c291093c1764ac4bf9019d7a6f793"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"prompt": "hello"}, {"messages": HELLO}),
        ({"messages": HELLO}, {"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]}),
        ({"tools": []}, {}),
        (
            {"tools": [TOOL]},
            {"tools": [{"function": {"parameters": {"a": 2, "b": 1}, "name": "look_up"}, "type": "function"}]},
        ),
        ({"response_format": {"type": "text"}}, {}),
        ({"sampling": {"stop": []}}, {}),
        ({"sampling": {"temperature": 1}}, {"sampling": {"temperature": 1.0}}),
        ({"mode": "guided"}, {"mode": "guided", "weights": {"quality": 2, "cost": 2}}),
        (
            {"mode": "guided", "weights": {"quality": 1, "cost": 2}},
            {"mode": "guided", "weights": {"quality": 3, "cost": 6}},
        ),
        ({"user": "ann"}, {"user": "bob"}),
        ({"tags": {"team": "a"}}, {"tags": {"team": "b"}}),
        ({"constraints": {"latency_budget_ms": 5, "max_cost_usd": "1"}}, {"constraints": deadline(5)}),
        ({"cache": {"directive": "refresh", "ttl_seconds": 5}}, {}),
        ({"created_at": "2026-01-01T00:00:00Z"}, {}),
    ],
)
def test_the_same_question(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"tenant": "acme"}, {"tenant": "other"}),
        ({"prompt": "hello"}, {"prompt": "hello "}),
        ({"prompt": "hello"}, {"messages": [{"role": "system", "content": "hello"}]}),
        ({"messages": HELLO}, {"messages": [{"role": "user", "content": "hello", "name": "ann"}]}),
        ({"messages": HELLO}, {"messages": [*HELLO, {"role": "assistant", "content": "hi"}]}),
        ({"messages": HELLO}, {"messages": [{"role": "user", "content": [{"type": "image", "text": "hello"}]}]}),
        ({"tools": [TOOL]}, {}),
        ({"response_format": {"type": "json_object"}}, {}),
        ({"sampling": {"temperature": 0}}, {}),
        ({"sampling": {"top_p": 0.5}}, {"sampling": {"temperature": 0.5}}),
        ({"sampling": {"max_output_tokens": 5}}, {}),
        ({"sampling": {"seed": 1}}, {"sampling": {"seed": 2}}),
        ({"sampling": {"stop": ["a"]}}, {"sampling": {"stop": ["b"]}}),
        ({"sampling": {"presence_penalty": 1}}, {"sampling": {"frequency_penalty": 1}}),
        ({"constraints": {"min_quality": 0.5}}, {}),
        ({"mode": "explicit", "model": "big"}, {"mode": "explicit", "model": "small"}),
        ({"mode": "explicit", "model": "big"}, {}),
        ({"mode": "guided"}, {}),
        ({"strategy": "cascade"}, {}),
        ({"accept": 0.9}, {"strategy": "cascade"}),
        ({"accept": 0.9}, {"accept": 0.8}),
        ({"mode": "guided"}, {"mode": "guided", "constraints": {"min_quality": 0.5}}),
        ({"mode": "guided"}, {"mode": "guided", "weights": {"latency": 1}}),
        ({"task_type": "coding"}, {}),
    ],
)
def test_another_question(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert not same(one, other)


def test_weights_of_nothing_are_a_question_too() -> None:
    nothing = {"mode": "guided", "weights": {"quality": 0, "cost": 0, "latency": 0}}
    assert not same(nothing, {"mode": "guided"})


@pytest.mark.parametrize("awkward", [2**70, -(2**70)])
def test_integers_beyond_64_bits_are_told_apart(awkward: int) -> None:
    assert not same({"tools": [{"limit": awkward}]}, {"tools": [{"limit": awkward + 1}]})
    assert same({"tools": [{"limit": awkward, "a": 1}]}, {"tools": [{"a": 1, "limit": awkward}]})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(tool=st.dictionaries(st.text(), json_values, max_size=4))
def test_the_order_of_keys_never_matters(tool: dict[str, Any]) -> None:
    reordered = json.loads(json.dumps(tool), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert same({"tools": [tool]}, {"tools": [reordered]})


@settings(max_examples=40, deadline=None)
@given(one=st.text(min_size=1), other=st.text(min_size=1))
def test_different_prompts_are_different_questions(one: str, other: str) -> None:
    one, other = one.replace("\x00", "0"), other.replace("\x00", "0")
    assert same({"prompt": one}, {"prompt": other}) == (one == other)
