"""Watching one organization: a detector per metric, fed minute by minute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from agents.analytics.anomalies.deviation import DeviationDetector
from agents.analytics.anomalies.episodes import Episode, Episodes
from agents.analytics.anomalies.expectation import Expected
from agents.analytics.anomalies.figures import NATURES, Figures, amount_of
from agents.analytics.anomalies.gathering import Gathered
from agents.analytics.anomalies.mix import Mix
from agents.analytics.anomalies.rareness import score_of
from agents.analytics.anomalies.typical import Logs, TypicalDetector
from schemas.analytics_settings import AnalyticsSettings
from schemas.anomaly import Metric

MINUTE = 60
TOKENS_PER_REQUEST = 100.0
"""A request of so many tokens is a small one."""


Detector = DeviationDetector | TypicalDetector


@dataclass(frozen=True, slots=True)
class Least:
    """What a minute must be off by to be worth telling.

    Attributes:
        requests: In requests.
        usd: In dollars.
        times: So many times more, or less, than expected.
    """

    requests: float
    usd: float
    times: float

    @classmethod
    def configured(cls, settings: AnalyticsSettings) -> Self:
        """Return what is configured."""
        return cls(float(settings.least_requests), settings.least_usd, settings.least_times)

    def is_exceeded(self, metric: Metric, value: float, expected: float) -> bool:
        """Return whether a minute is so far off what was expected, in a direction that anybody would be told of."""
        nature, off = NATURES[metric], value - expected
        if abs(off) < self._of(metric, expected):
            return False
        if nature.times and expected / self.times < value < expected * self.times:
            return False
        return nature.upwards if off > 0 else nature.downwards

    def _of(self, metric: Metric, expected: float) -> float:
        nature = NATURES[metric]
        if not nature.counted:
            return max(nature.least, nature.least_part * expected)
        if metric is Metric.SPEND:
            return self.usd
        return self.requests * (TOKENS_PER_REQUEST if metric is Metric.TOKENS else 1.0)


@dataclass(frozen=True, slots=True)
class Turn:
    """An episode that a minute opened or, `over`, ended."""

    metric: Metric
    episode: Episode


class _Series:
    __slots__ = ("detector", "episodes", "gathered")

    def __init__(self, detector: Detector, episodes: Episodes, gathered: Gathered) -> None:
        self.detector = detector
        self.episodes = episodes
        self.gathered = gathered


class _Reading(NamedTuple):
    value: float
    expected: Expected | None
    surprise: float


class Watch:
    """What is known of one organization's usage.

    Args:
        minute: The last one that was judged, in minutes since 1970.
        least: What is worth telling.

    Attributes:
        minute: See there.
        quiet: Known minutes in a row without any request.
    """

    def __init__(self, minute: int, least: Least) -> None:
        self.minute = minute
        self.quiet = 0
        self._least = least
        self._mix = Mix()
        self._series = {metric: _Series(_detector(metric), Episodes(), Gathered()) for metric in Metric}

    def add(self, minute: int, figures: Figures | None) -> list[Turn]:
        """Judge the next minute, and learn it.

        Args:
            minute: Later than those before, in minutes since 1970.
            figures: Of the minute; None when the system was down in it, so that nothing is known.

        Returns:
            What opened or ended.
        """
        self.minute = minute
        if figures is None:
            return []
        self.quiet = 0 if figures.requests else self.quiet + 1
        turns = []
        for metric, series in self._series.items():
            at = float(minute * MINUTE)
            reading = self._read(metric, series, figures, at)
            if reading is None:
                continue
            value, expected, surprise = reading
            told = expected is not None and self._least.is_exceeded(metric, value, expected.mean)
            episode = series.episodes.add(at, value, score_of(surprise) if told else 0.0, expected)
            if episode is not None:
                turns.append(Turn(metric, episode))
        return turns

    def going_on(self, metric: Metric) -> Episode | None:
        """Return the episode of a metric that is open."""
        return self._series[metric].episodes.going_on

    def _read(self, metric: Metric, series: _Series, figures: Figures, at: float) -> _Reading | None:
        """Return what a minute says of a metric, which learns it; None where it says nothing yet."""
        detector = series.detector
        if isinstance(detector, TypicalDetector):
            logs = Logs(figures.paid, figures.log_usd, figures.log_usd_squares)
            typical = detector.judge(logs)
            detector.learn_one(logs)
            if typical.value is None or not figures.paid:
                return None
            return _Reading(typical.value, typical.expected, typical.surprise)
        value = self._value(metric, series, figures)
        if value is None:
            return None
        judged = detector.judge(at, value)
        detector.learn_one(at, value)
        return _Reading(value, judged.expected, judged.surprise)

    def _value(self, metric: Metric, series: _Series, figures: Figures) -> float | None:
        if NATURES[metric].counted:
            return amount_of(metric, figures)
        if metric is Metric.MODEL_MIX:
            return series.gathered.add_mix(self._mix, figures)
        return series.gathered.add(metric, figures)

    def state(self) -> dict[str, Any]:
        """Return everything that is needed to go on elsewhere, as plain data."""
        return {
            "quiet": self.quiet,
            "mix": self._mix.state(),
            "series": {
                metric.value: {
                    "detector": series.detector.state(),
                    "episodes": series.episodes.state(),
                    "gathered": series.gathered.state(),
                }
                for metric, series in self._series.items()
            },
        }

    @classmethod
    def restored(cls, minute: int, least: Least, state: Mapping[str, Any]) -> Self:
        """Return the watch that `state` was taken from, at its minute; a metric that it does not know begins anew."""
        watch = cls(minute, least)
        watch.quiet = state["quiet"]
        watch._mix = Mix.restored(state["mix"])
        for name, kept in state["series"].items():
            watch._series[Metric(name)] = _Series(
                type(watch._series[Metric(name)].detector).restored(kept["detector"]),
                Episodes.restored(kept["episodes"]),
                Gathered.restored(kept["gathered"]),
            )
        return watch


def _detector(metric: Metric) -> Detector:
    if metric is Metric.CALL_COST:
        return TypicalDetector()
    return DeviationDetector(counts=metric is Metric.REQUESTS)
