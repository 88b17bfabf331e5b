from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from schemas.feedback import Feedback
from schemas.request import (
    MAX_TAG_CHARS,
    MAX_TAGS,
    CacheDirective,
    CacheOptions,
    Mode,
    Request,
)
from schemas.result import Result
from schemas.sampling import MAX_STOP_SEQUENCES
from schemas.tenant import TenantRegistered

PROMPT = {"id": "a", "tenant": "t", "prompt": "p"}


def first_error(model: type[BaseModel], fields: dict[str, Any]) -> tuple[tuple[int | str, ...], str]:
    with pytest.raises(ValidationError) as wrong:
        model.model_validate(fields)
    error = wrong.value.errors()[0]
    return error["loc"], error["type"]


def test_the_least_a_request_needs() -> None:
    request = Request.model_validate(PROMPT)
    assert (request.version, request.mode, request.cache.directive) == (1, Mode.AUTOPILOT, CacheDirective.DEFAULT)
    assert request.tags == {}


def test_a_request_is_a_fact_and_does_not_change() -> None:
    request = Request.model_validate(PROMPT)
    with pytest.raises(ValidationError, match="frozen"):
        request.prompt = "q"  # type: ignore[misc]  # that it is refused is the point


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "x" * 200},
        {"tenant": "A-b_c.9"},
        {"mode": "explicit", "model": "gpt-4-turbo"},
        {"mode": "guided", "weights": {"quality": 0}},
        {"mode": "guided", "lambda": 0},
        {"strategy": "threshold"},
        {"strategy": "utility", "lambda": 12.5},
        {"strategy": "cascade"},
        {"strategy": "cascade", "accept": 0},
        {"mode": "guided", "accept": 1},
        {"tags": {str(number): "v" for number in range(MAX_TAGS)}},
        {"user": "x" * MAX_TAG_CHARS},
        {"sampling": {"seed": -(2**63), "stop": ["s"] * MAX_STOP_SEQUENCES, "top_p": 1}},
        {"constraints": {"max_cost_usd": "0", "deadline": "2026-01-01T00:00:00+02:00", "latency_budget_ms": 0.1}},
        {"prompt": "line\nbreak\t\u2028 \U0001f600"},
    ],
)
def test_what_is_allowed(fields: dict[str, Any]) -> None:
    Request.model_validate(PROMPT | fields)


@pytest.mark.parametrize(
    ("fields", "place", "kind"),
    [
        ({"id": "x" * 201}, ("id",), "string_too_long"),
        ({"id": "a b"}, ("id",), "string_pattern_mismatch"),
        ({"id": "a\n"}, ("id",), "string_pattern_mismatch"),
        ({"id": 5}, ("id",), "string_type"),
        ({"tenant": ".hidden"}, ("tenant",), "string_pattern_mismatch"),
        ({"tenant": "x" * 65}, ("tenant",), "string_too_long"),
        ({"version": 2}, ("version",), "literal_error"),
        ({"prompt": ""}, ("prompt",), "string_too_short"),
        ({"prompt": "a\x00"}, ("prompt",), "string_pattern_mismatch"),
        ({"prompt": None}, (), "inconsistent"),
        ({"messages": [{"role": "user"}]}, (), "inconsistent"),
        ({"mode": "explicit"}, (), "inconsistent"),
        ({"model": "m"}, (), "inconsistent"),
        ({"messages": [], "prompt": None}, ("messages",), "too_short"),
        ({"messages": [{"role": "robot"}], "prompt": None}, ("messages", 0, "role"), "enum"),
        ({"tags": {str(number): "v" for number in range(MAX_TAGS + 1)}}, ("tags",), "too_long"),
        ({"tags": {"": "v"}}, ("tags", "", "[key]"), "string_too_short"),
        ({"tags": {"k": "x" * 257}}, ("tags", "k"), "string_too_long"),
        ({"sampling": {"top_p": 0}}, ("sampling", "top_p"), "greater_than"),
        ({"sampling": {"stop": ["s"] * 17}}, ("sampling", "stop"), "too_long"),
        ({"sampling": {"temperature": float("inf")}}, ("sampling", "temperature"), "finite_number"),
        ({"constraints": {"max_cost_usd": "-1"}}, ("constraints", "max_cost_usd"), "greater_than_equal"),
        ({"constraints": {"max_cost_usd": "1e-13"}}, ("constraints", "max_cost_usd"), "decimal_max_places"),
        ({"cache": {"ttl_seconds": 0}}, ("cache", "ttl_seconds"), "greater_than"),
        ({"surprise": 1}, ("surprise",), "extra_forbidden"),
    ],
)
def test_what_is_not_allowed_is_named(fields: dict[str, Any], place: tuple[int | str, ...], kind: str) -> None:
    assert first_error(Request, PROMPT | fields) == (place, kind)


