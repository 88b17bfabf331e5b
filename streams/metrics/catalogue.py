"""Every figure: its name, kind and labels, and what it means. The table in docs/operations.md is made from this."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a figure behaves."""

    COUNTER = "counter"  # only grows, from 0 at the start of its process
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Teller(StrEnum):
    """Which process tells it."""

    WORKER = "worker"
    SINK = "sink"
    JOINED = "joined"  # the endpoint that joins all


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        name: Without the suffixes that Prometheus puts behind it; a counter is shown as `<name>_total`.
        labels: Names of its labels; each has few values.
        unit: Of the value, for people.
        meaning: One sentence.
        bounds: Of a histogram: upper ends of its buckets, each included in its bucket.
    """

    name: str
    kind: Kind
    teller: Teller
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def shown(self) -> str:
        """The name as Prometheus knows it."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name


REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
CALL_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""As OpenTelemetry's conventions for generative AI advise for `gen_ai.client.operation.duration`."""
CALL_TOKENS = tuple(float(4**power) for power in range(14))
"""As they advise for `gen_ai.client.token.usage`."""

MODEL = ("provider", "model")
GEN_AI = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")
STAGE = ("stage", "topic")

RESULTS = Figure(
    "asahi_requests",
    Kind.COUNTER,
    Teller.WORKER,
    "results",
    "Results written. One that is written again after a crash counts again; ClickHouse counts it once.",
    ("status", "lane"),
)
DURATION = Figure(
    "asahi_request_duration_seconds",
    Kind.HISTOGRAM,
    Teller.WORKER,
    "seconds",
    "From the receipt of a request by a worker to its result.",
    ("status", "lane"),
    REQUEST_SECONDS,
)
PROBLEMS = Figure(
    "asahi_request_problems",
    Kind.COUNTER,
    Teller.WORKER,
    "results",
    "Results without an answer, by the code of their error; docs/events.md explains the codes.",
    ("status", "code"),
)
HITS = Figure("asahi_cache_hits", Kind.COUNTER, Teller.WORKER, "results", "Results from the cache.", ("tier",))
SAVED = Figure(
    "asahi_saved_usd",
    Kind.COUNTER,
    Teller.WORKER,
    "US dollars",
    "Saved against the tenants' reference models. A floating point number: exact sums are in ClickHouse.",
    ("cause",),
)
EXTRA = Figure(
    "asahi_extra_cost_usd",
    Kind.COUNTER,
    Teller.WORKER,
    "US dollars",
    "Negative savings, counted apart since a counter only grows: what is saved in the end is the difference.",
    ("cause",),
)
SPEND = Figure(
    "asahi_spend_usd",
    Kind.COUNTER,
    Teller.WORKER,
    "US dollars",
    "Cost of paid calls. A floating point number: exact sums are in ClickHouse.",
    MODEL,
)
PAID_CALLS = Figure(
    "asahi_paid_calls",
    Kind.COUNTER,
    Teller.WORKER,
    "calls",
    "Usage events written; `superseded` counts those whose request had its result already.",
    (*MODEL, "superseded"),
)
TOKENS = Figure(
    "asahi_tokens",
    Kind.COUNTER,
    Teller.WORKER,
    "tokens",
    "Billed tokens. `cached_input` and `cache_write` are part of `input`, `reasoning` of `output`.",
    (*MODEL, "type"),
)
CALL_USAGE = Figure(
    "gen_ai_client_token_usage",
    Kind.HISTOGRAM,
    Teller.WORKER,
    "tokens",
    "Tokens of a paid call, as OpenTelemetry's `gen_ai.client.token.usage`.",
    (*GEN_AI, "gen_ai_token_type"),
    CALL_TOKENS,
)
CALL_DURATION = Figure(
    "gen_ai_client_operation_duration_seconds",
    Kind.HISTOGRAM,
    Teller.WORKER,
    "seconds",
    "Of an attempt that brought an answer, as OpenTelemetry's `gen_ai.client.operation.duration`.",
    GEN_AI,
    CALL_SECONDS,
)
CALLS = Figure(
    "asahi_provider_calls",
    Kind.COUNTER,
    Teller.WORKER,
    "attempts",
    "Attempts that ended, without those of the batch lane: `answered`, `cut` by a deadline or a bug, or with a code.",
    (*MODEL, "outcome"),
)
RETRIES = Figure(
    "asahi_provider_retries", Kind.COUNTER, Teller.WORKER, "attempts", "Attempts that repeat a failed one.", MODEL
)
CIRCUIT = Figure(
    "asahi_provider_circuit",
    Kind.GAUGE,
    Teller.WORKER,
    "0 or 1",
    "1 for the state that the circuit breaker is in: `closed`, `open` or `half_open`.",
    (*MODEL, "state"),
)
OPENINGS = Figure(
    "asahi_provider_circuit_openings",
    Kind.COUNTER,
    Teller.WORKER,
    "openings",
    "How often the circuit breaker opened.",
    MODEL,
)
IN_FLIGHT = Figure(
    "asahi_provider_in_flight", Kind.GAUGE, Teller.WORKER, "calls", "Calls under way at the provider.", ("provider",)
)
LIMIT = Figure(
    "asahi_provider_limit",
    Kind.GAUGE,
    Teller.WORKER,
    "calls",
    "How many calls may be under way there now; fewer while it is congested.",
    ("provider",),
)
WAITING = Figure(
    "asahi_provider_waiting",
    Kind.GAUGE,
    Teller.WORKER,
    "calls",
    "Calls that wait for their turn there.",
    ("provider",),
)
HELD = Figure(
    "asahi_requests_held",
    Kind.GAUGE,
    Teller.WORKER,
    "requests",
    "What a stage has taken in and not made durable yet; at `worker.max_outstanding` it reads no more.",
    ("stage",),
)
DEAD_LETTERS = Figure(
    "asahi_dead_letters",
    Kind.COUNTER,
    Teller.WORKER,
    "messages",
    "Dead letters written; those of the sink are `asahi_sink_set_aside`.",
    ("stage", "code"),
)
SINK_ROWS = Figure(
    "asahi_sink_rows", Kind.COUNTER, Teller.SINK, "events", "Events inserted, those that come again included."
)
SINK_BLOCKS = Figure("asahi_sink_blocks", Kind.COUNTER, Teller.SINK, "inserts", "Inserts that succeeded.")
SINK_FAILURES = Figure(
    "asahi_sink_insert_failures", Kind.COUNTER, Teller.SINK, "inserts", "Inserts that failed and were tried again."
)
SINK_RESTORED = Figure(
    "asahi_sink_restored",
    Kind.COUNTER,
    Teller.SINK,
    "events",
    "Events left out because they were republished from the archive.",
)
SINK_SET_ASIDE = Figure(
    "asahi_sink_set_aside", Kind.COUNTER, Teller.SINK, "events", "Events ClickHouse refused; each has a dead letter."
)
SINK_WAITING = Figure(
    "asahi_sink_waiting_seconds",
    Kind.GAUGE,
    Teller.SINK,
    "seconds",
    "Since when ClickHouse takes nothing; 0 while it does.",
)
TRACED = Figure(
    "asahi_traced_results",
    Kind.COUNTER,
    Teller.SINK,
    "results",
    "Results with a sampled trace context: `sent` as spans, `dropped` since too many waited, or `failed` to be sent.",
    ("outcome",),
)
PROCESS_UP = Figure(
    "asahi_process_up", Kind.GAUGE, Teller.JOINED, "0 or 1", "Whether the process gave its figures.", ("process",)
)
BROKER_UP = Figure("asahi_broker_up", Kind.GAUGE, Teller.JOINED, "0 or 1", "Whether the broker answers.")
LAG = Figure(
    "asahi_stage_lag_messages",
    Kind.GAUGE,
    Teller.JOINED,
    "messages",
    "Messages that no committed offset covers yet, over all partitions.",
    STAGE,
)
AGE = Figure(
    "asahi_committed_offset_age_seconds",
    Kind.GAUGE,
    Teller.JOINED,
    "seconds",
    "How long the oldest message behind the committed offset has waited; 0 when there is none.",
    STAGE,
)
MEMBERS = Figure(
    "asahi_stage_members", Kind.GAUGE, Teller.JOINED, "consumers", "Consumers in the stage's group.", STAGE
)
HEALTHY = Figure(
    "asahi_stage_healthy", Kind.GAUGE, Teller.JOINED, "0 or 1", "Whether `asahi status` says `ok` of it.", STAGE
)

FIGURES: tuple[Figure, ...] = (
    RESULTS,
    DURATION,
    PROBLEMS,
    HITS,
    SAVED,
    EXTRA,
    SPEND,
    PAID_CALLS,
    TOKENS,
    CALL_USAGE,
    CALL_DURATION,
    CALLS,
    RETRIES,
    CIRCUIT,
    OPENINGS,
    IN_FLIGHT,
    LIMIT,
    WAITING,
    HELD,
    DEAD_LETTERS,
    SINK_ROWS,
    SINK_BLOCKS,
    SINK_FAILURES,
    SINK_RESTORED,
    SINK_SET_ASIDE,
    SINK_WAITING,
    TRACED,
    PROCESS_UP,
    BROKER_UP,
    LAG,
    AGE,
    MEMBERS,
    HEALTHY,
)
