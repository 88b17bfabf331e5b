"""Forecasts of many series, on one processor or several; none is lost by what is wrong with another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from threadpoolctl import threadpool_limits

from agents.analytics.forecasts.files import Given
from agents.analytics.forecasts.forecast import Budget, Forecast, forecast
from agents.analytics.forecasts.series import Gaps, Series, regular
from schemas.errors import ConfigurationError

WORTH_A_PROCESS = 20
"""Series: a process takes some seconds to start."""
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one series: a forecast, or why there is none."""

    name: str
    series: Series | None = None
    found: Forecast | None = None
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of each series.

    Attributes:
        horizon: Steps ahead.
        gaps: What a missing point means.
        budget: What a forecast may take.
    """

    horizon: int
    gaps: Gaps
    budget: Budget


def outcomes(given: Mapping[str, Given], wanted: Wanted, processes: int) -> Iterator[Outcome]:
    """Yield what becomes of each series, in their order; the same for any number of processes."""
    one = partial(_one, wanted)
    processes = min(processes, len(given) // WORTH_A_PROCESS)
    if processes <= 1:
        with threadpool_limits(1, user_api="blas"):  # many small products: threads would only wait for each other
            yield from map(one, given.items())
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), partial(threadpool_limits, 1, "blas")) as pool:
        yield from pool.map(one, given.items(), chunksize=AT_ONCE)


def _one(wanted: Wanted, item: tuple[str, Given]) -> Outcome:
    name, given = item
    if given.wrong is not None:
        return Outcome(name, wrong=given.wrong)
    try:
        series = regular(given.points, wanted.gaps)
        series.moment(wanted.horizon)
    except ConfigurationError as wrong:
        return Outcome(name, wrong=str(wrong))
    except (OverflowError, ValueError):
        return Outcome(name, wrong=f"timestamp: {wanted.horizon} steps lead beyond the year 9999; ask for fewer")
    return Outcome(name, series, forecast(series, wanted.horizon, wanted.budget))
