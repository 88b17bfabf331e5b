from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from schemas.request import Request
from streams.outcomes import DeadLetter, Ok, Rejected
from tests.unit.governance.strategies import Document, documents, encoded, modest, outcomes, wild_values


@modest
@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"[{" + tail))
def test_no_bytes_raise_and_none_pass_without_an_outcome(value: bytes) -> None:
    found = outcomes(value)
    assert found
    assert all(isinstance(outcome, Ok | Rejected | DeadLetter) for outcome in found)


@modest
@given(wild_values)
def test_any_json_value_has_one_outcome_per_element(value: object) -> None:
    expected = len(value) if isinstance(value, list) and value else 1
    assert len(outcomes(encoded(value))) == expected


@modest
@given(documents)
def test_a_valid_request_comes_through_unchanged(document: Document) -> None:
    value = encoded(document)
    (outcome,) = outcomes(value, document["tenant"].encode())
    assert isinstance(outcome, Ok)
    assert outcome.body == value
    assert outcome.request == Request.model_validate_json(value)


@modest
@given(st.lists(documents | wild_values, min_size=1, max_size=4))
def test_in_an_array_each_has_the_outcome_it_has_alone(values: list[Any]) -> None:
    alone = [outcomes(encoded([value]))[0] for value in values]
    together = outcomes(encoded(values))
    assert len(together) == len(alone)
    for position, (one, same) in enumerate(zip(alone, together, strict=True)):
        if isinstance(same, DeadLetter):
            assert isinstance(one, DeadLetter)
            assert (same.position, same.problem, same.value) == (position, one.problem, one.value)
        else:
            assert same == one


@modest
@given(documents, st.data())
def test_a_damaged_request_has_exactly_one_outcome_and_its_neighbours_are_served(
    document: Document, data: st.DataObject
) -> None:
    body = encoded(document)
    start = data.draw(st.integers(1, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 5)))
    damaged = body[:start] + data.draw(st.binary(max_size=5)) + body[end:]
    (outcome,) = outcomes(damaged)
    if isinstance(outcome, Ok):
        assert isinstance(orjson.loads(outcome.body), dict)
    first = outcomes(b"[" + body + b"," + damaged + b"]")[0]
    assert isinstance(first, Ok)


@modest
@given(
    documents,
    st.sampled_from(["id", "tenant", "sampling", "cache", "tags", "version", "unknown"]),
    wild_values,
)
def test_no_problem_tells_what_was_asked(document: Document, broken: str, value: object) -> None:
    secret = "xylophone-4711"
    content = {"prompt": secret} if "prompt" in document else {"messages": [{"role": "user", "content": secret}]}
    for outcome in outcomes(encoded({**document, **content, broken: value})):
        if not isinstance(outcome, Ok):
            assert secret not in repr(outcome.problem)
