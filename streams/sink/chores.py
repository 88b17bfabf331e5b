"""What one sink of all does besides: it has ClickHouse at hand, and is there as long as content comes in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

from schemas.settings import Settings
from streams.named import load_named

CHORE = "agents.governance.retention.agent:retain_regularly"
"""`module:attribute`. It is named, not imported: nothing here knows the agents."""
ROLLUPS = "streams.rollups.regularly:roll_up_regularly"
CHORES = (CHORE, ROLLUPS)
"""Each goes on whatever becomes of the other."""

Chore = Callable[[Settings, Callable[[], bool], asyncio.Event], Coroutine[Any, Any, None]]
"""Works until the event is set, whenever the function says that this process is the one; never fails."""


def chore(place: str) -> Chore:
    """Return the work of this name."""
    return cast("Chore", load_named(place))
