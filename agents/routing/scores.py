"""How good candidates are by a request's own weights."""

from __future__ import annotations

from collections.abc import Sequence

from agents.routing.fit import Candidate


def scores(candidates: Sequence[Candidate], weights: tuple[float, float, float]) -> dict[str, float]:
    """Return each candidate's score in [0, 1] by model name.

    Quality, cost and latency are spread over [0, 1] between the worst and the best of the candidates, so that a
    weight means the same whatever the unit; where all are equal, all get 1. The score is the weighted mean. It says
    how candidates of one request compare, and nothing across requests.
    """
    total = sum(weights) or 1.0
    quality, cost, latency = (weight / total for weight in weights)
    good = _spread([candidate.quality for candidate in candidates])
    cheap = _spread([-float(candidate.cost) for candidate in candidates])
    quick = _spread([-candidate.latency_ms for candidate in candidates])
    return {
        candidate.spec.name: quality * good[i] + cost * cheap[i] + latency * quick[i]
        for i, candidate in enumerate(candidates)
    }


def _spread(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    if low == high:
        return [1.0] * len(values)
    return [(value - low) / (high - low) for value in values]
