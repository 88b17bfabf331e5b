"""Grades as the archive has them, with what was asked and who answered."""

from __future__ import annotations

from collections.abc import Iterable

from agents.routing.learning.feedback import Answered, grades_of
from agents.routing.learning.predictor import Grade
from agents.routing.logged import read_logged
from agents.routing.quality import text_of
from schemas.feedback import Feedback
from streams.warehouse.client import Warehouse

AT_ONCE = 200
"""Grades read at once: their requests are decoded on the loop that serves."""
LOOKS = 10
"""How often the request of a grade is looked for: grade, request and result are archived by different inserts."""
NEW = """
SELECT id, request_id, tenant, grade, concat(cluster, '/', toString(partition)) AS place, offset FROM feedback
WHERE toInt64(offset) > transform(place, {places:Array(String)}, {offsets:Array(Int64)}, toInt64(-1))
ORDER BY cluster, partition, offset LIMIT {limit:UInt64}
"""
ASKED = """
id IN {ids:Array(String)} AND has(arrayZip({tenants:Array(String)}, {ids:Array(String)}), (toString(tenant), id))
"""
NOWHERE = ""
"""Stands in for places before there are any: an empty array has no type to bind."""
BEFORE_ALL = -1


class ArchivedGrades:
    """Reads each grade in the archive once; made anew it begins at the first, so that what it tells is a fold.

    Args:
        warehouse: Where the archive is.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._positions: dict[str, int] = {NOWHERE: BEFORE_ALL}
        self._waiting: list[tuple[Feedback, int]] = []

    async def new(self) -> list[Grade]:
        """Return grades not returned before, of some hundred events at most; empty when there are none at present.

        A grade whose request or result is not there yet is looked for again a few times.

        Raises:
            WarehouseUnavailable: ClickHouse does not answer; the same grades come with the next call.
            WarehouseError: The tables are missing.
        """
        asked = {"places": list(self._positions), "offsets": list(self._positions.values()), "limit": AT_ONCE}
        rows = await self._warehouse.rows(NEW, asked)
        events = [
            Feedback.model_construct(
                id=row["id"], request_id=row["request_id"], tenant=row["tenant"], grade=row["grade"]
            )
            for row in rows
        ]
        looked_for = [*self._waiting, *((event, 0) for event in events)]
        answered = await self._answered([event for event, _ in looked_for])
        for row in rows:
            self._positions[row["place"]] = max(row["offset"], self._positions.get(row["place"], BEFORE_ALL))
        self._waiting = [
            (event, looks + 1)
            for event, looks in looked_for
            if (event.tenant, event.request_id) not in answered and looks + 1 < LOOKS
        ]
        return grades_of([event for event, _ in looked_for], answered, {})

    async def _answered(self, events: Iterable[Feedback]) -> dict[tuple[str, str], Answered]:
        wanted = sorted({(event.tenant, event.request_id) for event in events})
        if not wanted:
            return {}
        asked = {"tenants": [tenant for tenant, _ in wanted], "ids": [name for _, name in wanted]}
        logged, _ = await read_logged(self._warehouse, ASKED, asked, len(wanted))
        return {
            (one.request.tenant, one.request.id): Answered(text_of(one.request), one.result.model)
            for one in logged
            if one.result.model is not None
        }
