"""Log files that child processes write themselves."""

from __future__ import annotations

import shutil
from pathlib import Path

LIMIT_BYTES = 16 * 1024 * 1024


def rotate(path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
    """Move a log that outgrew the limit to `<name>.1`, replacing the previous one.

    Copied and truncated rather than renamed: the child keeps its file open in append mode. What it writes between
    the two steps is lost, which a diagnostic log can bear.
    """
    if not path.exists() or path.stat().st_size <= limit_bytes:
        return
    shutil.copyfile(path, path.with_name(path.name + ".1"))
    with path.open("r+b") as log:
        log.truncate(0)


def last_lines(path: Path, count: int = 15, most_bytes: int = 4096) -> str:
    """Return the last lines of a log, at most so many bytes; empty when there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - most_bytes))
        lines = log.read(most_bytes).decode("utf-8", "replace").splitlines()
    return "\n".join(lines[-count:])
