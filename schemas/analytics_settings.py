"""The settings of anomaly detection and forecasts; see `schemas/settings.py` for where they are read from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from schemas.section import Count, Seconds, Section


class AnalyticsSettings(Section):
    """What the analyst does: the process that finds anomalies while they happen, and forecasts.

    Attributes:
        enabled: Run it; off means that nothing of this section happens.
        grace_seconds: How long after a minute's end its last results may still reach the log.
        warm_up_days: How much of an organization's past teaches what is usual, when nothing is known of it yet.
        organizations: Most organizations that one analyst watches; some 0.9 MB each.
        least_requests: Requests that a minute must be off by to be strange.
        least_usd: Dollars that a minute's spend must be off by to be strange.
        least_times: So many times more, or less, than expected must amounts and costs be to be strange.
        snapshot_seconds: Between two notes of what is known of an organization; what is judged since is judged again
            after a restart.
        forecasts: Forecast spend, requests and budgets.
        forecast_hours: Between two forecasts by the hour.
        forecast_series: Most series of one analyst by the hour, and by the day; those that spend most come first.
        forecast_seconds: Longest time that a round of forecasts may take; what is left waits for the next.
        forecast_methods: Methods tried for each series, which bounds the time it takes.
        webhooks: URLs that are told of anomalies, separated by spaces. Never logged, since they may hold secrets.
        webhook_secret: Signs what they are told. Never logged; set it by environment.
        webhook_timeout_seconds: Longest wait for their answer.
        webhook_patience_seconds: How long one that does not take an event is tried again.
    """

    enabled: bool = True
    grace_seconds: Seconds = 3.0
    warm_up_days: Annotated[int, Field(ge=1, le=60)] = 14
    organizations: Count = 1_000
    least_requests: Count = 5
    least_usd: Annotated[float, Field(ge=0)] = 0.01
    least_times: Annotated[float, Field(ge=1)] = 1.5
    snapshot_seconds: Seconds = 3_600.0
    forecasts: bool = True
    forecast_hours: Count = 1
    forecast_series: Count = 1_000
    forecast_seconds: Seconds = 1_800.0
    forecast_methods: Annotated[int, Field(ge=1, le=20)] = 14
    webhooks: SecretStr = SecretStr("")
    webhook_secret: SecretStr = SecretStr("")
    webhook_timeout_seconds: Seconds = 10.0
    webhook_patience_seconds: Seconds = 3_600.0

    @property
    def webhook_urls(self) -> tuple[str, ...]:
        """The URLs one by one."""
        return tuple(self.webhooks.get_secret_value().split())
