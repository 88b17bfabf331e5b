"""Which methods compete for a series, the most promising first."""

from __future__ import annotations

from agents.analytics.forecasts.methods.adjusted import adjusted
from agents.analytics.forecasts.methods.arima import AUTOREGRESSION, arima
from agents.analytics.forecasts.methods.method import Method, Seasons
from agents.analytics.forecasts.methods.plain import DRIFT, MEAN, NAIVE, seasonal_mean, seasonal_naive
from agents.analytics.forecasts.methods.smoothing import THETA, ets
from agents.analytics.forecasts.scale import Scale

LONGEST_STATE = 24
"""Seasons longer than this are taken out before smoothing: a state for each phase learns too slowly."""
LONGEST_SARIMAX = 12
"""Seasons longer than this would make SARIMAX slow."""


def baseline(seasons: Seasons) -> Method:
    """Return what every other method must beat."""
    return seasonal_naive(seasons.main) if seasons.main > 1 else NAIVE


def candidates(seasons: Seasons, scale: Scale, budget: int, learnt: int) -> list[Method]:
    """Return so many methods at most that can be fitted to so many values; the baseline is among them."""
    found = _seasonal(seasons, scale) if seasons.main > 1 else _seasonless(scale)
    return [method for method in found if method.needs <= learnt][: max(1, budget)]


def _seasonal(seasons: Seasons, scale: Scale) -> list[Method]:
    main, longest = seasons.main, seasons.all[-1]
    cycles = 2 * main
    own = [ets(trend=True, seasonal=True), ets(trend=False, seasonal=True)] if main <= LONGEST_STATE else []
    slow = [arima((0, 1, 1), (0, 1, 1))] if main <= LONGEST_SARIMAX else []
    inner = [ets(trend=True, seasonal=False), THETA, arima((1, 0, 1), constant=True), AUTOREGRESSION]
    more = [ets(trend=False, seasonal=False), ets(trend=True, seasonal=False, damped=False), arima((0, 1, 1))]
    return [
        seasonal_naive(main),
        seasonal_mean(longest, 4).needing(2 * longest),
        *(scale.of(method.needing(cycles)) for method in own),
        *(scale.of(adjusted(method).needing(cycles)) for method in inner),
        *(scale.of(method.needing(cycles)) for method in slow),
        NAIVE,
        *([seasonal_naive(longest), seasonal_mean(main, 4).needing(cycles)] if longest != main else []),
        seasonal_mean(longest, 8).needing(5 * longest),
        *(scale.of(adjusted(method).needing(cycles)) for method in more),
        *(scale.of(method) for method in (THETA, AUTOREGRESSION)),
        MEAN,
        DRIFT,
    ]


def _seasonless(scale: Scale) -> list[Method]:
    fitted = [
        ets(trend=False, seasonal=False),
        ets(trend=True, seasonal=False),
        THETA,
        arima((1, 1, 1)),
        AUTOREGRESSION,
        arima((1, 0, 1), constant=True),
        ets(trend=True, seasonal=False, damped=False),
        arima((0, 2, 2)),
        arima((2, 0, 1), constant=True),
    ]
    return [NAIVE, MEAN, DRIFT, *(scale.of(method) for method in fitted)]
