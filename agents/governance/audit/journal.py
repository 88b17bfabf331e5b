"""The files that checkpoints are appended to, one per partition and machine.

Each line holds the SHA-256 of the line before it, so that a line cannot be taken out of the middle. Appending takes
the file's lock: a worker that has been replaced without knowing it may still be writing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from agents.governance.audit.chain import End
from agents.governance.audit.checkpoints import NO_LINE, sign
from schemas.audit_chain import AuditCheckpoint
from schemas.errors import ConfigurationError

FOLDER_MODE = 0o700
LINE_BYTES = 4096
"""More than the longest line."""
NAME_BYTES = 8
SUFFIX = ".jsonl"


class Journals:
    """The journals of one folder.

    Args:
        folder: Made when it is missing.
        key: Signs what is appended.
    """

    def __init__(self, folder: Path, key: Ed25519PrivateKey) -> None:
        self._folder = folder
        self._key = key

    def append(self, end: End, now: float) -> AuditCheckpoint:
        """Sign the end of a chain and append it; return once it is on the disk.

        Raises:
            ConfigurationError: The folder cannot be written, or its last line cannot be read.
        """
        path = journal_file(self._folder, end.partition)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
            with _locked(path) as file:
                last = _last_line(file)
                if last is None:
                    journal, entry, previous = os.urandom(NAME_BYTES).hex(), 1, NO_LINE
                else:
                    before = AuditCheckpoint.model_validate_json(last)
                    journal, entry, previous = before.journal, before.entry + 1, sha256(last).digest()
                signed = sign(self._key, end, journal=journal, entry=entry, previous=previous, now=now)
                file.write(signed.model_dump_json().encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
                return signed
        except OSError as wrong:
            raise ConfigurationError(
                f"checkpoints cannot be written to {path}: {wrong.strerror}; set audit.folder"
            ) from wrong
        except ValidationError as wrong:
            raise ConfigurationError(f"the last line of {path} is no checkpoint; move the file away") from wrong


def journal_file(folder: Path, partition: int) -> Path:
    """Return the journal of a partition."""
    return folder / f"partition-{partition:04d}{SUFFIX}"


def journal_files(folder: Path) -> Iterator[tuple[int, Path]]:
    """Yield the journals of a folder with their partitions."""
    for path in sorted(folder.glob(f"partition-*{SUFFIX}")):
        number = path.stem.partition("-")[2]
        if number.isdecimal():
            yield int(number), path


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _last_line(file: BinaryIO) -> bytes | None:
    """Return the last whole line; what a crash left of an unfinished one is cut off."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 2 * LINE_BYTES))
    whole, newline, unfinished = file.read().rpartition(b"\n")
    if unfinished:
        file.truncate(end - len(unfinished))
    return whole.rpartition(b"\n")[2] if newline else None
