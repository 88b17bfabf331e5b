"""The schemas accept what the models accept: a producer who follows the schema is understood."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from schemas import wire
from schemas.request import Request
from schemas.result import Result
from streams.contract.examples import EXAMPLES, payloads
from streams.contract.json_schema import event_schema, model_of
from streams.topics import AUDIT, DEADLETTER, PUBLIC, REQUESTS, RESULTS, USAGE, Topic

REQUEST_SCHEMA = Draft202012Validator(event_schema(REQUESTS))
PROMPT: dict[str, Any] = {"id": "r-1", "tenant": "demo", "prompt": "hello"}
CHAT: dict[str, Any] = {"id": "r-1", "tenant": "demo", "messages": [{"role": "user", "content": "hello"}]}

VALID: dict[str, dict[str, Any]] = {
    "prompt": PROMPT,
    "chat": CHAT,
    "nulls": PROMPT | {"messages": None, "model": None, "user": None},
    "explicit": PROMPT | {"mode": "explicit", "model": "gpt-4o"},
    "content_parts": CHAT | {"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]},
    "cost_as_text": PROMPT | {"constraints": {"max_cost_usd": "0.001"}},
    "cost_as_number": PROMPT | {"constraints": {"max_cost_usd": 0.001}},
    "tags": PROMPT | {"tags": {"team": "returns"}},
    "guided": PROMPT | {"mode": "guided", "weights": {"quality": 2}},
    "lambda": PROMPT | {"lambda": 3},
    "guided_by_lambda": PROMPT | {"mode": "guided", "lambda": 3, "weights": None},
    "utility": PROMPT | {"strategy": "utility", "lambda": 3},
    "threshold": PROMPT | {"strategy": "threshold", "lambda": None},
    "cascade": PROMPT | {"strategy": "cascade"},
    "accept": PROMPT | {"accept": 0.8, "lambda": None},
    "cascade_with_accept": PROMPT | {"strategy": "cascade", "accept": 1},
}
INVALID: dict[str, dict[str, Any]] = {
    "no_input": {"id": "r-1", "tenant": "demo"},
    "null_input": PROMPT | {"prompt": None},
    "two_inputs": PROMPT | CHAT,
    "explicit_without_model": PROMPT | {"mode": "explicit"},
    "explicit_with_null": PROMPT | {"mode": "explicit", "model": None},
    "model_without_explicit": PROMPT | {"model": "gpt-4o"},
    "model_in_guided": PROMPT | {"mode": "guided", "model": "gpt-4o"},
    "explicit_with_strategy": PROMPT | {"mode": "explicit", "model": "gpt-4o", "strategy": "utility"},
    "explicit_with_lambda": PROMPT | {"mode": "explicit", "model": "gpt-4o", "lambda": 1},
    "weights_and_lambda": PROMPT | {"mode": "guided", "weights": {"quality": 2}, "lambda": 1},
    "weights_and_strategy": PROMPT | {"mode": "guided", "weights": {}, "strategy": "utility"},
    "threshold_with_lambda": PROMPT | {"strategy": "threshold", "lambda": 1},
    "negative_lambda": PROMPT | {"lambda": -1},
    "cascade_with_lambda": PROMPT | {"strategy": "cascade", "lambda": 1},
    "threshold_with_accept": PROMPT | {"strategy": "threshold", "accept": 0.5},
    "utility_with_accept": PROMPT | {"strategy": "utility", "accept": 0.5},
    "accept_and_lambda": PROMPT | {"accept": 0.5, "lambda": 1},
    "explicit_with_accept": PROMPT | {"mode": "explicit", "model": "gpt-4o", "accept": 0.5},
    "weights_and_accept": PROMPT | {"mode": "guided", "weights": {"quality": 2}, "accept": 0.5},
    "accept_above_one": PROMPT | {"accept": 1.1},
    "unknown_field": PROMPT | {"promt": "hello"},
    "unknown_part": PROMPT | {"sampling": {"temperatur": 1}},
    "no_id": {"tenant": "demo", "prompt": "hello"},
    "space_in_id": PROMPT | {"id": "r 1"},
    "long_id": PROMPT | {"id": "x" * 201},
    "tenant_with_slash": PROMPT | {"tenant": "a/b"},
    "empty_prompt": PROMPT | {"prompt": ""},
    "nul": PROMPT | {"prompt": "a\x00b"},
    "no_messages": CHAT | {"messages": []},
    "unknown_role": CHAT | {"messages": [{"role": "robot"}]},
    "hot": PROMPT | {"sampling": {"temperature": 2.5}},
    "quality_above_one": PROMPT | {"constraints": {"min_quality": 1.5}},
    "negative_cost": PROMPT | {"constraints": {"max_cost_usd": -1}},
    "version_2": PROMPT | {"version": 2},
    "too_many_tags": PROMPT | {"tags": {str(number): "" for number in range(33)}},
    "wrong_traceparent": PROMPT | {"trace": {"traceparent": "00-1-2-3"}},
}


@pytest.mark.parametrize("body", VALID.values(), ids=VALID.keys())
def test_model_and_schema_accept(body: dict[str, Any]) -> None:
    Request.model_validate_json(json.dumps(body))
    REQUEST_SCHEMA.validate(body)


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID.keys())
def test_model_and_schema_refuse(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Request.model_validate_json(json.dumps(body))
    assert not REQUEST_SCHEMA.is_valid(body)


def test_readers_may_meet_fields_they_do_not_know() -> None:
    schema = Draft202012Validator(event_schema(RESULTS))
    result = payloads(Result)["completed"] | {"added_later": True}
    schema.validate(result)
    Result.model_validate(result)


def test_amounts_are_written_as_plain_decimals() -> None:
    schema = Draft202012Validator(event_schema(RESULTS))
    completed = payloads(Result)["completed"]
    assert isinstance(completed["cost_usd"], str)
    assert not schema.is_valid(completed | {"cost_usd": 0.1})
    assert not schema.is_valid(completed | {"cost_usd": "1E-7"})


@pytest.mark.parametrize("topic", PUBLIC, ids=lambda topic: topic.name)
def test_examples_follow_their_schema_and_lose_nothing(topic: Topic) -> None:
    model = model_of(topic)
    examples = EXAMPLES[model]
    assert examples
    for name, payload in payloads(model).items():
        Draft202012Validator(event_schema(topic)).validate(payload)
        assert model.model_validate_json(json.dumps(payload)) == examples[name]


TWINS = {
    RESULTS: wire.ResultRecord,
    USAGE: wire.UsageRecord,
    AUDIT: wire.AuditRecord,
    DEADLETTER: wire.DeadLetterRecord,
}


@pytest.mark.parametrize("topic", TWINS, ids=lambda topic: topic.name)
def test_what_the_stages_write_follows_the_schema(topic: Topic) -> None:
    schema = Draft202012Validator(event_schema(topic))
    for example in EXAMPLES[model_of(topic)].values():
        record = msgspec.json.decode(example.model_dump_json(), type=TWINS[topic])
        schema.validate(json.loads(msgspec.json.encode(record)))


def test_savings_in_the_examples_add_up() -> None:
    for result in EXAMPLES[Result].values():
        assert isinstance(result, Result)
        if result.baseline is None:
            continue
        causes = (result.savings.cache_exact, result.savings.cache_shared_flight, result.savings.routing)
        assert sum(saved for saved in causes if saved is not None) == result.baseline.cost_usd - result.cost_usd
