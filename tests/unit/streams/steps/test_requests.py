from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agents.cache.fingerprint import fingerprint_of
from agents.providers.protocol import decode_prompt
from schemas.request import Mode, Request
from schemas.steps import DeclaredStep
from streams.steps.foresight import foresee
from streams.steps.requests import completed, filled, filled_size, request_of, step_body, step_id, step_request
from tests.flow.journeys import a_request

STEP: dict[str, Any] = {
    "name": "a",
    "operation": "Summarize.",
    "input": "the text",
    "sampling": {"max_output_tokens": 9},
}
pieces = st.lists(st.sampled_from(["{{steps.a}}", "{{ steps.b }}", ".", "{{", "}}", "{{steps.a", "é"]), max_size=8)


def asked(**fields: object) -> Request:
    return a_request(**{"id": "q", "prompt": "{{steps.a}}", "steps": [STEP], **fields})


def step_of(request: Request) -> DeclaredStep:
    assert request.steps is not None
    return request.steps[0]


@given(parts=pieces, a=st.text(), b=st.text())
def test_the_size_of_a_text_is_known_before_it_is_made(parts: list[str], a: str, b: str) -> None:
    text, results = "".join(parts), {"a": a, "b": b}
    assert filled_size([text, text], results) == 2 * len(filled(text, results))


def test_a_result_is_not_looked_at_for_references() -> None:
    assert filled("{{steps.a}}", {"a": "{{steps.b}}", "b": "no"}) == "{{steps.b}}"


def test_ids_of_steps_are_no_ids_of_requests() -> None:
    travelling = step_id("q", "a")
    assert request_of(travelling) == request_of("q") == "q"
    assert " " in travelling  # which no request's id holds


def test_a_step_is_the_same_whoever_declares_it() -> None:
    """Neither who asks nor what else is asked for, when and at what price."""
    one, other = asked(), asked(id="p", user="ann", prompt="More: {{steps.a}}", task_type="coding", tools=[{}])
    limited = asked(constraints={"max_cost_usd": "1"}, tags={"a": "b"}, response_format={"type": "json_object"})
    names = {fingerprint_of(step_request(each, step_of(each), "t", None)) for each in (one, other, limited)}
    assert len(names) == 1


def test_what_determines_a_result_makes_another_step() -> None:
    changes: list[dict[str, Any]] = [
        {"operation": "Translate."},
        {"sampling": {}},
        {"model": "big"},
        {"task_type": "coding"},
    ]
    requests = [asked(), *(asked(steps=[{**STEP, **change}]) for change in changes)]
    requests += [asked(tenant="zeta"), asked(constraints={"min_quality": 0.9}), asked(mode="explicit", model="small")]
    names = {fingerprint_of(step_request(each, step_of(each), "t", None)) for each in requests}
    assert len(names) == len(requests)
    assert fingerprint_of(step_request(asked(), step_of(asked()), "u", None)) not in names


def test_a_step_with_a_model_leaves_the_choice_of_its_request_behind() -> None:
    request = asked(strategy="cascade", accept=0.5, steps=[{**STEP, "model": "big"}])
    step = step_request(request, step_of(request), "t", Decimal(1))
    assert (step.mode, step.model, step.strategy, step.accept) == (Mode.EXPLICIT, "big", None, None)
    assert step.constraints.max_cost_usd == 1


def test_a_provider_reads_the_body_of_a_step() -> None:
    prompt = decode_prompt(step_body(step_request(asked(), step_of(asked()), "the text", None)))
    assert (prompt.id, prompt.tenant, prompt.sampling.max_output_tokens) == ("q a", "acme", 9)
    assert [(message.role, message.content) for message in prompt.messages or ()] == [
        ("system", "Summarize."), ("user", "the text")
    ]  # fmt: skip


def test_a_complete_request_keeps_the_bytes_of_what_is_not_replaced() -> None:
    body = b'{"id":"q","tenant":"acme","prompt":"<{{steps.a}}>","tags":{"b":"c", "a":"1"},"steps":[]}'
    request, made = completed(asked(prompt="<{{steps.a}}>"), body, {"a": 'so "it" is'}, Decimal(2))
    assert (request.prompt, request.steps) == ('<so "it" is>', None)
    assert request.constraints.max_cost_usd == Decimal(2)
    assert b'{"b":"c", "a":"1"}' in made
    assert msgspec.json.decode(made) == {
        "id": "q", "tenant": "acme", "prompt": '<so "it" is>', "tags": {"b": "c", "a": "1"}
    }  # fmt: skip


def test_messages_are_completed_in_texts_and_text_parts() -> None:
    parts = [{"type": "text", "text": "{{steps.a}}!"}, {"type": "image_url", "image_url": {"url": "{{steps.a}}"}}]
    messages = [{"role": "system", "content": "{{steps.a}}"}, {"role": "user", "content": parts, "name": "x"}]
    request = a_request(id="q", messages=messages, steps=[STEP])
    made = msgspec.json.decode(completed(request, request.model_dump_json().encode(), {"a": "A"}, None)[1])
    assert made["messages"] == [
        {"role": "system", "content": "A"},
        {"role": "user", "content": [{"type": "text", "text": "A!"}, parts[1]], "name": "x"},
    ]


def test_what_is_foreseen_covers_results_wherever_they_are_put() -> None:
    second = {"name": "b", "operation": "x" * 40, "input": "{{steps.a}} {{steps.a}}"}
    request = asked(prompt="{{steps.a}} {{steps.b}}", steps=[STEP, second], sampling={"max_output_tokens": 5})
    assert request.steps is not None
    foresight = foresee(request, request.steps, 100)
    assert foresight.steps["a"].output_tokens == 9
    assert foresight.steps["b"].input_tokens >= 2 * 9
    assert foresight.steps["b"].output_tokens == 100
    assert foresight.request.input_tokens >= 9 + 100
    assert foresight.request.output_tokens == 5
    shares = sum(foresight.share(name, Decimal(1)) for name in "ab")
    assert 0 < shares < 1
