"""How many incidents are found in generated usage, how soon, and how many alarms are false.

`python -m benchmarks.incidents` generates usage by the minute (`benchmarks.usage_series`), once without incidents, to
count false alarms by series and week, and once with one a day, to count those that opened an episode within five
minutes. The first two weeks only teach. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agents.analytics.anomalies.figures import Figures
from agents.analytics.anomalies.watch import Least, Watch
from benchmarks.usage_series import (
    KINDS,
    MINUTES_OF_DAY,
    MINUTES_OF_WEEK,
    Floats,
    Incident,
    Organization,
    incident_of,
    organizations,
    usage,
)
from schemas.analytics_settings import AnalyticsSettings
from schemas.anomaly import Metric

METRICS = (Metric.REQUESTS, Metric.SPEND, Metric.CALL_COST)
"""Those of which something is generated."""
TAUGHT_WEEKS = 2
WITHIN = 5
MARGIN = 120
"""Minutes that an incident keeps from the ends of its day, so that two are not taken for one."""
SEED = 11


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organizations", type=int, default=8)
    parser.add_argument("--weeks", type=int, default=2, help="Measured, after the two that teach.")
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    print(json.dumps(measured(given.organizations, given.weeks, given.seed), indent=2))


def measured(count: int, weeks: int, seed: int) -> dict[str, Any]:
    """Return false alarms by series and week, and the share of incidents found in time."""
    alarms: Counter[str] = Counter()
    there: Counter[str] = Counter()
    found: Counter[str] = Counter()
    points, begun = 0, time.process_time()
    rows = []
    for number, organization in enumerate(organizations(count, np.random.default_rng(seed))):
        rng = np.random.default_rng((seed, number))
        clean = usage(organization, TAUGHT_WEEKS + weeks, (), rng)
        incidents = _incidents(organization, weeks, rng)
        struck = usage(organization, TAUGHT_WEEKS + weeks, incidents, rng)
        false = {metric.value: len(minutes) for metric, minutes in opened(clean).items()}
        alarms.update(false)
        starts = [start for minutes in opened(struck).values() for start in minutes]
        missed = [each for each in incidents if not _in_time(each, starts)]
        there.update(each.kind for each in incidents)
        found.update(each.kind for each in incidents if each not in missed)
        points += 2 * len(METRICS) * len(clean["requests"])
        rows.append(
            {"peak": round(organization.peak), "false": false, "missed": dict(Counter(m.kind for m in missed))}
        )
    return {
        "false_alarms_per_series_and_week": round(alarms.total() / (count * len(METRICS) * weeks), 3),
        "false_alarms": dict(alarms),
        "series_weeks": count * len(METRICS) * weeks,
        "incidents": there.total(),
        f"found_within_{WITHIN}_minutes": round(found.total() / there.total(), 4),
        "by_kind": {kind: f"{found[kind]}/{there[kind]}" for kind in KINDS},
        "by_organization": rows,
        "us_per_point": round(1e6 * (time.process_time() - begun) / points, 1),
    }


def opened(sums: Mapping[str, Floats]) -> dict[Metric, list[int]]:
    """Return the minutes at which episodes of each metric opened, after those that teach."""
    watch = Watch(-1, Least.configured(AnalyticsSettings()))
    found: dict[Metric, list[int]] = {metric: [] for metric in METRICS}
    columns = zip(*(sums[name].tolist() for name in ("requests", "spend", "logs", "squares")), strict=True)
    for minute, (requests, usd, logs, squares) in enumerate(columns):
        count = int(requests)
        figures = Figures(requests=count, usd=usd, paid=count, log_usd=logs, log_usd_squares=squares)
        for turn in watch.add(minute, figures):
            if not turn.episode.over and minute >= TAUGHT_WEEKS * MINUTES_OF_WEEK:
                found[turn.metric].append(minute)
    return found


def _in_time(incident: Incident, minutes: Sequence[int]) -> bool:
    return any(incident.start <= minute < incident.start + WITHIN for minute in minutes)


def _incidents(organization: Organization, weeks: int, rng: np.random.Generator) -> list[Incident]:
    """Return one incident a day, each kind in turn."""
    found = []
    for day in range(7 * TAUGHT_WEEKS, 7 * (TAUGHT_WEEKS + weeks)):
        first, last = day * MINUTES_OF_DAY + MARGIN, (day + 1) * MINUTES_OF_DAY - MARGIN
        found.append(incident_of(KINDS[day % len(KINDS)], organization, first, last, rng))
    return found


if __name__ == "__main__":
    main()
