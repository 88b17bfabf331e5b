"""Checks an answer can fail for certain reasons, before any probability: a cascade escalates where one does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match

from agents.routing.cascade.arithmetic import equations
from agents.routing.cascade.wording import refuses
from schemas.errors import ConfigurationError

FINISHED = frozenset({"stop", "end_turn", "stop_sequence", "tool_calls", "tool_use", "function_call"})
FENCE = "```"
IDENTIFIER = re.compile(r"[A-Za-z_]{1,32}")
"""What a reason for the end looks like; anything else a provider says there may be text."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Why an answer does not hold.

    Attributes:
        check: `finish_reason`, `empty`, `refusal`, `json`, `json_schema` or `arithmetic`.
        detail: What was found, without text of the answer or of the schema: both may be sealed, and this is not.
    """

    check: str
    detail: str


def findings(answer: str, finish_reason: str | None, schema: Mapping[str, Any] | None) -> Sequence[Finding]:
    """Return all that speaks against an answer; nothing where it holds.

    Args:
        answer: The text.
        finish_reason: As the provider gave it; None where it gave none.
        schema: JSON Schema the answer must meet, or None where JSON was not asked for.

    Raises:
        ConfigurationError: The schema itself is wrong.
    """
    found = []
    if finish_reason is not None and finish_reason not in FINISHED:
        named = repr(finish_reason) if IDENTIFIER.fullmatch(finish_reason) else "something that is no name"
        found.append(Finding("finish_reason", f"ended by {named}"))
    if not answer.strip() and finish_reason not in ("tool_calls", "tool_use", "function_call"):
        found.append(Finding("empty", "no text"))
    if refuses(answer):
        found.append(Finding("refusal", "says that it cannot or will not answer"))
    if schema is not None:
        found += _against(answer, schema)
    wrong = sum(not equation.holds for equation in equations(answer))
    if wrong:
        found.append(Finding("arithmetic", f"{wrong} calculations come out otherwise"))
    return found


def _against(answer: str, schema: Mapping[str, Any]) -> list[Finding]:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as wrong:
        raise ConfigurationError(f"JSON schema of the answer: {wrong.message}; correct the schema") from wrong
    try:
        document = json.loads(_unfenced(answer))
    except (ValueError, RecursionError) as wrong:
        return [Finding("json", f"not JSON: {type(wrong).__name__}")]
    worst = best_match(Draft202012Validator(schema).iter_errors(document))
    if worst is None:
        return []
    # Not the path: its names are the schema's, or what the model made keys of.
    return [Finding("json_schema", f"does not meet {worst.validator!r} at depth {len(worst.absolute_path)}")]


def _unfenced(answer: str) -> str:
    """Return the inside of an answer that is one fenced block, as models like to give JSON."""
    text = answer.strip()
    if not (text.startswith(FENCE) and text.endswith(FENCE) and len(text) > 2 * len(FENCE)):
        return text
    return text[len(FENCE) : -len(FENCE)].partition("\n")[2]
