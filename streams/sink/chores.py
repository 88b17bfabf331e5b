"""What one sink of all does besides: it has ClickHouse at hand, and is there as long as content comes in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any, cast

from schemas.settings import Settings

CHORE = "agents.governance.retention.agent:retain_regularly"
"""`module:attribute`. It is named, not imported: nothing here knows the agents."""

Chore = Callable[[Settings, Callable[[], bool], asyncio.Event], Coroutine[Any, Any, None]]
"""Works until the event is set, whenever the function says that this process is the one; never fails."""


def chore(place: str) -> Chore:
    """Return the work of this name."""
    module, _, attribute = place.partition(":")
    return cast("Chore", getattr(import_module(module), attribute))
