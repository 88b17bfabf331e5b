"""What is usual, learnt from an organization's past."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from agents.analytics.anomalies.figures import Figures
from agents.analytics.anomalies.watch import Least, Watch

NOTHING = Figures()


def taught(figures: Mapping[int, Figures], last: int, down: Collection[int], least: Least) -> Watch:
    """Return a watch that has seen the minutes from the first with figures to `last`; what it found is old news.

    Args:
        figures: By minute since 1970; one that is missing had no request.
        last: Minute to learn to.
        down: Minutes of which nothing is known.
        least: What is worth telling.
    """
    first = min(figures, default=last)
    watch = Watch(first - 1, least)
    for minute in range(first, last + 1):
        watch.add(minute, None if minute in down else figures.get(minute, NOTHING))
    return watch


def taught_state(figures: Mapping[int, Figures], last: int, down: Collection[int], least: Least) -> dict[str, Any]:
    """Return the state of that watch: for who asks another process."""
    return taught(figures, last, down, least).state()
