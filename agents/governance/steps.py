"""What the rules about single calls have against the steps of a request."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from schemas.request import Request
from schemas.wire import ProblemRecord
from streams.steps.foresight import Foresight
from streams.steps.requests import step_request

Objection = Callable[[Request, int], ProblemRecord | None]
"""What speaks against a call: its request, and its estimated input tokens."""

FIELDS = {"messages": "input"}


def steps_problem(request: Request, foresight: Foresight, objection: Objection) -> ProblemRecord | None:
    """Return what speaks against the first step that something speaks against, naming its field.

    Every step must pass what a request by itself would have to pass: each is a call.
    """
    for place, step in enumerate(request.steps or ()):
        call = step_request(request, step, step.input, None)
        problem = objection(call, foresight.steps[step.name].input_tokens)
        if problem is None:
            continue
        if problem.field is None or (problem.field == "model" and step.model is None):
            return problem
        if problem.field.startswith("cache"):
            return problem
        field = f"steps.{place}.{FIELDS.get(problem.field, problem.field)}"
        words = {"message": problem.message, "remedy": problem.remedy}
        told = {name: text.replace(problem.field, field, 1) for name, text in words.items()}
        return msgspec.structs.replace(problem, field=field, **told)
    return None
