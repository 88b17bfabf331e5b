"""Names of provider calls."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from itertools import count


def unique_ids() -> Callable[[], str]:
    """Return a source of ids never returned before by any worker: one random part per process, then a count."""
    process, numbers = uuid.uuid4().hex, count(1)
    return lambda: f"{process}-{next(numbers):x}"
