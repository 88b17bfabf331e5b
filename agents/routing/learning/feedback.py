"""From `asahi.feedback` events to grades the predictor learns from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from agents.routing.learning.predictor import Grade
from schemas.feedback import Feedback


class Answered(NamedTuple):
    """What must be known of a request to learn from a grade of its answer: what was asked, and who answered."""

    prompt: str
    model: str


def grades_of(
    events: Iterable[Feedback], answered: Mapping[tuple[str, str], Answered], names: Mapping[str, str]
) -> list[Grade]:
    """Return the grades that teach something; feedback on unknown requests is left out.

    An event id counts once per tenant, so that a redelivered batch is harmless; between batches the caller's offsets
    see to that.

    Args:
        events: In any order.
        answered: By tenant and request id.
        names: The predictor's name of a model by the registry's; one that is missing stands for itself.
    """
    seen: set[tuple[str, str]] = set()
    grades = []
    for event in events:
        known = answered.get((event.tenant, event.request_id))
        if known is None or (event.tenant, event.id) in seen:
            continue
        seen.add((event.tenant, event.id))
        grades.append(Grade(known.prompt, names.get(known.model, known.model), event.grade))
    return grades
