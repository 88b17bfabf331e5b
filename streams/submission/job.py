"""What is to be submitted, and whether that begins anew or goes on where an earlier attempt stopped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from schemas.errors import ConfigurationError
from streams.submission.identity import Asking, submission_id
from streams.submission.journal import Journal, journal_path, load_journal
from streams.submission.rows import RowFormat
from streams.submission.source import Fingerprint

CONCURRENCY = 20_000


@dataclass(frozen=True, slots=True)
class Job:
    """One submission as asked for.

    Attributes:
        tenant: Of lines that name none.
        autopilot: Leave the choice of the model to Asahi where an OpenAI line names one.
        deadline_hours: From the first attempt; for lines that have no deadline.
        name: Tells two submissions of the same file apart.
        concurrency: Most lines under way at once.
    """

    input: Path
    output: Path
    tenant: str
    row_format: RowFormat = RowFormat.ASAHI
    autopilot: bool = False
    deadline_hours: float | None = None
    name: str = ""
    concurrency: int = CONCURRENCY


def begin(job: Job, content: Fingerprint, cluster: str, now: datetime) -> Journal:
    """Return the journal of a submission that begins now; its first positions are still to be set."""
    deadline = None if job.deadline_hours is None else now + timedelta(hours=job.deadline_hours)
    asking = Asking(
        tenant=job.tenant,
        autopilot=job.autopilot,
        deadline=None if deadline is None else deadline.isoformat(timespec="seconds"),
        name=job.name,
    )
    return Journal(
        submission=submission_id(content, asking),
        input=content,
        asking=asking,
        row_format=job.row_format,
        cluster=cluster,
        started_at=now,
        positions={},
    )


def interrupted(job: Job, content: Fingerprint, output_bytes: int) -> Journal | None:
    """Return the journal of the earlier attempt at this job; None when it begins anew.

    Args:
        job: What is asked for.
        content: Of the input now.
        output_bytes: Length of the output now; an emptied or removed output means to begin anew.

    Raises:
        ConfigurationError: The output belongs to something else, or was changed since.
    """
    path = journal_path(job.output)
    anew = f"remove {job.output} and {path.name} to begin anew"
    journal = load_journal(path)
    if journal is None or not output_bytes:
        if output_bytes:
            raise ConfigurationError(f"{job.output} exists and is no interrupted submission; name another output")
        if journal is None or journal.output_bytes:
            return None
    if journal.input != content:
        raise ConfigurationError(f"{job.output} was begun from another content of {job.input}; restore it, or {anew}")
    asked = (job.tenant, job.autopilot, job.name, job.row_format, job.deadline_hours is not None)
    before = journal.asking
    if asked != (before.tenant, before.autopilot, before.name, journal.row_format, before.deadline is not None):
        raise ConfigurationError(f"{job.output} was begun with other options; use the same again, or {anew}")
    if output_bytes < journal.output_bytes:
        raise ConfigurationError(f"{job.output} is shorter than when it was interrupted; {anew}")
    return journal
