"""Reading the input: which file it is, and its lines one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from schemas.errors import ConfigurationError

HASH_CHUNK_BYTES = 4 * 1024 * 1024
SKIP_BYTES = 64 * 1024
DIGEST_BYTES = 16
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Fingerprint(msgspec.Struct, frozen=True):
    """What tells one input file from another: its content, not its name or time.

    Attributes:
        digest: Hex BLAKE2b-128 of the content.
        lines: Newline-terminated lines, and the last one if it lacks its newline; blank ones included.
    """

    digest: str
    size: int
    lines: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the input.

    Attributes:
        number: From 1, blank lines counted, as an editor shows it.
        end: Byte offset of the next line.
        raw: Without surrounding white space; None when it is longer than allowed.
    """

    number: int
    end: int
    raw: bytes | None


def fingerprint(path: Path) -> Fingerprint:
    """Read the whole file once and return its fingerprint.

    Raises:
        ConfigurationError: The file cannot be read, or is not a regular file: a pipe cannot be resumed.
    """
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"{path} is not a regular file; submit a file, so that it can be resumed")
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    size = lines = 0
    last = b"\n"
    try:
        with path.open("rb") as file:
            while chunk := file.read(HASH_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                lines += chunk.count(b"\n")
                last = chunk[-1:]
    except OSError as unreadable:
        raise ConfigurationError(f"cannot read {path}: {unreadable.strerror}") from unreadable
    return Fingerprint(digest.hexdigest(), size, lines + (last != b"\n"))


def read_lines(file: BinaryIO, offset: int, number: int, longest: int) -> Iterator[Line]:
    """Yield the lines from a byte offset on that are not blank; at most one line is in memory.

    Args:
        file: Open for reading bytes.
        offset: Where to start: 0 or the `end` of a line read before.
        number: Lines before `offset`.
        longest: Bytes; a longer line comes without its content.
    """
    file.seek(offset)
    limit = longest + len(b"\n")
    while raw := file.readline(limit):
        number += 1
        offset += len(raw)
        if len(raw) == limit and not raw.endswith(b"\n"):
            offset += _skip_line(file)
            yield Line(number, offset, None)
            continue
        text = (raw.removeprefix(BYTE_ORDER_MARK) if number == 1 else raw).strip()
        if text:
            yield Line(number, offset, text)


def _skip_line(file: BinaryIO) -> int:
    """Read to the end of the present line; return how many bytes that was."""
    skipped = 0
    while rest := file.readline(SKIP_BYTES):
        skipped += len(rest)
        if rest.endswith(b"\n"):
            break
    return skipped
