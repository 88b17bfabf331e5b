"""The figures of one worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from prometheus_client.metrics_core import Metric

from schemas.provider_health import Circuit, LaneHealth
from schemas.result import Lane, Status
from streams.metrics import catalogue
from streams.metrics.catalogue import Figure
from streams.metrics.families import Labels, family, histogram
from streams.metrics.tally import MS_PER_SECOND, Ended, Paid, Tally

TENANT = "tenant"
NO_LANE = "none"
OPERATION = "chat"
"""What every call is, in the words of OpenTelemetry's conventions."""


def written(tally: Tally) -> Iterator[Metric]:
    """Give the figures of what was written; each is whole when it is given."""
    yield _results(tally)
    yield histogram(catalogue.DURATION, _durations(tally))
    yield family(
        catalogue.PROBLEMS, [((status.value, code), count) for (status, code), count in tally.problems.items()]
    )
    yield family(catalogue.HITS, [((tier,), count) for tier, count in tally.hits.items()])
    yield family(catalogue.SAVED, [((cause,), amount) for cause, amount in tally.saved.items()])
    yield family(catalogue.EXTRA, [((cause,), amount) for cause, amount in tally.extra.items()])
    yield _spend(tally)
    yield family(catalogue.PAID_CALLS, _paid_calls(tally).items())
    yield family(catalogue.TOKENS, _tokens(tally).items())
    yield histogram(catalogue.CALL_USAGE, _token_lengths(tally))
    yield family(catalogue.DEAD_LETTERS, tally.letters.items())


def asked(lanes: Iterable[LaneHealth]) -> Iterator[Metric]:
    """Give the figures of the providers."""
    lanes = list(lanes)
    calls = [((*_place(lane), outcome), count) for lane in lanes for outcome, count in lane.outcomes.items()]
    yield family(catalogue.CALLS, calls)
    yield histogram(
        catalogue.CALL_DURATION,
        (((OPERATION, lane.provider, lane.model), lane.durations, lane.seconds) for lane in lanes),
    )
    yield family(catalogue.RETRIES, [(_place(lane), lane.retries) for lane in lanes])
    circuits = [((*_place(lane), state.value), int(lane.circuit is state)) for lane in lanes for state in Circuit]
    yield family(catalogue.CIRCUIT, circuits)
    yield family(catalogue.OPENINGS, [(_place(lane), lane.openings) for lane in lanes])
    # The provider's own: each of its models says the same of it.
    yield family(catalogue.IN_FLIGHT, {(lane.provider,): lane.in_flight for lane in lanes}.items())
    yield family(catalogue.LIMIT, {(lane.provider,): lane.limit for lane in lanes}.items())
    waiting = {(lane.provider,): lane.waiting - lane.held for lane in lanes}
    for lane in lanes:
        waiting[lane.provider,] += lane.held
    yield family(catalogue.WAITING, waiting.items())


def held(requests: Mapping[str, int]) -> Iterator[Metric]:
    """Give how many requests each stage holds."""
    yield family(catalogue.HELD, [((stage,), count) for stage, count in requests.items()])


def _place(lane: LaneHealth) -> tuple[str, str]:
    return lane.provider, lane.model


def _lane(lane: Lane | None) -> str:
    return NO_LANE if lane is None else lane.value


def _labels(tally: Tally, figure: Figure) -> tuple[str, ...]:
    """Return the names of the labels, that of the tenant with them where tenants are told apart."""
    return (*figure.labels, TENANT) if tally.tells_tenants else figure.labels


def _results(tally: Tally) -> Metric:
    labels = _labels(tally, catalogue.RESULTS)
    # All that there can be, from the start: Prometheus sees no rise where a figure begins with 1.
    values: dict[Labels, int] = {}
    if not tally.tells_tenants:
        values = {(status.value, lane.value): 0 for status in Status for lane in Lane}
    values |= {
        (status.value, _lane(lane), tenant)[: len(labels)]: sum(row.counts)
        for (status, lane, tenant), row in tally.ended.items()
    }
    return family(catalogue.RESULTS, values.items(), labels)


def _durations(tally: Tally) -> Iterator[tuple[Labels, list[int], float]]:
    whole: dict[tuple[Status, Lane | None], Ended] = {}
    for (status, lane, _), row in tally.ended.items():
        whole.setdefault((status, lane), Ended()).add(row)
    for (status, lane), row in whole.items():
        yield (status.value, _lane(lane)), row.counts, row.milliseconds / MS_PER_SECOND


def _spend(tally: Tally) -> Metric:
    labels = _labels(tally, catalogue.SPEND)
    values: dict[Labels, Decimal] = {
        (provider, model, tenant)[: len(labels)]: row.cost for (model, provider, tenant), row in tally.paid.items()
    }
    return family(catalogue.SPEND, values.items(), labels)


def _by_model(tally: Tally) -> dict[tuple[str, str], list[Paid]]:
    rows: dict[tuple[str, str], list[Paid]] = {}
    for (model, provider, _), row in tally.paid.items():
        rows.setdefault((provider, model), []).append(row)
    return rows


def _paid_calls(tally: Tally) -> dict[Labels, int]:
    values: dict[Labels, int] = {}
    for place, rows in _by_model(tally).items():
        wasted = sum(row.superseded for row in rows)
        values[*place, "false"] = sum(row.calls for row in rows) - wasted
        values[*place, "true"] = wasted
    return values


def _tokens(tally: Tally) -> dict[Labels, int]:
    values: dict[Labels, int] = {}
    for place, rows in _by_model(tally).items():
        values[*place, "input"] = sum(row.input for row in rows)
        values[*place, "cached_input"] = sum(row.cached for row in rows)
        values[*place, "cache_write"] = sum(row.written for row in rows)
        values[*place, "output"] = sum(row.output for row in rows)
        values[*place, "reasoning"] = sum(row.reasoning for row in rows)
    return values


def _token_lengths(tally: Tally) -> Iterator[tuple[Labels, list[int], float]]:
    for (provider, model), rows in _by_model(tally).items():
        place = (OPERATION, provider, model)
        sent = [sum(counts) for counts in zip(*(row.input_counts for row in rows), strict=True)]
        generated = [sum(counts) for counts in zip(*(row.output_counts for row in rows), strict=True)]
        yield (*place, "input"), sent, float(sum(row.input for row in rows))
        yield (*place, "output"), generated, float(sum(row.output for row in rows))
