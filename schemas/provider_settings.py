"""The settings of one provider; see `schemas/settings.py` for where they are read from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from schemas.section import Count, Seconds, Section

SamplingParameter = Literal["temperature", "top_p", "seed", "stop", "presence_penalty", "frequency_penalty"]


class ProviderSettings(Section):
    """One provider.

    Attributes:
        kind: `openai`, `anthropic`, `openai-compatible`, `recorded`, `simulated`, or another that
            `agents/providers/registry.py` lists.
        base_url: Up to and including `/v1`; `openai` and `anthropic` know their own.
        batches: The batch interface it has: `openai`, `anthropic`, or none.
        batches_url: Where its batch interface is, when that is not at `base_url`.
        region: Where it processes what it is sent, as its contract says, e.g. `eu-central-1`; for reports only.
        api_key_env: Environment variable that holds the key; the key itself is never configured or logged. `openai`
            reads `OPENAI_API_KEY` and `anthropic` `ANTHROPIC_API_KEY` unless told otherwise.
        interface: For `openai`: `chat` completions or `responses`.
        leave_out: Names of sampling parameters that the models there do not take; they are not sent.
        max_output_tokens: For `anthropic`, which must be told: longest answer of a request that names none.
        prompt_cache: `shared` tells the provider which beginnings requests share, so that it caches them: `anthropic`
            by marks, others by `prompt_cache_key`. `none` tells nothing, `auto` tells `openai` and `anthropic`.
        prompt_cache_min_tokens: Shortest beginning that it caches.
        http2: Share HTTP/2 connections among calls; costs CPU and saves connections.
        recording: For `recorded`: the CSV file, gzipped or not, or a list of them.
        recorded_columns: For `recorded`: answer column by model name; `x` also stands for `x_answer`, and for
            `x_correct`, which is answered as `right` or `wrong`, whichever a file has.
        latency_ms: For `simulated`: fixed latency of every call.
        latency_per_token_ms: For `simulated`: added per output token.
        failure_rate: For `simulated`: share of attempts that fail, chosen by a hash of the request.
        headers: Sent with every call over HTTP; no secrets.
        timeout_seconds: Longest wait for an answer.
        connect_timeout_seconds: Longest wait for a connection.
        max_in_flight: Calls under way at once, over all workers; fewer while the provider is congested.
        requests_per_minute: Most calls in any minute, over all workers; unset means no limit of ours.
        tokens_per_minute: Most tokens in any minute, input and output, over all workers.
        attempts: Most calls to one target before the next one is asked.
        backoff_seconds: Pause before the second attempt; doubled for each further one, with jitter.
        backoff_max_seconds: Longest such pause. Where another target can answer, no longer wait is made for a limit.
        retry_after_max_seconds: Longest wait that a provider may ask for before the call fails instead.
        retry_share: Retries a provider may cost per call, on average; beyond them calls are not repeated there.
        retries_per_second: Retries it may cost in any case, so that a lone call can be repeated.
        breaker_share: Share of failures among the newest calls to a model that opens its circuit breaker.
        breaker_calls: Calls in the last `breaker_window_seconds` below which it stays closed.
        breaker_window_seconds: How long the outcome of a call counts.
        breaker_open_seconds: How long no call is made once it is open; doubled each time the probes fail.
        breaker_open_max_seconds: Longest such time.
        breaker_probes: Calls that must succeed one after the other to close it again.
    """

    kind: str
    base_url: str | None = None
    batches: Literal["openai", "anthropic"] | None = None
    batches_url: str | None = None
    region: str | None = None
    api_key_env: str | None = None
    interface: Literal["chat", "responses"] = "chat"
    leave_out: tuple[SamplingParameter, ...] = ()
    max_output_tokens: Count = 4_096
    prompt_cache: Literal["auto", "shared", "none"] = "auto"
    prompt_cache_min_tokens: Count = 1_024
    http2: bool = False
    headers: dict[str, str] = {}
    recording: Path | tuple[Path, ...] | None = None
    recorded_columns: dict[str, str] = {}
    latency_ms: Annotated[float, Field(ge=0)] = 0.0
    latency_per_token_ms: Annotated[float, Field(ge=0)] = 0.0
    failure_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    timeout_seconds: Seconds = 120.0
    connect_timeout_seconds: Seconds = 5.0
    max_in_flight: Count = 1000
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    attempts: Count = 3
    backoff_seconds: Seconds = 0.25
    backoff_max_seconds: Seconds = 10.0
    retry_after_max_seconds: Seconds = 60.0
    retry_share: Annotated[float, Field(ge=0)] = 0.4
    retries_per_second: Annotated[float, Field(ge=0)] = 1.0
    breaker_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    breaker_calls: Count = 20
    breaker_window_seconds: Seconds = 30.0
    breaker_open_seconds: Seconds = 5.0
    breaker_open_max_seconds: Seconds = 60.0
    breaker_probes: Count = 2

    def least_cached(self, *, by_default: bool) -> float:
        """Return from how many tokens on the provider is told of shared beginnings; infinite when it never is.

        Args:
            by_default: Whether a provider of this kind is told when `prompt_cache` leaves it open.
        """
        told = by_default if self.prompt_cache == "auto" else self.prompt_cache == "shared"
        return self.prompt_cache_min_tokens if told else math.inf
