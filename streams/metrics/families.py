"""From a figure and its values to what Prometheus' library writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import accumulate

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from streams.metrics.catalogue import Figure, Kind

Number = int | float | Decimal
Labels = tuple[str, ...]


def family(figure: Figure, values: Iterable[tuple[Labels, Number]], labels: Sequence[str] | None = None) -> Metric:
    """Return a counter or gauge with its values by their labels.

    Args:
        figure: Which one.
        values: Each with the labels' values, in the order of their names.
        labels: Their names, where they are not those of the catalogue.
    """
    kind = CounterMetricFamily if figure.kind is Kind.COUNTER else GaugeMetricFamily
    made = kind(figure.name, figure.meaning, labels=list(figure.labels if labels is None else labels))
    for texts, value in values:
        made.add_metric(list(texts), float(value))
    return made


def single(figure: Figure, value: Number) -> Metric:
    """Return a counter or gauge without labels."""
    return family(figure, [((), value)])


def histogram(figure: Figure, rows: Iterable[tuple[Labels, Sequence[int], float]]) -> Metric:
    """Return a histogram.

    Args:
        figure: Which one.
        rows: The labels' values; how many lie in each bucket, what lies beyond the last bound after it; their sum.
    """
    made = HistogramMetricFamily(figure.name, figure.meaning, labels=list(figure.labels))
    ends = [*map(str, figure.bounds), "+Inf"]
    for texts, counts, total in rows:
        within = len(figure.bounds)
        buckets = accumulate([*counts[:within], sum(counts[within:])])
        made.add_metric(list(texts), buckets=list(zip(ends, map(float, buckets), strict=True)), sum_value=total)
    return made
