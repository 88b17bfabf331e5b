"""Generated usage of organizations by the minute, with incidents put into it.

Requests follow a daily and a weekly rhythm, grow, and are noisier than chance alone: a slow swing of demand, a jitter
from minute to minute, and chance. What a request costs has a long tail. Small organizations send a few requests a
minute by day and hardly any by night. An incident starts at the time of a random request, as incidents do, not at a
random minute: one in an empty night is seen when the day begins, by people as by detectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MINUTES_OF_DAY = 1_440
MINUTES_OF_WEEK = 7 * MINUTES_OF_DAY
KINDS = ("dear_model", "runaway_user", "retry_loop", "silent_drop")
WEEKEND = 5
DAYTIME = 480
"""Minutes around noon that are wholly of their own day; one blends into the next over the night."""
COST = 0.004
COST_SPREAD = 1.2
SWING, SWING_MEMORY = 0.12, 180.0
JITTER = 0.1

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Organization:
    """How one organization uses models.

    Attributes:
        peak: Requests a minute at the busiest time of a working day.
        night: Share of the peak that is left at night.
        weekend: Share of a working day's traffic on a day of the weekend.
        growth: By how much it grows in a week.
        noon: Hour of the day that is busiest.
    """

    peak: float
    night: float
    weekend: float
    growth: float
    noon: float


@dataclass(frozen=True)
class Incident:
    """Something that went wrong, from minute `start` for `minutes`."""

    kind: str
    start: int
    minutes: int


def organizations(count: int, rng: np.random.Generator) -> list[Organization]:
    """Return organizations from small ones to large ones."""
    return [
        Organization(
            peak=float(peak),
            night=float(rng.uniform(0.01, 0.3)),
            weekend=float(rng.uniform(0.15, 1)),
            growth=float(rng.uniform(-0.02, 0.08)),
            noon=float(rng.uniform(11, 17)),
        )
        for peak in np.geomspace(10, 2_000, count)
    ]


def expected_requests(organization: Organization, minutes: int) -> Floats:
    """Return requests a minute without any noise."""
    minute = np.arange(minutes)
    hour = (minute % MINUTES_OF_DAY) / 60
    away = np.abs((hour - organization.noon + 12) % 24 - 12)
    day = np.exp(-((away / 5.0) ** 4) * np.log(2))
    level = organization.night + (1 - organization.night) * day
    middles = (np.arange(-1, minutes // MINUTES_OF_DAY + 2) + 0.5) * MINUTES_OF_DAY
    of_day = np.where(middles // MINUTES_OF_DAY % 7 >= WEEKEND, organization.weekend, 1.0)
    edges = np.concatenate([[middle - DAYTIME, middle + DAYTIME] for middle in middles])
    weekend = np.interp(minute, edges, np.repeat(of_day, 2))
    growth = (1 + organization.growth) ** (minute / MINUTES_OF_WEEK)
    return np.asarray(organization.peak * level * weekend * growth)


def usage(
    organization: Organization, weeks: int, incidents: Sequence[Incident], rng: np.random.Generator
) -> dict[str, Floats]:
    """Return what there is of everything in each minute, with `incidents` in it.

    Returns:
        `requests`; `spend` in dollars; and `logs`, the sum of the natural logarithms of what requests cost, with
        `squares`, that of the squares of these.
    """
    minutes = weeks * MINUTES_OF_WEEK
    rate = expected_requests(organization, minutes)
    rate = rate * np.exp(_swing(minutes, rng) + JITTER * rng.standard_normal(minutes))
    price = np.full(minutes, COST)
    extra, extra_price = np.zeros(minutes), np.zeros(minutes)
    for incident in incidents:
        at = slice(incident.start, incident.start + incident.minutes)
        usual = rate[at].mean()
        if incident.kind == "dear_model":
            price[at] *= 3
        elif incident.kind == "runaway_user":
            extra[at], extra_price[at] = 2 * usual, COST
        elif incident.kind == "retry_loop":
            extra[at], extra_price[at] = max(60.0, 2 * usual), COST / 8
        elif incident.kind == "silent_drop":
            rate[at] = 0
    sent, more = rng.poisson(rate), rng.poisson(extra)
    usual, added = _costs(sent, price, rng), _costs(more, extra_price, rng)
    sums = {name: usual[name] + added[name] for name in usual}
    return {"requests": (sent + more).astype(np.float64), **sums}


def incident_of(kind: str, organization: Organization, first: int, last: int, rng: np.random.Generator) -> Incident:
    """Return an incident of a kind that starts with a random request between two minutes."""
    rate = expected_requests(organization, last)[first:]
    start = first + int(rng.choice(len(rate), p=rate / rate.sum()))
    return Incident(kind, start, 20 if kind == "dear_model" else int(rng.integers(20, 60)))


def _swing(minutes: int, rng: np.random.Generator) -> Floats:
    """Return a slow random swing of demand around 0 (an Ornstein-Uhlenbeck process by the minute)."""
    keep = np.exp(-1 / SWING_MEMORY)
    steps = rng.standard_normal(minutes) * SWING * np.sqrt(1 - keep * keep)
    swing = np.empty(minutes)
    now = SWING * rng.standard_normal()
    for minute, step in enumerate(steps):
        now = keep * now + step
        swing[minute] = now
    return swing


def _costs(requests: NDArray[np.int64], price: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Return sums over the log-normally distributed costs of the requests in each minute."""
    total = int(requests.sum())
    logs = COST_SPREAD * rng.standard_normal(total) - COST_SPREAD**2 / 2
    logs += np.repeat(np.log(np.where(price > 0, price, 1.0)), requests)
    ends = np.cumsum(requests)
    each = {"spend": np.exp(logs), "logs": logs, "squares": logs * logs}
    sums = {name: np.concatenate([[0.0], np.cumsum(values)]) for name, values in each.items()}
    return {name: np.asarray(total[ends] - total[ends - requests]) for name, total in sums.items()}
