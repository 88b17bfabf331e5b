"""The bookkeeping of one submission: lines in, results matched, rows out. No network and no clock."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO

import msgspec

from schemas.wire import ProblemRecord
from streams.submission.journal import Journal
from streams.submission.outcome import decode_outcome
from streams.submission.output import Output
from streams.submission.parsing import Accepted, LineParser, Refused
from streams.submission.rows import refusal, renderer
from streams.submission.source import Line, read_lines
from streams.submission.window import Entry, Window

logger = logging.getLogger(__name__)

HELD_BYTES = 256 * 1024 * 1024


class Run:
    """One attempt at a submission.

    Args:
        journal: Where to go on; kept up to date.
        source: The input, open for reading bytes.
        output: Cut back to where the journal ends.
        concurrency: Most lines under way.
        longest: Bytes a request may have.
        opened: Returns a result with its answer readable.
    """

    def __init__(
        self,
        journal: Journal,
        source: BinaryIO,
        output: Output,
        concurrency: int,
        longest: int,
        opened: Callable[[bytes], bytes] = lambda value: value,
    ) -> None:
        self._opened = opened
        self.journal = journal
        self.window = Window(concurrency, HELD_BYTES)
        self.exhausted = False
        """Whether the last line was taken in."""
        self._output = output
        self._lines = read_lines(source, journal.input_offset, journal.lines, longest)
        self._parse = LineParser(journal.submission, journal.asking, longest).parse
        self._render = renderer(journal.row_format)

    @property
    def finished(self) -> bool:
        """Whether every line has its row in the output."""
        return self.exhausted and not len(self.window)

    def fill(self, most: int) -> list[Entry]:
        """Take lines into the window while there is room, at most so many; return those that must be sent."""
        new: list[Entry] = []
        for _ in range(min(most, self.window.room)):
            line = next(self._lines, None)
            if line is None:
                self.exhausted = True
                break
            entry = self._enter(line)
            if entry is not None:
                new.append(entry)
            if self.window.room <= 0:
                break
        return new

    def take(self, records: Iterable[Any]) -> int:
        """Match results to lines under way; return how many of those were answered. The first result wins."""
        answered = 0
        for record in records:
            try:
                outcome = decode_outcome(record.value)
                entry = self.window.get(outcome.tenant, outcome.id)
                if entry is None or entry.row is not None:
                    continue
                row = self._render(self._opened(record.value), entry.id, entry.custom_id)
            except (msgspec.MsgspecError, TypeError):  # TypeError: a message without a value
                logger.warning("not a result", extra={"partition": record.partition, "offset": record.offset})
                continue
            self.window.answer(entry, row, outcome, (record.partition, record.offset))
            answered += 1
        return answered

    def write(self) -> None:
        """Append the rows at the front of the window to the output, and note how far that reaches."""
        front = self.window.answered_front()
        if not front:
            return
        self._output.append([entry.row for entry in front if entry.row is not None])
        self.window.drop_front(len(front))
        journal = self.journal
        for entry in front:
            journal.tally.count(entry.outcome)
        journal.lines, journal.input_offset = front[-1].number, front[-1].end
        journal.output_bytes = self._output.size

    def note_positions(self, positions: Mapping[int, int]) -> None:
        """Note from where results must be read again, so that what is not written yet is found."""
        self.journal.positions = self.window.low_water(positions)

    def close(self) -> None:
        """Note that nothing is left to do."""
        self.journal.complete = True
        self.journal.lines = self.journal.input.lines

    def _enter(self, line: Line) -> Entry | None:
        parsed = self._parse(line)
        if isinstance(parsed, Refused):
            self._refuse(line, parsed, parsed.problem)
            return None
        content = hash(parsed.body)
        entry = Entry(parsed.id, line.number, line.end, parsed.tenant, content, parsed.body, parsed.custom_id)
        first = self.window.get(parsed.tenant, parsed.id)
        if first is None:
            self.window.add(entry)
            return entry
        if first.content == content:
            self.window.add_twin(entry, first)
            return None
        problem = ProblemRecord(
            "duplicate_id",
            f"line {line.number}: the id is already used by line {first.number} with another content",
            "give every line an id of its own",
            "id" if parsed.custom_id is None else "custom_id",
        )
        self._refuse(line, parsed, problem)
        return None

    def _refuse(self, line: Line, parsed: Accepted | Refused, problem: ProblemRecord) -> None:
        journal, request_id, custom_id = self.journal, parsed.id, parsed.custom_id
        result = refusal(request_id, problem, parsed.tenant or journal.asking.tenant, journal.started_at)
        row = self._render(result, request_id, custom_id)
        self.window.add(Entry(request_id, line.number, line.end, "", custom_id=custom_id, row=row))
