"""The series that forecasts are measured on: generated usage, and what statsmodels ships."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from statsmodels import datasets

from agents.analytics.forecasts.series import Series
from agents.analytics.forecasts.stamps import Form
from agents.analytics.forecasts.steps import Step

Floats = NDArray[np.float64]
Random = np.random.Generator

HOURLY, DAILY, WEEKLY = Step(seconds=3_600), Step(seconds=86_400), Step(seconds=604_800)
MONTHLY, QUARTERLY, YEARLY = Step(months=1), Step(months=3), Step(months=12)
HORIZONS = {HOURLY: 24, DAILY: 14, WEEKLY: 13, MONTHLY: 12, QUARTERLY: 8, YEARLY: 6}
START = datetime(2001, 1, 1)  # noqa: DTZ001 - a series without a zone


@dataclass(frozen=True, slots=True)
class Measured:
    """A series to measure on.

    Attributes:
        group: That it is told with.
        name: Its own.
        series: It.
    """

    group: str
    name: str
    series: Series


def series_of(values: object, step: Step) -> Series:
    """Return values as a series from some day on."""
    return Series(np.asarray(values, float), START, step, Form("%Y-%m-%d", "T", "%H:%M:%S"))


def generated(each: int, seed: int) -> Iterator[Measured]:
    """Yield so many series of each kind of usage."""
    for kind, (make, step) in enumerate(KINDS):
        for number in range(each):
            random = np.random.default_rng((seed, kind, number))
            name = make.__name__.lstrip("_")
            yield Measured(f"generated {name}", f"{name} {number}", series_of(make(random), step))


def _day(random: Random, count: int) -> Floats:
    """How usage goes through a day, and through a week."""
    hours = np.arange(count)
    peak, width = random.uniform(9, 17), random.uniform(2.5, 6)
    distance = np.minimum((hours - peak) % 24, (peak - hours) % 24)
    weekend = np.where(hours // 24 % 7 >= 5, random.uniform(0.2, 1.0), 1.0)
    return np.asarray((random.uniform(0.05, 0.6) + np.exp(-0.5 * (distance / width) ** 2)) * weekend)


def _noisy(random: Random, level: Floats, most: float = 0.3) -> Floats:
    """Requests counted: more uneven than chance alone, and from hour to hour alike."""
    memory, size = random.uniform(0, 0.8), random.uniform(0.03, most)
    shocks = random.normal(0, size * np.sqrt(1 - memory**2), len(level))
    for place in range(1, len(level)):
        shocks[place] += memory * shocks[place - 1]
    return random.poisson(np.maximum(level * np.exp(shocks - size**2 / 2), 0.0)).astype(float)


def _hourly(random: Random) -> Floats:
    count = int(random.integers(14, 43)) * 24
    growth = np.exp(random.normal(0, 0.01) * np.arange(count) / 24)
    return _noisy(random, 10 ** random.uniform(1, 4) * growth * _day(random, count))


def _hourly_spend(random: Random) -> Floats:
    requests = _hourly(random)
    return np.asarray(requests * random.lognormal(0, random.uniform(0.05, 0.3), len(requests)) * 0.0013)


def _daily(random: Random) -> Floats:
    count = int(random.integers(60, 401))
    week = np.resize(np.append(np.ones(5), random.uniform(0.2, 1.0, 2)) * random.uniform(0.9, 1.1, 7), count)
    growth = 1 + random.uniform(-0.5, 2.0) * np.arange(count) / count
    return _noisy(random, 10 ** random.uniform(1.5, 5) * growth * week)


def _daily_shifted(random: Random) -> Floats:
    values = _daily(random)
    for place in random.integers(len(values) // 5, len(values), int(random.integers(1, 4))):
        values[place:] = np.round(values[place:] * random.uniform(0.3, 3.0))
    return values


def _daily_wandering(random: Random) -> Floats:
    count = int(random.integers(60, 301))
    steps = random.normal(random.normal(0, 0.003), random.uniform(0.01, 0.06), count)
    return _noisy(random, 10 ** random.uniform(2, 5) * np.exp(np.cumsum(steps)), 0.1)


def _daily_sparse(random: Random) -> Floats:
    count = int(random.integers(80, 301))
    busy = random.random(count) < random.uniform(0.1, 0.7)
    return np.where(busy, 1 + random.poisson(10 ** random.uniform(0, 2), count), 0).astype(float)


def _hourly_sparse(random: Random) -> Floats:
    count = int(random.integers(14, 36)) * 24
    return random.poisson(random.uniform(0.3, 2.0) * _day(random, count)).astype(float)


def _monthly(random: Random) -> Floats:
    count = int(random.integers(36, 121))
    year = 1 + random.uniform(0.02, 0.3) * np.sin(2 * np.pi * (np.arange(count) / 12 + random.random()))
    growth = np.exp(np.cumsum(random.normal(random.normal(0.005, 0.01), 0.01, count)))
    return np.asarray(
        10 ** random.uniform(2, 5) * growth * year * random.lognormal(0, random.uniform(0.01, 0.1), count)
    )


def _short(random: Random) -> Floats:
    count = int(random.integers(20, 40))
    week = np.resize(random.uniform(0.6, 1.4, 7), count)
    return _noisy(
        random, 10 ** random.uniform(1.5, 4) * (1 + random.uniform(-0.3, 1) * np.arange(count) / count) * week
    )


KINDS = (
    (_hourly, HOURLY),
    (_hourly_spend, HOURLY),
    (_daily, DAILY),
    (_daily_shifted, DAILY),
    (_daily_wandering, DAILY),
    (_daily_sparse, DAILY),
    (_hourly_sparse, HOURLY),
    (_monthly, MONTHLY),
    (_short, DAILY),
)


def shipped() -> Iterator[Measured]:
    """Yield the series over time that come with statsmodels, none of them left out for what it is like."""
    weekly = datasets.co2.load_pandas().data["co2"]
    yield _shipped("co2", "weekly", weekly.to_numpy(), WEEKLY)
    yield _shipped("co2", "monthly", weekly.resample("MS").mean().interpolate().to_numpy(), MONTHLY)
    yield _shipped("sunspots", "activity", datasets.sunspots.load_pandas().data["SUNACTIVITY"], YEARLY)
    yield _shipped("elnino", "temperature", datasets.elnino.load_pandas().data.to_numpy()[:, 1:].ravel(), MONTHLY)
    yield _shipped("nile", "volume", datasets.nile.load_pandas().data["volume"], YEARLY)
    tables = (
        ("macrodata", datasets.macrodata, QUARTERLY, ("year", "quarter")),
        ("danish_data", datasets.danish_data, QUARTERLY, ()),
        ("interest_inflation", datasets.interest_inflation, QUARTERLY, ("year", "quarter")),
        ("copper", datasets.copper, YEARLY, ("TIME",)),
        ("longley", datasets.longley, YEARLY, ("YEAR",)),
    )
    for name, module, step, without in tables:
        table = module.load_pandas().data
        for column in table.columns:
            if column not in without:
                yield _shipped(name, str(column), table[column], step)
    for firm, table in datasets.grunfeld.load_pandas().data.groupby("firm"):
        for column in ("invest", "value", "capital"):
            yield _shipped("grunfeld", f"{firm} {column}", table.sort_values("year")[column], YEARLY)
    for _, row in datasets.fertility.load_pandas().data.iterrows():
        values = row.iloc[4:].to_numpy(float)
        known = np.flatnonzero(~np.isnan(values))
        if len(known) > 2 * HORIZONS[YEARLY]:
            yield _shipped("fertility", str(row["Country Name"]), values[known[0] : known[-1] + 1], YEARLY)


def _shipped(group: str, name: str, values: object, step: Step) -> Measured:
    return Measured(f"shipped {group}", f"{group} {name}", series_of(values, step))
