"""Files that are there whole or not at all, and that are written over before they go."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

OWNER_ONLY = 0o600


def write(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, also after a power cut."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    sync(path.parent)


def finish(path: Path, former: Path) -> None:
    """Clean up after a replacement that was interrupted, at whichever step."""
    with suppress(FileNotFoundError):
        if former.samefile(path):
            former.unlink()  # before the new one was in place: writing over it would destroy the key that is in use
        else:
            shred(former)


def shred(path: Path) -> None:
    """Write over a file, then unlink it.

    A journaling file system or a flash disk may keep the old blocks. They hold the key wrapped: whoever reads them
    needs the key-encryption key as well.
    """
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync(path.parent)


def sync(folder: Path) -> None:
    """Make what was done to the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
