from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from schemas.errors import ConfigurationError
from streams.submission.job import Job, begin, interrupted
from streams.submission.journal import Journal, journal_path, load_journal
from streams.submission.keeping import JournalKeeper
from streams.submission.outcome import Outcome
from streams.submission.output import Output
from streams.submission.rows import RowFormat
from streams.submission.source import Fingerprint

CONTENT = Fingerprint("digest", 30, 3)
NOW = datetime(2026, 11, 23, 8, 0, 0, 123, tzinfo=UTC)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "in.jsonl", tmp_path / "out.jsonl", "demo", deadline_hours=1.5)


def save(job: Job, rows: bytes = b"row\n") -> Journal:
    journal = begin(job, CONTENT, "cluster", NOW)
    with Output(job.output) as output:
        output.cut(0)
        output.append([rows])
        journal.lines, journal.output_bytes, journal.positions = 1, output.size, {0: 5}
        journal.tally.count(Outcome("a", "completed", "demo", Decimal("0.1")))
        keeper = JournalKeeper(output)
        keeper.save(keeper.note(journal))
    return journal


def test_a_deadline_is_set_once_when_the_submission_begins(job: Job) -> None:
    assert begin(job, CONTENT, "cluster", NOW).asking.deadline == "2026-11-23T09:30:00+00:00"
    assert begin(replace(job, deadline_hours=None), CONTENT, "cluster", NOW).asking.deadline is None


def test_without_a_journal_a_submission_begins_anew(job: Job) -> None:
    assert interrupted(job, CONTENT, 0) is None


def test_what_was_saved_is_what_an_attempt_goes_on_from(job: Job) -> None:
    saved = save(job)
    assert interrupted(job, CONTENT, saved.output_bytes) == saved
    assert interrupted(job, CONTENT, saved.output_bytes + 100) == saved


def test_an_emptied_output_means_to_begin_anew(job: Job) -> None:
    save(job)
    assert interrupted(job, CONTENT, 0) is None


def test_an_attempt_interrupted_before_its_first_row_is_gone_on_with(job: Job) -> None:
    saved = save(job, rows=b"")
    assert interrupted(job, CONTENT, 0) == saved


def test_an_output_of_something_else_is_not_overwritten(job: Job) -> None:
    with pytest.raises(ConfigurationError, match=r"out.jsonl exists and is no interrupted submission"):
        interrupted(job, CONTENT, 10)


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": "other"},
        {"autopilot": True},
        {"name": "again"},
        {"row_format": RowFormat.OPENAI},
        {"deadline_hours": None},
    ],
)
def test_other_options_than_before_are_refused(job: Job, change: dict[str, object]) -> None:
    saved = save(job)
    with pytest.raises(ConfigurationError, match="other options"):
        interrupted(replace(job, **change), CONTENT, saved.output_bytes)  # type: ignore[arg-type]  # any field


def test_a_changed_input_is_refused(job: Job) -> None:
    saved = save(job)
    with pytest.raises(ConfigurationError, match="begun from another content"):
        interrupted(job, Fingerprint("other", 30, 3), saved.output_bytes)


def test_a_shortened_output_is_refused(job: Job) -> None:
    saved = save(job)
    with pytest.raises(ConfigurationError, match="shorter than when it was interrupted"):
        interrupted(job, CONTENT, saved.output_bytes - 1)


def test_an_unreadable_journal_is_named(job: Job) -> None:
    journal_path(job.output).write_text("{")
    with pytest.raises(ConfigurationError, match=r"out.jsonl.asahi-progress cannot be read"):
        interrupted(job, CONTENT, 0)


def test_an_older_note_never_replaces_a_newer_one(job: Job) -> None:
    journal = begin(job, CONTENT, "cluster", NOW)
    with Output(job.output) as output:
        keeper = JournalKeeper(output)
        older = keeper.note(journal)
        journal.lines = 2
        keeper.save(keeper.note(journal))
        keeper.save(older)
    stored = load_journal(journal_path(job.output))
    assert stored is not None
    assert stored.lines == 2
