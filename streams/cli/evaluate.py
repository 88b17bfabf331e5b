"""`asahi evaluate`: how good Asahi is, measured on recorded data. Each measure lives in the room that it is of."""

from __future__ import annotations

import click

from streams.cli.lazy import Entry, LazyCommands

MEASURES = {
    "anomalies": Entry(
        "agents.analytics.anomalies.evaluation.command:anomalies", "Score every point of recorded streams."
    ),
    "cache": Entry("agents.cache.evaluation.command:cache", "Look up pairs of questions in the semantic cache."),
    "cost": Entry("agents.providers.usage.evaluation:cost", "Price recorded usage bodies of providers."),
    "forecast": Entry("agents.analytics.forecasts.command:forecast_command", "Forecast series, with intervals."),
    "routing": Entry("agents.routing.learning.evaluation:routing", "Show cost against quality on recorded outcomes."),
}


@click.group(cls=LazyCommands, entries=MEASURES)
def evaluate() -> None:
    """Measure Asahi on recorded data."""
