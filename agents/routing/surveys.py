"""Decisions made whole again: those that name a survey get its candidates and why the others lost."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.result import Result
from schemas.survey import Survey
from streams.topics import SURVEYS
from streams.warehouse.client import Warehouse

AT_A_TIME = 1_000
EVENTS = """
SELECT value FROM archive WHERE topic = {topic:String} AND (cluster, partition, offset) IN
(SELECT cluster, partition, offset FROM surveys WHERE (tenant, id) IN {keys:Array(Tuple(String, String))})
"""
Key = tuple[str, str]
"""Tenant and id."""


async def with_surveys(warehouse: Warehouse, results: Sequence[Result]) -> list[Result]:
    """Return the results with decisions that hold everything themselves.

    A decision whose survey is not in the archive stays as it is: the rule and its reason are known, the field is not.

    Raises:
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: The tables are missing.
    """
    keys = sorted({key for result in results if (key := _survey_of(result)) is not None})
    surveys: dict[Key, Survey] = {}
    for start in range(0, len(keys), AT_A_TIME):
        asked = {"topic": SURVEYS.name, "keys": keys[start : start + AT_A_TIME]}
        async for block in warehouse.stream(EVENTS, asked):
            for (value,) in block:
                survey = Survey.model_validate_json(value)
                surveys[survey.tenant, survey.id] = survey
    return [_whole(result, surveys) for result in results]


def _survey_of(result: Result) -> Key | None:
    decision = result.decision
    return None if decision is None or decision.survey is None else (result.tenant or "", decision.survey)


def _whole(result: Result, surveys: dict[Key, Survey]) -> Result:
    key = _survey_of(result)
    survey = None if key is None else surveys.get(key)
    if survey is None or result.decision is None:
        return result
    whole = result.decision.model_copy(update={"candidates": survey.candidates, "lost": survey.lost})
    return result.model_copy(update={"decision": whole})