def test_a_million_wrong_elements_are_one_error() -> None:
    for field in ("messages", "tools"):
        with pytest.raises(ValidationError) as wrong:
            Request.model_validate(PROMPT | {field: [1] * 1_000_000})
        assert wrong.value.error_count() == 1


def test_a_reader_passes_over_what_a_later_release_added_and_a_producer_s_slip_is_told() -> None:
    result = {"id": "a", "status": "completed", "received_at": "2026-01-01T00:00:00Z"}
    result["completed_at"] = result["received_at"]
    assert Result.model_validate(result | {"new": 1}).id == "a"
    assert first_error(Feedback, {"id": "f", "request_id": "a", "tenant": "t", "grade": 1, "grad": 1}) == (
        ("grad",),
        "extra_forbidden",
    )


def test_money_travels_as_a_plain_string() -> None:
    request = Request.model_validate(PROMPT | {"constraints": {"max_cost_usd": Decimal("1E-7")}})
    assert '"max_cost_usd":"0.0000001"' in request.model_dump_json()


@pytest.mark.parametrize("limits", [{"burst": 0}, {"requests_per_minute": 0}, {"max_input_tokens": 0}])
def test_a_limit_of_nothing_is_no_limit_but_a_slip(limits: dict[str, Any]) -> None:
    place, _ = first_error(TenantRegistered, {"tenant": "t", "reference_model": "m", "limits": limits})
    assert place == ("limits", *limits)


@pytest.mark.parametrize(("asked", "held"), [(None, 60.0), (10.0, 10.0), (100.0, 60.0)])
def test_a_request_may_narrow_how_long_answers_live(asked: float | None, held: float) -> None:
    tenant = TenantRegistered(tenant="t", reference_model="m", cache_ttl_seconds=60)
    assert tenant.answer_ttl(CacheOptions(ttl_seconds=asked)) == held


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"mode": "explicit", "model": "m", "strategy": "utility"}, "strategy", "mode explicit chooses nothing"),
        ({"mode": "explicit", "model": "m", "lambda": 1}, "lambda", "mode explicit chooses nothing"),
        ({"mode": "guided", "weights": {}, "lambda": 1}, "lambda", "weights and a strategy exclude each other"),
        ({"mode": "guided", "weights": {}, "strategy": "utility"}, "strategy", "exclude each other"),
        ({"strategy": "threshold", "lambda": 1}, "lambda", "lambda is only read by strategy utility"),
        ({"strategy": "cascade", "lambda": 1}, "lambda", "lambda is only read by strategy utility"),
        ({"strategy": "threshold", "accept": 1}, "accept", "accept is only read by strategy cascade"),
        ({"accept": 1, "lambda": 1}, "accept", "accept is only read by strategy cascade"),
        ({"mode": "explicit", "model": "m", "accept": 1}, "accept", "mode explicit chooses nothing"),
        ({"mode": "guided", "weights": {}, "accept": 1}, "accept", "weights and a strategy exclude each other"),
    ],
)
def test_a_strategy_must_fit_the_rest(fields: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said) as wrong:
        Request.model_validate(PROMPT | fields)
    assert wrong.value.errors()[0]["ctx"]["field"] == field


def test_lambda_goes_by_its_name_in_json() -> None:
    request = Request.model_validate_json('{"id":"a","tenant":"t","prompt":"p","lambda":2.5}')
    assert request.lambda_ == 2.5
    assert Request.model_validate_json(request.model_dump_json()) == request
    for wrong in ({"lambda_": 1}, {"lambda": -1}, {"lambda": "much"}, {"strategy": "best"}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            Request.model_validate(PROMPT | wrong)
