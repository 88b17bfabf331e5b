"""What is frozen next: full tails with segments of like size, or segments in which much is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.cache.vectors.segment import Segment

RATIO = 4
"""A segment joins a merge that is at least a quarter as large. So there are few of them, and an entry is built into
an index about `RATIO / log(RATIO)` times for each time the whole grows e-fold."""
GONE_SHARE = 0.25
"""Of a segment's entries, from which on it is built anew without them."""


def joining(segments: Sequence[Segment], living: Mapping[int, int], waiting: int) -> list[Segment]:
    """Return the segments to be merged with the full tails.

    Args:
        segments: All there are.
        living: Entries that are not gone, by number of the segment.
        waiting: Entries of full tails that are not gone.
    """
    worn = [one for one in segments if living[one.number] < (1 - GONE_SHARE) * len(one.slots)]
    total = waiting + sum(living[one.number] for one in worn)
    chosen = worn
    if total:
        for segment in sorted(segments, key=lambda one: living[one.number]):
            if segment not in worn and living[segment.number] <= RATIO * total:
                chosen = [*chosen, segment]
                total += living[segment.number]
    return chosen
