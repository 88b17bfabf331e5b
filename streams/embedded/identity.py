"""Tells a process from a later one that got the same pid."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from pydantic import BaseModel, ConfigDict

_PROC = Path("/proc")


class ProcessIdentity(BaseModel):
    """A pid together with when the process began: pids are reused, this pair is not.

    Attributes:
        pid: The process id.
        began: When it began, opaque; only equality means something.
    """

    model_config = ConfigDict(frozen=True)

    pid: int
    began: str

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """Return the identity of a running process; None when there is none, or only a zombie."""
        began = _began_linux(pid) if (_PROC / "self" / "stat").exists() else _began_elsewhere(pid)
        return None if began is None else cls(pid=pid, began=began)

    @classmethod
    def of_this_process(cls) -> ProcessIdentity:
        """Return the identity of the calling process."""
        this = cls.of(os.getpid())
        assert this is not None, "a running process can see itself"
        return this

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return ProcessIdentity.of(self.pid) == self


def _began_linux(pid: int) -> str | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets and may hold blanks and brackets itself.
    fields = stat.rpartition(")")[2].split()
    state, start_ticks = fields[0], fields[19]
    return None if state in "ZX" else f"{boot}/{start_ticks}"


def _began_elsewhere(pid: int) -> str | None:
    """Ask `ps`, which every Unix has; its start time is exact to the second only."""
    shown = subprocess.run(  # noqa: S603 - fixed arguments and an integer
        ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(maxsplit=1)
    return shown[1].strip() if len(shown) == 2 and not shown[0].startswith("Z") else None
