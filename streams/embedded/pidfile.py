"""The pid file of a child process, and what to do about the child of a parent that died."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.errors import EmbeddedServiceError
from streams.embedded.identity import ProcessIdentity

logger = logging.getLogger(__name__)

_END_SECONDS = 5.0


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True)

    child: ProcessIdentity
    parent: ProcessIdentity


class PidFile:
    """Remembers a child and its parent on disk, by identity rather than by bare pid.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, pid: int) -> None:
        """Remember a child of this process; a child that is gone already is not remembered."""
        child = ProcessIdentity.of(pid)
        if child is not None:
            entry = _Entry(child=child, parent=ProcessIdentity.of_this_process())
            self._path.write_text(entry.model_dump_json())

    def remove(self) -> None:
        """Forget the child."""
        self._path.unlink(missing_ok=True)

    def end_orphan(self, name: str) -> None:
        """Kill the remembered child when its parent is gone, and forget it.

        Only a process that began when the remembered one did is touched, so never a stranger that got its pid.

        Raises:
            EmbeddedServiceError: The child and its parent both live (it is somebody's), or it would not die.
        """
        entry = self._read()
        if entry is not None and entry.child.alive():
            if entry.parent.alive():
                raise EmbeddedServiceError(
                    f"{name} runs already (pid {entry.child.pid}), started by pid {entry.parent.pid}: stop that first"
                )
            logger.warning("ending an orphan", extra={"service": name, "pid": entry.child.pid})
            _kill(entry.child, name)
        self.remove()

    def _read(self) -> _Entry | None:
        try:
            return _Entry.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            # A write cut short by a crash: it names nobody we could verify, so nobody may be killed.
            logger.warning("unreadable pid file", extra={"path": str(self._path)})
            return None


def _kill(orphan: ProcessIdentity, name: str) -> None:
    os.kill(orphan.pid, signal.SIGKILL)
    deadline = time.monotonic() + _END_SECONDS
    while orphan.alive():
        if time.monotonic() > deadline:
            raise EmbeddedServiceError(f"{name} left behind by a crash (pid {orphan.pid}) would not end")
        time.sleep(0.01)
