"""What the analyst costs: watching organizations, and forecasting many series in its other process.

`python -m benchmarks.analyst` feeds generated usage to watches minute by minute, learns and restores some, and
forecasts series of four weeks of hours as the live system does. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import time
import tracemalloc
from typing import Any

import numpy as np
import psutil

from agents.analytics.anomalies.figures import Figures
from agents.analytics.anomalies.teaching import taught
from agents.analytics.anomalies.watch import Least, Watch
from agents.analytics.forecasts.usage import LEARNT, Past, all_made
from agents.analytics.live.aside import Aside
from agents.analytics.live.forecasting import AT_ONCE
from agents.analytics.live.notes import note_of
from benchmarks.usage_series import MINUTES_OF_DAY, organizations, usage
from schemas.analytics_settings import AnalyticsSettings
from schemas.forecast import Pace

MINUTES = 60
HOURS = 24
DAYS = 14
METHODS = 14
DRAWN, NOISE = 20, 0.1
SEED = 5
SUMS = ("requests", "spend", "logs", "squares")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organizations", type=int, default=20)
    parser.add_argument("--series", type=int, default=1_000)
    given = parser.parse_args()
    found = {"watching": watching(given.organizations), "forecasting": asyncio.run(forecasting(given.series))}
    print(json.dumps(found, indent=2))


def watching(count: int) -> dict[str, Any]:
    """Return what it takes to learn, keep, note, restore and judge organizations."""
    rng = np.random.default_rng(SEED)
    pasts = []
    for organization in organizations(count, rng):
        series = usage(organization, DAYS // 7, (), rng)
        columns = zip(*(series[name].tolist() for name in SUMS), strict=True)
        pasts.append({n: figures(int(requests), *sums) for n, (requests, *sums) in enumerate(columns) if requests})
    least = Least.configured(AnalyticsSettings())
    began = time.process_time()
    watches = [taught(past, DAYS * MINUTES_OF_DAY - 1, (), least) for past in pasts]
    learnt = time.process_time() - began
    began = time.process_time()
    for n in range(MINUTES):
        for past, watch in zip(pasts, watches, strict=True):
            watch.add(DAYS * MINUTES_OF_DAY + n, past.get(n, Figures()))
    judged = time.process_time() - began
    notes = [note_of(str(n), watch) for n, watch in enumerate(watches)]
    states = [watch.state() for watch in watches]
    began = time.process_time()
    restored = [Watch.restored(0, least, state) for state in states]
    took = time.process_time() - began
    del restored
    text = json.dumps(states[0])  # so that no number is shared with another state
    tracemalloc.start()
    kept = Watch.restored(0, least, json.loads(text))
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept.minute == 0
    return {
        "learn_14_days_seconds": round(learnt / count, 2),
        "judge_a_minute_ms": round(1e3 * judged / count / MINUTES, 3),
        "restore_ms": round(1e3 * took / count, 1),
        "note_bytes": sum(len(note.value or b"") for note in notes) // count,
        "memory_bytes": size,
    }


def figures(requests: int, usd: float, logs: float, squares: float) -> Figures:
    """Return a minute with so many requests."""
    return Figures(
        requests,
        usd,
        requests * 700,
        requests // 50,
        requests // 2,
        requests // 2 * 6.5,
        requests,
        logs,
        squares,
        requests - requests // 2,
        {"small": requests - requests // 3, "large": requests // 3},
    )


async def forecasting(count: int) -> dict[str, Any]:
    """Return what it takes to forecast four weeks of hours, in batches in another process."""
    rng = np.random.default_rng(SEED)
    hours = LEARNT[Pace.HOUR]
    pasts = []
    made_up = [usage(each, hours // HOURS // 7, (), rng) for each in organizations(DRAWN, rng)]
    for number in range(count):  # as many as are asked for, of few that take long to make: each with noise of its own
        by_hour = made_up[number % DRAWN][SUMS[number // DRAWN % 2]].reshape(hours, 60).sum(axis=1)
        pasts.append(Past(Pace.HOUR, 0, (by_hour * rng.lognormal(0.0, NOISE, hours)).tolist()))
    aside, began, slowest, own, errors = Aside(), time.monotonic(), 0.0, time.process_time(), []
    ticks = asyncio.create_task(_late())
    with aside.kept():
        for start in range(0, count, AT_ONCE):
            asked = time.monotonic()
            made = await aside(all_made, pasts[start : start + AT_ONCE], METHODS)
            slowest = max(slowest, (time.monotonic() - asked) / AT_ONCE)
            errors += [(m.mase, m.naive_mase, m.coverage) for m in made if m and m.mase and m.naive_mase]
        seconds = time.monotonic() - began
        memory = psutil.Process(await aside(os.getpid)).memory_info().rss
    ticks.cancel()
    await asyncio.wait([ticks])
    own = time.process_time() - own
    await asyncio.to_thread(time.sleep, 2)  # the other process ends
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "series": count,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(children.ru_utime + children.ru_stime, 1),
        "cpu_seconds_of_the_loop": round(own, 2),
        "memory_mb": round(memory / 1e6),
        "slowest_ms_per_series": round(1e3 * slowest),
        "nearer_than_naive": round(float(np.mean([mase < naive for mase, naive, _ in errors])), 3),
        "median_mase": round(float(np.median([mase for mase, _, _ in errors])), 3),
        "median_coverage": round(float(np.median([coverage for _, _, coverage in errors])), 3),
        "loop_late_ms": round(1e3 * LATE[0], 1),
    }


LATE = [0.0]


async def _late() -> None:
    """Notice by how much the loop was late at worst."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.01)
        LATE[0] = max(LATE[0], time.monotonic() - before - 0.01)


if __name__ == "__main__":
    main()
