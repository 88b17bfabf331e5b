"""What a running stack leaves in its data folder: a lock, and a file that tells others where it listens."""

from __future__ import annotations

import fcntl
import logging
import os
from datetime import datetime
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.errors import ConfigurationError
from streams.embedded.identity import ProcessIdentity

logger = logging.getLogger(__name__)


class StackState(BaseModel):
    """A running stack, as other commands find it in `<data>/stack.json`.

    Attributes:
        owner: The process that supervises the stack; SIGTERM to it stops everything in order.
        cluster_id: Id of the broker's log; a new one at every start.
        processes: `host:port` of the figures of each worker and sink, by name.
        metrics: `host:port` of the figures of all of them; None where nobody joins them.
    """

    model_config = ConfigDict(frozen=True)

    owner: ProcessIdentity
    cluster_id: str
    bootstrap: str
    broker_pid: int
    clickhouse_url: str
    clickhouse_pid: int
    started_at: datetime
    processes: dict[str, str] = {}
    metrics: str | None = None

    def write(self, data_dir: Path) -> None:
        """Publish the state, whole or not at all."""
        unfinished = _path(data_dir).with_suffix(".json.new")
        unfinished.write_text(self.model_dump_json(indent=2) + "\n")
        unfinished.replace(_path(data_dir))


def find_stack(data_dir: Path) -> StackState | None:
    """Return the stack that runs on a data folder; None when none does, whatever a crashed one left behind."""
    try:
        state = StackState.model_validate_json(_path(data_dir).read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        logger.warning("unreadable state file", extra={"path": str(_path(data_dir))})
        return None
    if not state.owner.alive():
        logger.info("stale state file", extra={"path": str(_path(data_dir)), "owner": state.owner.pid})
        return None
    return state


def forget_stack(data_dir: Path) -> None:
    """Remove the state file."""
    _path(data_dir).unlink(missing_ok=True)


class FolderLock:
    """One stack per data folder. The kernel releases the lock when its holder dies, however it dies.

    Args:
        data_dir: The folder; created when missing.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._file: TextIO | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            ConfigurationError: Another stack has it.
        """
        self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (self._data_dir / "stack.lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise ConfigurationError(
                f"another stack (pid {holder}) uses the data folder {self._data_dir}: stop it, "
                "or set embedded.data_dir (ASAHI_EMBEDDED_DATA_DIR) to another folder"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give the lock back; the file stays, because removing it would race with the next holder."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _path(data_dir: Path) -> Path:
    return data_dir / "stack.json"
