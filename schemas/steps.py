"""The steps that a request declares, how texts refer to them, and what a result says of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Any, LiteralString

from pydantic import Field, StringConstraints
from pydantic_core import PydanticCustomError

from schemas.model import MAX_NAME_CHARS, Name, StrictValue, Text, Tokens, Usd, Value
from schemas.sampling import Sampling

MAX_STEPS = 32
"""Most steps of one request."""
MAX_TASK_TYPE_CHARS = 256

_NAME = r"[A-Za-z][A-Za-z0-9_-]*"
REFERENCE = re.compile(r"\{\{ ?steps\.(" + _NAME + r") ?\}\}")
"""Stands for the result of a step."""

StepName = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_CHARS, pattern=f"^{_NAME}$")]


class DeclaredStep(StrictValue):
    """One step of a request: a call of its own, whose result is text.

    Attributes:
        name: Unique in its request; `{{steps.NAME}}` stands for the result. Not sealed.
        operation: What to do, as the system message.
        input: What to do it with, as the user's message; may refer to other steps.
        sampling: How the result is drawn.
        model: Takes this model, whatever the request's mode is; absent means that it is chosen as the request's is.
        task_type: Kind of task, such as `summarization`; absent means that it is detected.
    """

    name: StepName
    operation: Annotated[Text, Field(min_length=1)]
    input: Annotated[Text, Field(min_length=1)]
    sampling: Sampling = Sampling()
    model: Name | None = None
    task_type: Annotated[Text, Field(max_length=MAX_TASK_TYPE_CHARS)] | None = None


class TakenStep(Value):
    """What came of one step of a request.

    Attributes:
        name: As declared.
        source: `call` where a model was asked for this request, `exact` where the cache had the result,
            `shared_flight` where the same step of another request was being answered.
        source_request_id: The request whose call was paid for; absent where it was this one.
        age_seconds: Since that result was given; absent where it was made for this request.
        model: The model that gave it.
        provider: The provider that gave it.
        input_tokens: Of the call that gave it.
        output_tokens: Of the call that gave it.
        cost_usd: What this request paid for it, in US dollars; part of the request's `cost_usd`.
    """

    name: str
    source: str
    source_request_id: str | None = None
    age_seconds: float | None = None
    model: str | None = None
    provider: str | None = None
    input_tokens: Tokens = 0
    output_tokens: Tokens = 0
    cost_usd: Usd = Decimal(0)


def references_in(text: str) -> set[str]:
    """Return the names of the steps that a text refers to."""
    return set(REFERENCE.findall(text))


def texts_of_content(contents: Iterable[str | list[dict[str, Any]] | None]) -> list[str]:
    """Return the texts in which messages may refer to steps: their content, or its text parts."""
    found: list[str] = []
    for content in contents:
        if isinstance(content, str):
            found.append(content)
        else:
            found += [part["text"] for part in content or () if isinstance(part.get("text"), str)]
    return found


def needs_of(steps: Sequence[DeclaredStep]) -> dict[str, set[str]]:
    """Return by step which others its input refers to."""
    return {step.name: references_in(step.input) for step in steps}


def fault_of(steps: Sequence[DeclaredStep], texts: Iterable[str]) -> PydanticCustomError | None:
    """Return what is wrong with the steps of a request, naming the field; None when nothing is.

    Args:
        steps: As declared.
        texts: Of the prompt or the messages.
    """
    names = [step.name for step in steps]
    for place, name in enumerate(names):
        if name in names[:place]:
            return _fault(f"steps.{place}.name", "another step has this name; give each a name of its own")
    needs, wanted = needs_of(steps), set[str]().union(*(references_in(text) for text in texts))
    for place, step in enumerate(steps):
        if references_in(step.operation):
            return _fault(f"steps.{place}.operation", "only input may refer to other steps; move the reference there")
        if not needs[step.name] <= needs.keys():
            return _fault(f"steps.{place}.input", "refers to a step that is not declared; declare it in steps")
    if not wanted <= needs.keys():
        return _fault("steps", "prompt or messages refer to a step that is not declared; declare it in steps")
    circle = _circle(needs)
    if circle is not None:
        field = f"steps.{names.index(circle)}.input"
        return _fault(field, "the step needs its own result, if only through other steps; take a reference out")
    for place, name in enumerate(names):
        if name not in wanted and not any(name in others for others in needs.values()):
            return _fault(f"steps.{place}.name", "nothing refers to this step; refer to it or leave it out")
    return None


def _circle(needs: dict[str, set[str]]) -> str | None:
    """Return the first step that can never begin, since it needs its own result."""
    left = dict(needs)
    while left:
        ready = [name for name, others in left.items() if not others & left.keys()]
        if not ready:
            return next(name for name in left if _reaches(name, name, needs))
        for name in ready:
            del left[name]
    return None


def _reaches(start: str, goal: str, needs: dict[str, set[str]]) -> bool:
    seen: set[str] = set()
    ahead = list(needs[start])
    while ahead:
        name = ahead.pop()
        if name == goal:
            return True
        if name not in seen:
            seen.add(name)
            ahead += needs[name]
    return False


def _fault(field: str, message: LiteralString) -> PydanticCustomError:
    return PydanticCustomError("inconsistent", message, {"field": field})
