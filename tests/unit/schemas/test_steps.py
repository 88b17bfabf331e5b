from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.governance.digest import request_digest
from schemas.request import Request
from schemas.steps import MAX_STEPS, DeclaredStep, fault_of, references_in

A = {"name": "a", "operation": "Summarize.", "input": "text"}
NAMES = "abcde"


def request(steps: Any, prompt: str | None = "{{steps.a}}", **fields: Any) -> dict[str, Any]:
    return {"id": "q", "tenant": "t", "prompt": prompt, "steps": steps, **fields}


def field_at_fault(document: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as wrong:
        Request.model_validate(document)
    [error] = wrong.value.errors()
    return ".".join(map(str, error["loc"])) or error["ctx"]["field"]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (request([A, A]), "steps.1.name"),
        (request([A], "{{steps.b}} {{steps.a}}"), "steps"),
        (request([A], "nothing"), "steps.0.name"),
        (request([A, {**A, "name": "b"}]), "steps.1.name"),
        (request([{**A, "input": "{{steps.a}}"}]), "steps.0.input"),
        (request([{**A, "input": "{{steps.c}}"}]), "steps.0.input"),
        (request([{**A, "operation": "{{steps.a}}"}]), "steps.0.operation"),
        (request([{**A, "name": "1"}]), "steps.0.name"),
        (request([{**A, "tools": []}]), "steps.0.tools"),
        (request([]), "steps"),
        (request([{**A, "name": f"a{n}"} for n in range(MAX_STEPS + 1)]), "steps"),
        (request([A], None, messages=[{"role": "user", "content": "{{steps.b}}"}]), "steps"),
    ],
)
def test_the_field_at_fault_is_named(document: dict[str, Any], field: str) -> None:
    assert field_at_fault(document) == field


def test_what_contradicts_itself_is_found_behind_what_is_sound() -> None:
    steps = [A, {**A, "name": "b", "input": "{{steps.c}}"}, {**A, "name": "c", "input": "{{steps.b}}"}]
    assert field_at_fault(request(steps)) == "steps.1.input"


def test_messages_refer_to_steps_in_texts_and_parts() -> None:
    parts = [{"type": "text", "text": "{{ steps.b }}"}, {"type": "image_url", "image_url": {"url": "x"}}]
    messages = [{"role": "system", "content": "{{steps.a}}"}, {"role": "user", "content": parts}]
    found = Request.model_validate(request([A, {**A, "name": "b"}], None, messages=messages))
    assert found.steps is not None


def test_without_steps_references_are_plain_text() -> None:
    assert Request.model_validate({"id": "q", "tenant": "t", "prompt": "{{steps.a}}"}).steps is None


def test_the_digest_tells_steps_apart_and_passes_over_defaults() -> None:
    plain = Request.model_validate(request([A]))
    spelled = Request.model_validate(request([{**A, "model": None, "sampling": {}}]))
    other = Request.model_validate(request([{**A, "input": "other"}]))
    assert request_digest(plain) == request_digest(spelled) != request_digest(other)


graphs = st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES), max_size=2), min_size=1)


@given(graph=graphs, wanted=st.sets(st.sampled_from(NAMES)))
def test_steps_are_sound_when_they_can_be_put_in_order_and_each_is_wanted(
    graph: dict[str, set[str]], wanted: set[str]
) -> None:
    steps = [
        DeclaredStep(name=name, operation="x", input=" ".join(["x", *(f"{{{{steps.{need}}}}}" for need in needs)]))
        for name, needs in graph.items()
    ]
    try:
        TopologicalSorter(graph).prepare()
        ordered = True
    except CycleError:
        ordered = False
    used = wanted.union(*graph.values())
    sound = ordered and used == graph.keys()
    assert (fault_of(steps, [f"{{{{steps.{name}}}}}" for name in wanted]) is None) == sound
    assert all(references_in(step.input) == graph[step.name] for step in steps)
