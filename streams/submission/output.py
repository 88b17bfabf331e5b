"""The output file: held by one submit at a time, appended to, and cut back to what the journal vouches for."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from schemas.errors import ConfigurationError


class Output:
    """The output, open for appending; unbuffered, so that what was written survives the end of this process.

    Args:
        path: Created when missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Open the file and lock it; the kernel unlocks it when this process ends, however it ends.

        Raises:
            ConfigurationError: It cannot be written, or another submit writes it.
        """
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise ConfigurationError(f"another submit is writing {self.path}; wait for it or stop it") from None
        except OSError as refused:
            raise ConfigurationError(f"cannot write {self.path}: {refused.strerror}") from refused
        self.size = os.fstat(self._descriptor).st_size
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close and unlock the file."""
        os.close(self._descriptor)

    def cut(self, size: int) -> None:
        """Drop everything beyond this size and go on from there."""
        os.ftruncate(self._descriptor, size)
        os.lseek(self._descriptor, size, os.SEEK_SET)
        self.size = size

    def append(self, rows: list[bytes]) -> None:
        """Write lines at the end.

        Raises:
            ConfigurationError: The disk is full, or the like.
        """
        rest = memoryview(b"".join(rows))
        self.size += len(rest)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as refused:
            raise ConfigurationError(
                f"cannot write {self.path}: {refused.strerror}; run the same command again once that is mended"
            ) from refused

    def synchronise(self) -> None:
        """Wait until everything appended is on disk."""
        os.fsync(self._descriptor)
