from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from agents.routing.cascade.checker import AnswerChecker, schema_of
from agents.routing.cascade.scorer import AnswerScorer
from agents.routing.cascade.signals import SIGNALS
from agents.routing.configured import configured_checker
from schemas.errors import ConfigurationError
from schemas.settings import RoutingSettings
from schemas.wire import Answer

FORM = {"type": "json_schema", "json_schema": {"schema": {"type": "object", "required": ["city"]}}}


class Question(NamedTuple):
    text: str = "What is the capital of France?"
    response_format: dict[str, Any] | None = None


def trusting() -> AnswerScorer:
    """Return a scorer that repeats what was predicted."""
    return AnswerScorer("small", np.array([0.0] * len(SIGNALS) + [1.0]), 0.0)


def check(
    answer: Answer, form: dict[str, Any] | None = None, scorer: AnswerScorer | None = None, model: str = "small"
) -> tuple[bool, float | None, str]:
    return AnswerChecker(scorer).holds(Question(response_format=form), model, answer, 0.8)


def test_without_a_scorer_validators_decide() -> None:
    assert check(Answer("Paris", None, "stop")) == (True, None, "nothing speaks against it")
    assert check(Answer("Par", None, "length")) == (False, None, "finish_reason: ended by 'length'")
    assert check(Answer(None, None, "stop"))[0] is False


def test_with_a_scorer_its_model_has_a_probability() -> None:
    holds, probability, reason = check(Answer("Paris", None, "stop"), scorer=trusting())
    assert holds
    assert probability == pytest.approx(0.8)
    assert reason == "right with probability 0.80"
    assert check(Answer("Paris", None, "stop"), scorer=trusting(), model="middle")[1] is None


def test_what_speaks_against_an_answer_does_so_whatever_its_probability() -> None:
    holds, probability, reason = check(Answer("3 + 4 = 9.", None, "stop"), scorer=trusting())
    assert not holds
    assert probability == pytest.approx(0.8)
    assert reason == "arithmetic: 1 calculations come out otherwise"


@pytest.mark.parametrize("expected", [0.0, 1.0])
def test_a_certain_prediction_stays_finite(expected: float) -> None:
    found = AnswerChecker(trusting()).holds(Question(), "small", Answer("Paris", None, "stop"), expected)
    assert found.probability == pytest.approx(expected, abs=0.001)


def test_json_is_held_against_its_schema() -> None:
    assert check(Answer('{"city": "Paris"}', None, "stop"), FORM)[0]
    assert check(Answer('{"town": "Paris"}', None, "stop"), FORM)[2].startswith("json_schema")
    assert check(Answer("Paris", None, "stop"), {"type": "json_object"})[2].startswith("json:")


def test_no_answer_is_held_against_a_wrong_schema() -> None:
    wrong = {"type": "json_schema", "json_schema": {"schema": {"type": "nonsense"}}}
    assert check(Answer("Paris", None, "stop"), wrong)[0]


def test_calls_of_tools_have_no_form_and_no_probability() -> None:
    calls = [{"function": {"name": "look_up", "arguments": "{}"}}]
    assert check(Answer(None, calls, "stop"), FORM, trusting()) == (True, None, "nothing speaks against it")


@pytest.mark.parametrize(
    ("form", "schema"),
    [
        (None, None),
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "object"}),
        (FORM, {"type": "object", "required": ["city"]}),
        ({"type": "json_schema", "schema": {"type": "array"}}, {"type": "array"}),
        ({"type": "json_schema"}, {"type": "object"}),
    ],
)
def test_the_schema_of_a_format(form: dict[str, Any] | None, schema: dict[str, Any] | None) -> None:
    assert schema_of(form) == schema


def test_the_configured_checker_has_the_scorer_of_the_folder(tmp_path: Any) -> None:
    checker = configured_checker(RoutingSettings())
    assert checker.holds(Question(), "small", Answer("Paris", None, "stop"), 0.5).probability is None
    with pytest.raises(ConfigurationError, match="asahi router fit"):
        configured_checker(RoutingSettings(model_dir=tmp_path / "absent"))
