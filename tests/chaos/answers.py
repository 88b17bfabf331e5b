"""What the log says of the requests of a test with kills."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Answers:
    """What the log says at the end.

    Attributes:
        results: By request id, every distinct (event id, status) seen.
        bodies: By request id, what came last.
        repeats: Result messages beyond the first of their request.
        usages: By request id, the distinct ids of its usage events.
    """

    results: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeats: int = 0
    usages: dict[str, set[str]] = field(default_factory=dict)
