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
    """An unexpected exception, for a dead letter."""

    traceback: str


def contain(work: Callable[[], T], stage: str) -> T | Bug:
    """Return what the work returns, or the bug it tripped over."""
    try:
        return work()
    except Exception:
        logger.exception("a stage failed", extra={"stage": stage})
        return Bug(traceback.format_exc())
