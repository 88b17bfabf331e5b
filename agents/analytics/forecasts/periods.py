"""Seasons: those that a step suggests, those that the values show, and how much of each there is."""

from __future__ import annotations

import numpy as np

from agents.analytics.forecasts.methods.method import Floats
from agents.analytics.forecasts.steps import DAY, MONTHS, WEEK, WORKING_DAYS, Step

HOUR = 3_600
WEEKS_IN_YEAR = 52
DAYS_IN_YEAR = 365
SIGNIFICANT = 0.3
LONGEST_SHARE = 3
FEWEST = 3


def natural_periods(step: Step) -> tuple[int, ...]:
    """Return the seasons that a series of this step may have, in steps, the most usual first."""
    if step.months:
        return (MONTHS // step.months,) if MONTHS % step.months == 0 and step.months < MONTHS else ()
    if step.working_days:
        return (WORKING_DAYS,)
    lengths = (DAY, WEEK) if step.seconds >= 60 else (HOUR, DAY)
    if step.seconds == WEEK:
        return (WEEKS_IN_YEAR,)
    if step.seconds == DAY:
        return (7, DAYS_IN_YEAR)
    return tuple(
        int(length // step.seconds) for length in lengths if length % step.seconds == 0 and step.seconds < length
    )


def cycle_in(values: Floats) -> int | None:
    """Return the length of the cycle that the values show themselves, if they do."""
    count = len(values)
    longest = count // LONGEST_SHARE
    if longest < FEWEST:
        return None
    line = np.polyval(np.polyfit(np.arange(count), values, 1), np.arange(count))
    rest = values - line
    power = float(rest @ rest)
    if power <= 1e-12 * float(values @ values):
        return None
    likeness = np.array(
        [float(rest[lag:] @ rest[:-lag]) / power * count / (count - lag) for lag in range(1, longest + 1)]
    )
    peaks = [
        lag
        for lag in range(2, longest)
        if likeness[lag - 1] > max(likeness[lag - 2], likeness[lag], SIGNIFICANT, 2 / count**0.5)
    ]
    return max(peaks, key=lambda lag: likeness[lag - 1]) if peaks else None
