"""Hearing what people say of answers: a grade of an answer that another question got becomes a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from pydantic import ValidationError

from schemas.cache_hit import SEMANTIC
from schemas.feedback import RIGHT, Feedback
from schemas.field_names import dotted
from schemas.verdict import Verdict
from schemas.wire import DeadLetterRecord, HitRecord, ProblemRecord
from streams.deadletters import dead_letter
from streams.log import Log
from streams.outcomes import Done
from streams.partitioning import home_partition
from streams.records import Record
from streams.tenancy.delivery import Delivery
from streams.tenancy.owner import Tenancy
from streams.tenancy.state import PartitionState, ledger_key
from streams.topics import RESULTS

STAGE = "cache"


class _Served(msgspec.Struct):
    """The fields of a result that a verdict needs."""

    cache: HitRecord | None = None


_served = msgspec.json.Decoder(_Served)


class Grades:
    """The grades that tenants of this worker give.

    Only those of semantic hits matter here; routing learns from all of them, by way of the archive.

    Args:
        tenancy: The partitions of this worker.
        delivery: Publishes verdicts.
        log: Holds the results that are graded.
        partitions: Of the topics keyed by tenant.
        keep_bytes: Most bytes of an unreadable grade in its dead letter.
        clock: Returns Unix seconds.
    """

    def __init__(
        self,
        tenancy: Tenancy,
        delivery: Delivery,
        log: Log,
        partitions: int,
        keep_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        self._tenancy = tenancy
        self._delivery = delivery
        self._log = log
        self._partitions = partitions
        self._keep_bytes = keep_bytes
        self._clock = clock

    async def receive(self, partition: int, records: Sequence[Record], acknowledge: Callable[[], object]) -> None:
        """Take in grades; they are acknowledged when the verdicts they come to are durable."""
        state = self._tenancy.states.get(partition)
        if state is None:
            return  # given up meanwhile: whoever gains the partition reads them again
        grades, letters = self._read(partition, records)
        verdicts = await self._verdicts(state, grades)
        if letters:
            await self._delivery.dead_letters(partition, letters)
        if verdicts:
            await self._delivery.verdicts(partition, verdicts)
            state.cache.judge(verdicts)
        acknowledge()

    def _read(self, partition: int, records: Sequence[Record]) -> tuple[list[Feedback], list[DeadLetterRecord]]:
        grades, letters = [], []
        for record in records:
            try:
                grade = Feedback.model_validate_json(record.value or b"")
            except ValidationError as wrong:
                letters.append(self._letter(record, *_fault(wrong)))
                continue
            if home_partition(grade.tenant, self._partitions) != partition:
                letters.append(self._letter(record, "tenant", "the message is not keyed by it"))
                continue
            grades.append(grade)
        return grades, letters

    def _letter(self, record: Record, field: str, what: str) -> DeadLetterRecord:
        problem = ProblemRecord(
            "invalid_feedback",
            f"field {field}: {what}",
            "send it again as docs/events.md describes asahi.feedback, with the tenant as the message key",
            field,
        )
        value, keep = record.value or b"", self._keep_bytes
        return dead_letter(record, 0, STAGE, problem, value, now=self._clock(), keep_bytes=keep)

    async def _verdicts(self, state: PartitionState, grades: Sequence[Feedback]) -> list[Verdict]:
        """Return what grades say of answers to questions in other words; of other answers they say nothing here."""
        places = [(grade, state.ledger.known(ledger_key(grade.tenant, grade.request_id))) for grade in grades]
        graded = [(grade, place.offset) for grade, place in places if isinstance(place, Done)]
        if not graded:
            return []
        results = await self._log.fetch(RESULTS.name, state.partition, [offset for _, offset in graded])
        verdicts = []
        for (grade, _), result in zip(graded, results, strict=True):
            if result is None or result.value is None:
                continue
            hit = _served.decode(result.value).cache
            if hit is not None and hit.tier == SEMANTIC:
                verdicts.append(self._verdict(grade, hit))
        return verdicts

    def _verdict(self, grade: Feedback, hit: HitRecord) -> Verdict:
        at = grade.occurred_at
        return Verdict(
            id=grade.id,
            tenant=grade.tenant,
            source_request_id=hit.source_request_id,
            wrong=grade.grade < RIGHT,
            probability=hit.probability or 0.0,
            error_bound=hit.error_bound or 0.0,
            by=grade.source,
            occurred_at=self._clock() if at is None else at.timestamp(),
        )


def _fault(wrong: ValidationError) -> tuple[str, str]:
    """Return the field at fault and what is wrong with it, without what was sent."""
    first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
    return dotted(first["loc"]) or "body", first["msg"]
