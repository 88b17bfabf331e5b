from __future__ import annotations

from collections.abc import Mapping

import pytest

from agents.routing.cascade.validators import findings
from agents.routing.cascade.wording import hedges, refuses
from schemas.errors import ConfigurationError

SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}


def checks(answer: str, finish_reason: str | None = "stop", schema: Mapping[str, object] | None = None) -> list[str]:
    return [finding.check for finding in findings(answer, finish_reason, schema)]


def test_an_answer_that_holds_has_no_findings() -> None:
    assert checks("The answer is 3 + 4 = 7.") == []
    assert checks('{"total": 3}', None, SCHEMA) == []
    assert checks('```json\n{"total": 3}\n```', "end_turn", SCHEMA) == []
    assert checks("", "tool_calls") == []


@pytest.mark.parametrize(
    ("answer", "finish_reason", "schema", "expected"),
    [
        ("It goes on and", "length", None, ["finish_reason"]),
        (" \n", "stop", None, ["empty"]),
        ("I'm sorry, but I can't help with that.", "stop", None, ["refusal"]),
        ("3 + 4 = 8", "stop", None, ["arithmetic"]),
        ("total: 3", "stop", SCHEMA, ["json"]),
        ("``````", "stop", SCHEMA, ["json"]),
        ('{"total": "three"}', "stop", SCHEMA, ["json_schema"]),
        ("{}", "content_filter", SCHEMA, ["finish_reason", "json_schema"]),
    ],
)
def test_each_check_finds_its_fault(
    answer: str, finish_reason: str, schema: Mapping[str, object] | None, expected: list[str]
) -> None:
    assert checks(answer, finish_reason, schema) == expected


@pytest.mark.parametrize(
    ("answer", "schema", "detail"),
    [
        ('{"total": "secret"}', SCHEMA, "does not meet 'type' at depth 1"),
        ('{"secret": {"secret": 1}}', {"additionalProperties": {"additionalProperties": False}}, None),
        ("{}", {"required": ["secret"]}, "does not meet 'required' at depth 0"),
        ('{"secret": 1}', {"properties": {"secret": {"const": "secret"}}}, None),
    ],
)
def test_details_repeat_neither_the_answer_nor_the_schema(
    answer: str, schema: Mapping[str, object], detail: str | None
) -> None:
    (finding,) = findings(answer, "stop", schema)
    assert "secret" not in finding.detail
    assert detail in (None, finding.detail)


def test_a_finish_reason_that_is_text_is_not_repeated() -> None:
    (finding,) = findings("Paris", "stopped at the secret", None)
    assert finding.detail == "ended by something that is no name"


def test_a_wrong_schema_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="correct the schema"):
        findings("{}", "stop", {"type": "thing"})


def test_wording() -> None:
    assert refuses("As an AI, I cannot say.")
    assert not refuses("The mayor refused.")
    assert hedges("However, assuming 3 is meant, it is approximately 4.") == 3
    assert hedges("It is 4.") == 0
