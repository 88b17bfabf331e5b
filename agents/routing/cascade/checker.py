"""Checks the answers of a cascade: what speaks against one for certain, and how probably it is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from agents.routing.cascade.validators import Finding, findings
from agents.routing.learning.components import logit
from schemas.errors import ConfigurationError
from schemas.wire import Answer

if TYPE_CHECKING:
    from agents.routing.cascade.scorer import AnswerScorer

TOOL_CALLS = "tool_calls"
ANY_OBJECT: Mapping[str, Any] = {"type": "object"}


class Asked(Protocol):
    """What was asked, as far as a check needs it."""

    @property
    def text(self) -> str:
        """Everything readable."""
        ...

    @property
    def response_format(self) -> dict[str, Any] | None:
        """Form of the answer, as in OpenAI's chat format."""
        ...


class Checked(NamedTuple):
    """What a check comes to.

    Attributes:
        holds: Nothing certain speaks against the answer.
        probability: That it is right; None where no scorer knows the model, or it calls tools.
        reason: Why, for people.
    """

    holds: bool
    probability: float | None
    reason: str


class AnswerChecker:
    """Validates every answer, and scores those of the model that the scorer was fitted on.

    Args:
        scorer: The learned one, if there is one.
    """

    def __init__(self, scorer: AnswerScorer | None = None) -> None:
        self._scorer = scorer

    def holds(self, prompt: Asked, model: str, answer: Answer, expected: float) -> Checked:
        """Check one answer; nothing is kept, so that several threads may do so at once.

        Args:
            prompt: What was asked.
            model: Who answered.
            answer: What it said.
            expected: Probability of a right answer as predicted from the prompt alone, where the scorer goes on from.
        """
        found = _findings(answer, schema_of(prompt.response_format))
        probability = (
            None if answer.tool_calls else self._probability(prompt.text, model, answer.content or "", expected)
        )
        if found:
            return Checked(False, probability, "; ".join(f"{each.check}: {each.detail}" for each in found))
        if probability is None:
            return Checked(True, None, "nothing speaks against it")
        return Checked(True, probability, f"right with probability {probability:.2f}")

    def _probability(self, prompt: str, model: str, answer: str, expected: float) -> float | None:
        if self._scorer is None or model != self._scorer.model:
            return None
        return float(self._scorer.score([prompt], [answer], logit(np.array([expected])))[0])


def schema_of(response_format: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the JSON Schema an answer must meet; None where JSON was not asked for."""
    kind = (response_format or {}).get("type")
    if response_format is None or kind not in ("json_object", "json_schema"):
        return None
    if kind == "json_object":
        return ANY_OBJECT
    named = response_format.get("json_schema")
    schema = named.get("schema") if isinstance(named, Mapping) else response_format.get("schema")
    return schema if isinstance(schema, Mapping) else ANY_OBJECT


def _findings(answer: Answer, schema: Mapping[str, Any] | None) -> list[Finding]:
    """Return what speaks against an answer; one that calls tools need not be of the form of others."""
    if answer.tool_calls:
        return list(findings(answer.content or "", TOOL_CALLS, None))
    content = answer.content or ""
    try:
        return list(findings(content, answer.finish_reason, schema))
    except ConfigurationError:  # the request's own schema is wrong: no answer can be held against it
        return list(findings(content, answer.finish_reason, None))
