"""What a sink has done, for its status."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Totals since the process started.

    Attributes:
        rows: Events inserted, those that come again included.
        blocks: Inserts that succeeded.
        restored: Events left out because they were republished from the archive.
        set_aside: Events ClickHouse refused; each has a dead letter and an empty row.
        failures: Inserts that failed and were tried again.
        last_insert_at: Unix seconds of the last success, or None.
        waiting_since: Unix seconds since when ClickHouse takes nothing, or None.
    """

    rows: int = 0
    blocks: int = 0
    restored: int = 0
    set_aside: int = 0
    failures: int = 0
    last_insert_at: float | None = None
    waiting_since: float | None = None
