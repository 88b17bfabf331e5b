"""What a provider knows of its batches, without HTTP: who submitted what, how far it is, and what is billed.

Everything follows from what was submitted and cancelled when, and from the hash of each item: so an append-only file
of these events is all that must outlive a server killed with -9, and a test asks afterwards what was charged.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

HASH_RANGE = 2**32
FILE_MODE = 0o644


class Verdict(StrEnum):
    """What became of one item."""

    SUCCEEDED = "succeeded"
    ERRORED = "errored"
    EXPIRED = "expired"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the provider behaves.

    Attributes:
        turnaround_seconds: Time of a batch that nobody stops.
        window_seconds: After so long a batch expires.
        cancel_seconds: From the request to stop to the end.
        failure_rate: Share of items that end with an error, by their hash.
    """

    turnaround_seconds: float = 60.0
    window_seconds: float = 86_400.0
    cancel_seconds: float = 5.0
    failure_rate: float = 0.0


class Submitted(msgspec.Struct, tag=True):
    """A batch was made."""

    batch: str
    at: float
    turnaround_seconds: float
    items: dict[str, msgspec.Raw]
    label: str | None = None
    file: str | None = None
    refusal: str | None = None


class Stopped(msgspec.Struct, tag=True):
    """Somebody asked for a batch to be stopped."""

    batch: str
    at: float


class Uploaded(msgspec.Struct, tag=True):
    """A file was uploaded."""

    file: str
    at: float
    name: str
    content: bytes


_decode = msgspec.json.Decoder(Submitted | Stopped | Uploaded).decode
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class DeskBatch:
    """One batch.

    Attributes:
        label: What the submitter attached.
        refusal: Why nothing of it is worked on.
        stopped_at: When it was asked to stop, in Unix seconds.
    """

    id: str
    created_at: float
    items: Mapping[str, msgspec.Raw]
    conditions: Conditions
    label: str | None = None
    file: str | None = None
    refusal: str | None = None
    stopped_at: float | None = None

    @property
    def done_at(self) -> float:
        """When all its items would be done."""
        return self.created_at + self.conditions.turnaround_seconds

    @property
    def expires_at(self) -> float:
        """When it is given up."""
        return self.created_at + self.conditions.window_seconds

    @property
    def ends_at(self) -> float:
        """When it has ended."""
        if self.refusal is not None:
            return self.created_at
        natural = min(self.done_at, self.expires_at)
        return natural if self.stopped_at is None else min(natural, self.stopped_at + self.conditions.cancel_seconds)

    def ended(self, now: float) -> bool:
        """Return whether it has ended."""
        return now >= self.ends_at

    def verdict(self, item: str) -> Verdict:
        """Return what becomes of an item: it is done at some share of the turnaround, or not before the end."""
        share = zlib.crc32(item.encode()) / HASH_RANGE
        if self.created_at + share * self.conditions.turnaround_seconds > self.ends_at:
            return Verdict.EXPIRED if self.stopped_at is None else Verdict.CANCELED
        chance = zlib.crc32(b"fails/" + item.encode()) / HASH_RANGE
        return Verdict.ERRORED if chance < self.conditions.failure_rate else Verdict.SUCCEEDED

    def counts(self) -> Counter[Verdict]:
        """Return how many items end how."""
        return Counter(map(self.verdict, self.items)) if self.refusal is None else Counter()


@dataclass(slots=True)
class BatchDesk:
    """All batches of one account, and its files.

    Attributes:
        clock: Returns Unix seconds.
        conditions: Of batches to come; may be changed at any time.
        path: Where events are kept; without one they die with the process.
        unanswered: How many of the next submissions are accepted without an answer.
    """

    clock: Callable[[], float]
    conditions: Conditions = Conditions()
    path: Path | None = None
    unanswered: int = 0
    batches: dict[str, DeskBatch] = field(default_factory=dict)
    files: dict[str, Uploaded] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path is not None and self.path.exists():
            for line in self.path.read_bytes().split(b"\n")[:-1]:
                self._apply(_decode(line))

    def upload(self, name: str, content: bytes) -> Uploaded:
        """Keep a file."""
        event = Uploaded(f"file-{len(self.files) + 1}", self.clock(), name, content)
        self._note(event)
        return event

    def submit(
        self,
        items: Mapping[str, Any],
        *,
        label: str | None = None,
        file: str | None = None,
        refusal: str | None = None,
    ) -> DeskBatch:
        """Make a batch of these bodies, by custom id."""
        name = f"batch_{len(self.batches) + 1}"
        bodies = {item: msgspec.Raw(_encode(body)) for item, body in items.items()}
        self._note(Submitted(name, self.clock(), self.conditions.turnaround_seconds, bodies, label, file, refusal))
        return self.batches[name]

    def stop(self, batch: str) -> None:
        """Begin to stop a batch."""
        if self.batches[batch].stopped_at is None:
            self._note(Stopped(batch, self.clock()))

    def newest_first(self) -> list[DeskBatch]:
        """Return all batches."""
        return list(reversed(self.batches.values()))

    def charged(self) -> Counter[tuple[str, str]]:
        """Return how often each item was charged, by batch and custom id, of all batches that have ended."""
        now = self.clock()
        return Counter(
            (batch.id, item)
            for batch in self.batches.values()
            if batch.ended(now) and batch.refusal is None
            for item in batch.items
            if batch.verdict(item) is Verdict.SUCCEEDED
        )

    def _note(self, event: Submitted | Stopped | Uploaded) -> None:
        self._apply(event)
        if self.path is not None:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, FILE_MODE)
            try:
                os.write(file, _encode(event) + b"\n")
            finally:
                os.close(file)

    def _apply(self, event: Submitted | Stopped | Uploaded) -> None:
        if isinstance(event, Uploaded):
            self.files[event.file] = event
        elif isinstance(event, Stopped):
            self.batches[event.batch].stopped_at = event.at
        else:
            conditions = Conditions(
                event.turnaround_seconds,
                self.conditions.window_seconds,
                self.conditions.cancel_seconds,
                self.conditions.failure_rate,
            )
            self.batches[event.batch] = DeskBatch(
                event.batch, event.at, event.items, conditions, event.label, event.file, event.refusal
            )
