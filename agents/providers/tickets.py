"""Calls under way, and what makes them, as the provider stage sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from schemas.batch import Call
from streams.stage import Receipt


@dataclass(slots=True)
class Ticket:
    """One call under way, with the receipts of every message that asked for it.

    Attributes:
        batch: The batch that was given up for it, if one was.
    """

    key: str
    receipts: list[Receipt] = field(default_factory=list)
    batch: str | None = None


class Runner(Protocol):
    """What makes the calls."""

    def submit(self, call: Call, token: Ticket) -> None:
        """Start a call as soon as limits allow; its completion comes through the callback."""
        ...

    async def drain(self, timeout_seconds: float) -> list[Ticket]:
        """Let the calls under way end and start no other; return those that had to be abandoned."""
        ...

    def take_share(self, share: float) -> None:
        """Use this share of every provider's limits."""
        ...
