"""A custodian that keeps nothing but a record of what it was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from faust.types import TP

from streams.transport.offsets import Checkpoint, Marks


@dataclass
class FakeCustodian:
    """A `streams.transport.deliveries.Custodian`.

    Attributes:
        found: The checkpoints in the log.
        now: Output positions.
        failures: Raised one by one, the next time something is to be gained or saved.
        story: Everything that was asked of it, in order; others may add to it.
    """

    found: Mapping[TP, Checkpoint] = field(default_factory=dict)
    now: Marks = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)
    gained: list[tuple[frozenset[TP], int]] = field(default_factory=list)
    saved: list[dict[TP, Checkpoint]] = field(default_factory=list)
    story: list[str] = field(default_factory=list)

    async def gain(self, assigned: frozenset[TP], generation: int) -> Mapping[TP, Checkpoint]:
        self._fail()
        self.story.append("gain")
        self.gained.append((assigned, generation))
        return self.found

    async def lose(self, revoked: frozenset[TP]) -> None:
        self.story.append(f"lose {len(revoked)}")

    def marks(self) -> Marks:
        return self.now

    async def save(self, checkpoints: Mapping[TP, Checkpoint]) -> None:
        self._fail()
        self.story.append("save")
        self.saved.append(dict(checkpoints))

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop()
