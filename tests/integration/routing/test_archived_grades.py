"""Grades from the archive: each once, with its prompt and the model that answered, also after a restart."""

from __future__ import annotations

import pytest

from agents.routing.learning.archived import LOOKS, ArchivedGrades
from agents.routing.learning.predictor import Grade
from schemas.errors import WarehouseError
from schemas.feedback import Feedback
from schemas.settings import Settings
from streams.envelope import Publication, cloud_event
from streams.topics import FEEDBACK, REQUESTS, RESULTS
from streams.warehouse.client import Warehouse
from tests.integration.sink.events import START, TENANT, bulk, publish, result_event
from tests.integration.sink.running import eventually, running
from tests.integration.warehouse.databases import count


def graded(number: int, mark: float = 1.0, tenant: str = TENANT) -> Publication:
    event = Feedback(id=f"grade-{number}", request_id=f"request-{number}", tenant=tenant, grade=mark)
    return cloud_event(FEEDBACK, event.id, tenant, START, event.model_dump_json().encode())


def grade(number: int, mark: float = 1.0) -> Grade:
    return Grade(f"question {number}", "small", mark)


def by_prompt(grades: list[Grade]) -> list[Grade]:
    return sorted(grades, key=lambda grade: grade.prompt)


async def archived(warehouse: Warehouse, **rows: int) -> None:
    async def there() -> bool:
        return all([await count(warehouse, table) == wanted for table, wanted in rows.items()])

    await eventually(there, f"{rows} in the tables")


async def test_each_grade_comes_once_with_prompt_and_model(settings: Settings, warehouse: Warehouse) -> None:
    async with running(settings):
        grades = ArchivedGrades(warehouse)
        assert await grades.new() == []
        await publish(settings, REQUESTS, [bulk(range(4))])
        await publish(settings, RESULTS, [result_event(number) for number in range(3)])
        await publish(settings, FEEDBACK, [graded(0), graded(1, 0.5), graded(0)])
        await archived(warehouse, requests=4, results=3, feedback=2)
        assert by_prompt(await grades.new()) == [grade(0), grade(1, 0.5)]
        assert await grades.new() == []
        await publish(settings, FEEDBACK, [graded(2, 0.0), graded(1, 0.0)])
        await archived(warehouse, feedback=3)
        assert await grades.new() == [grade(2, 0.0)]
        assert by_prompt(await ArchivedGrades(warehouse).new()) == [grade(0), grade(1, 0.5), grade(2, 0.0)]


async def test_a_grade_that_is_there_before_its_result_waits_for_it(settings: Settings, warehouse: Warehouse) -> None:
    async with running(settings):
        grades = ArchivedGrades(warehouse)
        await publish(settings, REQUESTS, [bulk(range(2))])
        await publish(settings, FEEDBACK, [graded(0), graded(1)])
        await archived(warehouse, requests=2, feedback=2)
        assert await grades.new() == []
        await publish(settings, RESULTS, [result_event(0)])
        await archived(warehouse, results=1)
        assert await grades.new() == [grade(0)]
        for _ in range(LOOKS):
            assert await grades.new() == []
        await publish(settings, RESULTS, [result_event(1)])
        await archived(warehouse, results=2)
        assert await grades.new() == [], "it was looked for often enough"


async def test_another_tenants_request_of_the_same_id_is_not_graded(settings: Settings, warehouse: Warehouse) -> None:
    async with running(settings):
        await publish(settings, REQUESTS, [bulk(range(1))])
        await publish(settings, RESULTS, [result_event(0)])
        await publish(settings, FEEDBACK, [graded(0, tenant="other")])
        await archived(warehouse, requests=1, results=1, feedback=1)
        assert await ArchivedGrades(warehouse).new() == []


async def test_missing_tables_are_an_error(settings: Settings, warehouse: Warehouse) -> None:
    del settings
    await warehouse.command("DROP TABLE feedback")
    with pytest.raises(WarehouseError):
        await ArchivedGrades(warehouse).new()
