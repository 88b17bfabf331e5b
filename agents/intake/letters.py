"""Dead letters of requests: of bugs, and of ids that another request has."""

from __future__ import annotations

import msgspec

from schemas.wire import DeadLetterRecord, ProblemRecord
from streams.catchall import Bug
from streams.deadletters import dead_letter
from streams.records import Record
from streams.stage import Journey
from streams.tenancy.fold import BUG
from streams.topics import REQUESTS

SEALED_MARK = b'"sealed"'

CONFLICT = ProblemRecord(
    "request_id_conflict",
    "field id: another request with a different body came before under this id",
    "send the request under an id of its own; the first request keeps its result",
    "id",
)


class Letters:
    """Makes dead letters, with so many bytes of what was sent at most."""

    def __init__(self, keep_bytes: int) -> None:
        self._keep_bytes = keep_bytes

    def of_conflict(self, record: Record, place: int, body: bytes, now: float) -> DeadLetterRecord:
        """Return the letter of a request whose id another one has; `now` in Unix seconds."""
        return self._letter(record, place, CONFLICT, body, now)

    def of_message(self, record: Record, place: int, bug: Bug, now: float) -> DeadLetterRecord:
        """Return the letter of a message that met a bug as it was read; `now` in Unix seconds."""
        value = record.value or b""
        # what a sealed request holds may have been opened by then
        trace = bug.frames if SEALED_MARK in value else bug.traceback
        return self._letter(record, place, BUG, value, now, trace)

    def of_journey(self, journey: Journey, traceback: str, now: float) -> DeadLetterRecord:
        """Return the letter of a request that met a bug on its way; `now` in Unix seconds."""
        sent = journey.sent or journey.body
        source = Record(REQUESTS.name, journey.partition, -1, journey.request.tenant.encode(), sent, (), now)
        letter = self._letter(source, 0, BUG, sent, now, traceback)
        return msgspec.structs.replace(letter, id=f"bug/{journey.request.tenant}/{journey.request.id}")

    def _letter(
        self, record: Record, place: int, problem: ProblemRecord, value: bytes, now: float, trace: str | None = None
    ) -> DeadLetterRecord:
        keep = self._keep_bytes
        return dead_letter(record, place, "intake", problem, value, now=now, keep_bytes=keep, traceback=trace)
