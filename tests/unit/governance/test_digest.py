from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.governance.digest import request_digest
from schemas.request import Request
from tests.unit.governance.strategies import Document, documents, modest

PROMPT = {"id": "a", "tenant": "t", "prompt": "p"}
TRACE = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
DEFAULTS: Document = {
    "version": 1,
    "user": None,
    "tools": None,
    "response_format": None,
    "sampling": {"temperature": None, "top_p": None, "stop": None},
    "constraints": {"min_quality": None, "deadline": None},
    "mode": "autopilot",
    "model": None,
    "weights": {"quality": 1, "cost": 1.0, "latency": 0},
    "task_type": None,
    "cache": {"directive": "default", "ttl_seconds": None},
    "tags": {},
}


def digest_of(document: Document) -> str:
    return request_digest(Request.model_validate_json(json.dumps(document)))


def shuffled(value: Any, order: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        order.shuffle(keys)
        return {key: shuffled(value[key], order) for key in keys}
    if isinstance(value, list):
        return [shuffled(element, order) for element in value]
    return value


def test_the_digest_is_pinned_since_results_in_the_log_carry_it() -> None:
    assert digest_of(PROMPT) == "18e7601ca2d90fa4bbda9f2383987d97"
    assert (
        digest_of(PROMPT | {"sampling": {"temperature": 0.5}, "constraints": {"max_cost_usd": "0.10"}})
        == "4542c54c6ece39736e134baf5fbe2fcd"
    )


@modest
@given(documents, st.randoms(use_true_random=False))
def test_field_order_and_white_space_do_not_count(document: Document, order: random.Random) -> None:
    spaced = json.dumps(shuffled(document, order), indent=2, ensure_ascii=False)
    assert request_digest(Request.model_validate_json(spaced)) == digest_of(document)


@modest
@given(documents, st.sets(st.sampled_from(sorted(DEFAULTS))))
def test_a_default_counts_as_little_as_its_absence(document: Document, written_out: set[str]) -> None:
    absent = {name: value for name, value in document.items() if name not in written_out or name == "model"}
    if "model" in document:
        written_out -= {"mode", "model"}
        absent |= {"mode": "explicit"}
    written = absent | {name: DEFAULTS[name] for name in written_out}
    assert digest_of(written) == digest_of(absent)


@modest
@given(documents)
def test_when_and_in_which_context_it_was_sent_does_not_count(document: Document) -> None:
    changed = {**document, "created_at": "2030-01-01T00:00:00Z", "trace": TRACE}
    assert digest_of(changed) == digest_of(document)


@modest
@given(documents, documents)
def test_requests_that_differ_have_digests_that_differ(one: Document, other: Document) -> None:
    ignored = {"created_at": None, "trace": None}
    same = Request.model_validate_json(json.dumps(one | ignored)) == Request.model_validate_json(
        json.dumps(other | ignored)
    )
    if not same:
        assert digest_of(one) != digest_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"constraints": {"max_cost_usd": "0.10"}}, {"constraints": {"max_cost_usd": 0.1}}),
        (
            {"constraints": {"deadline": "2026-01-01T00:00:00Z"}},
            {"constraints": {"deadline": "2026-01-01T01:00:00+01:00"}},
        ),
        ({"sampling": {"temperature": 1}}, {"sampling": {"temperature": 1.0}}),
        ({"sampling": {}}, {}),
    ],
)
def test_the_same_value_written_differently_is_the_same(one: Document, other: Document) -> None:
    assert digest_of(PROMPT | one) == digest_of(PROMPT | other)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "b"},
        {"tenant": "u"},
        {"prompt": "P"},
        {"user": "ada"},
        {"sampling": {"temperature": 0}},
        {"constraints": {"min_quality": 0.5}},
        {"weights": {"quality": 2}},
        {"cache": {"directive": "bypass"}},
        {"tags": {"k": "v"}},
        {"tools": []},
        {"mode": "guided"},
        {"task_type": "coding"},
    ],
)
def test_whatever_is_asked_for_counts(change: Document) -> None:
    assert digest_of(PROMPT | change) != digest_of(PROMPT)


def test_a_chat_counts_message_by_message() -> None:
    chat = {"id": "a", "tenant": "t", "messages": [{"role": "user", "content": "x"}, {"role": "assistant"}]}
    spelled_out = {**chat, "messages": [{"content": "x", "name": None, "role": "user"}, {"role": "assistant"}]}
    assert digest_of(chat) == digest_of(spelled_out)
    assert digest_of(chat) != digest_of({**chat, "messages": chat["messages"][::-1]})
