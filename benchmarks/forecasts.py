"""How near forecasts come, and how honest their intervals are: on generated usage and on what statsmodels ships.

`python -m benchmarks.forecasts` holds the last steps of each series out, at several origins, forecasts them from what
comes before, and prints one JSON object. MASE is the mean absolute error over that of the seasonal-naive forecast one
season ahead within the history; a series counts as better where its mean over the origins is below that of the
seasonal-naive forecasts of the same steps. Where the naive error is nothing (a constant series), nothing is counted.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from agents.analytics.forecasts.backtest import naive_error
from agents.analytics.forecasts.exhaustion import runs
from agents.analytics.forecasts.forecast import Budget, forecast
from benchmarks.forecast_series import HORIZONS, Measured, generated, shipped

ORIGINS = 3
EACH = 40
SEED = 11
FEWEST = 8
"""Values before an origin."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What became of one series at one origin.

    Attributes:
        group: Of the series.
        name: Of the series.
        origin: From the last, 0, backwards.
        method: That was chosen.
        mase: Of the forecast.
        naive: Of the seasonal-naive forecast.
        inside: For each step, whether the truth was within the interval.
        total_inside: Whether the sum of all steps was within the 80 % of its simulated courses.
        width: Of the interval, over the same error as MASE.
        seconds: Of processor time.
    """

    group: str
    name: str
    origin: int
    method: str
    mase: float
    naive: float
    inside: tuple[bool, ...]
    total_inside: bool
    width: float
    seconds: float


def score(measured: Measured, origins: int, budget: Budget) -> list[Scored]:
    """Hold the end out, at so many origins as far as the series reaches."""
    values, found = measured.series.values, []
    horizon = HORIZONS[measured.series.step]
    for origin in range(origins):
        end = len(values) - origin * horizon
        if end - horizon < FEWEST:
            break
        history, truth = values[: end - horizon], values[end - horizon : end]
        if np.isnan(history[-1]):
            break
        series = replace(measured.series, values=history)
        begun = time.process_time()
        with threadpool_limits(1):
            said = forecast(series, horizon, budget)
        seconds = time.process_time() - begun
        period = next((each for each in series.periods if len(history) > 2 * each), 1)
        filled = history[~np.isnan(history)] if period == 1 else _filled(history)
        unit, naive = naive_error(filled, period), filled[len(filled) - period :][np.arange(horizon) % period]
        known = ~np.isnan(truth)
        if unit <= 0 or not known.any():
            continue
        off, naive_off = np.abs(said.mean - truth)[known].mean(), np.abs(naive - truth)[known].mean()
        inside = ((truth >= said.lower) & (truth <= said.upper))[known]
        least, most = np.quantile(runs(said)[:, known].sum(axis=1), [0.1, 0.9])
        total_inside = bool(least <= truth[known].sum() <= most)
        width = float((said.upper - said.lower).mean() / unit)
        found.append(
            Scored(
                measured.group, measured.name, origin, said.method, float(off / unit), float(naive_off / unit),
                tuple(inside.tolist()), total_inside, width, seconds,
            )
        )  # fmt: skip
    return found


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    places = np.arange(len(values))
    known = ~np.isnan(values)
    return np.interp(places, places[known], values[known])


def summary(scored: Sequence[Scored]) -> dict[str, object]:
    """Return what is worth knowing of some series."""
    by_name: dict[str, list[Scored]] = {}
    for each in scored:
        by_name.setdefault(each.name, []).append(each)
    means = [(np.mean([s.mase for s in own]), np.mean([s.naive for s in own])) for own in by_name.values()]
    last = [own[0] for own in by_name.values() if own[0].origin == 0]
    return {
        "series": len(by_name),
        "forecasts": len(scored),
        "better_than_naive": round(float(np.mean([mine < naive for mine, naive in means])), 3),
        "better_at_last_origin": round(float(np.mean([each.mase < each.naive for each in last])), 3),
        "mase": round(float(np.mean([mine for mine, _ in means])), 3),
        "naive_mase": round(float(np.mean([naive for _, naive in means])), 3),
        "coverage": round(float(np.mean(list(chain.from_iterable(each.inside for each in scored)))), 3),
        "coverage_of_series": round(float(np.mean([np.mean(each.inside) for each in scored])), 3),
        "coverage_of_totals": round(float(np.mean([each.total_inside for each in scored])), 3),
        "width": round(float(np.median([each.width for each in scored])), 2),
        "seconds": round(float(np.mean([each.seconds for each in scored])), 3),
        "most_seconds": round(max(each.seconds for each in scored), 2),
    }


def measure(every: Iterable[Measured], origins: int, budget: Budget, processes: int) -> list[Scored]:
    """Score all of them."""
    one = partial(score, origins=origins, budget=budget)
    if processes == 1:
        return list(chain.from_iterable(map(one, every)))
    with ProcessPoolExecutor(processes) as pool:
        return list(chain.from_iterable(pool.map(one, every, chunksize=4)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=EACH, help="generated series of each kind")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--origins", type=int, default=ORIGINS)
    parser.add_argument("--methods", type=int, default=Budget().methods)
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    every = [*generated(asked.each, asked.seed), *shipped()]
    scored = measure(every, asked.origins, Budget(methods=asked.methods), asked.processes)
    groups = sorted({each.group for each in scored})
    made = [each for each in scored if each.group.startswith("generated")]
    ours = [each for each in scored if not each.group.startswith("generated")]
    print(
        json.dumps(
            {
                "all": summary(scored),
                "generated": summary(made),
                "shipped": summary(ours),
                "shipped_without_fertility": summary([e for e in ours if e.group != "shipped fertility"]),
                "groups": {group: summary([each for each in scored if each.group == group]) for group in groups},
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
