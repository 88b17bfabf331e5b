"""The one catch-all: a bug becomes a value, so that it costs one request and never the worker."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bug:
    """An unexpected exception, for a dead letter.

    Attributes:
        traceback: The whole of it; its message may quote what was worked on.
        frames: Where it happened, and its type alone.
    """

    traceback: str
    frames: str = ""


def frames_of(bug: BaseException) -> str:
    """Return where an exception happened and its type, for a log: its message may quote a prompt."""
    return "".join(traceback.format_tb(bug.__traceback__)) + type(bug).__name__


def contain(work: Callable[[], T], stage: str) -> T | Bug:
    """Return what the work returns, or the bug it tripped over."""
    try:
        return work()
    except Exception as bug:  # noqa: BLE001 - this is the one catch-all
        frames = frames_of(bug)
        logger.error("a stage failed", extra={"stage": stage, "frames": frames})
        return Bug(traceback.format_exc(), frames)
