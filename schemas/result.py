"""What a consumer gets: exactly one terminal result per request id on `asahi.results`."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field, JsonValue

from schemas.cache_hit import CacheHit as CacheHit  # part of this module for those who import it
from schemas.model import Event, Fraction, Milliseconds, Tokens, Usd, Value
from schemas.request import TraceContext
from schemas.screening import PersonalData
from schemas.sealed import SealedOutput
from schemas.steps import TakenStep


class Status(StrEnum):
    """How a request ended."""

    COMPLETED = "completed"  # a model answered
    CACHED = "cached"  # the cache, or an identical request in flight, answered
    REJECTED = "rejected"  # asked for something it may not have, or malformed
    FAILED = "failed"  # no provider could answer
    EXPIRED = "expired"  # its deadline passed first


class Lane(StrEnum):
    """How urgently a request travels."""

    INTERACTIVE = "interactive"  # waits for nothing
    BULK = "bulk"  # waits in a window for others of its kind
    BATCH = "batch"  # is left to a provider's batch interface


class Output(Value):
    """The answer.

    Attributes:
        content: What the model said.
        tool_calls: Functions it wants called, as in OpenAI's chat format.
        finish_reason: Why it ended: `stop`, `length`, `tool_calls`, or what the provider says.
    """

    content: str | None = None
    tool_calls: list[dict[str, JsonValue]] | None = None
    finish_reason: str | None = None


class TokenUsage(Value):
    """Tokens as billed.

    Attributes:
        input_tokens: Sent, those the provider had cached or put into its cache included.
        cached_input_tokens: Of the input, what the provider had cached.
        output_tokens: Generated, reasoning included.
        reasoning_tokens: Of the output, what the model thought and did not say.
        cache_write_tokens: Of the input, what the provider put into its cache.
        cache_write_1h_tokens: Of what was written, what stays for an hour instead of minutes.
        input_audio_tokens: Of the input, audio.
        cached_audio_tokens: Of the audio sent, what the provider had cached.
        output_audio_tokens: Of the output, audio.
        input_image_tokens: Of the input, images and pages.
        output_image_tokens: Of the output, images.
        web_searches: Searches the provider made and bills.
    """

    input_tokens: Tokens = 0
    cached_input_tokens: Tokens = 0
    output_tokens: Tokens = 0
    reasoning_tokens: Tokens = 0
    cache_write_tokens: Tokens = 0
    cache_write_1h_tokens: Tokens = 0
    input_audio_tokens: Tokens = 0
    cached_audio_tokens: Tokens = 0
    output_audio_tokens: Tokens = 0
    input_image_tokens: Tokens = 0
    output_image_tokens: Tokens = 0
    web_searches: Tokens = 0


class Baseline(Value):
    """What the same tokens would have cost at the tenant's reference model, at list price with nothing cached.

    Attributes:
        model: The tenant's reference model.
        cost_usd: In US dollars.
    """

    model: str
    cost_usd: Usd


class Savings(Value):
    """Baseline minus cost, by cause; the causes sum exactly to the difference. Negative means extra cost.

    Attributes:
        cache_exact: The cache had the answer; US dollars.
        cache_shared_flight: An identical request was being answered; US dollars.
        cache_semantic: A question that means the same had been answered; US dollars.
        cache_intermediate: Steps had been taken for other requests, or were being taken for them; US dollars.
        routing: Another model than the reference answered, at list price, failed calls included; US dollars.
        batch_lane: Calls were made in the provider's batch lane; US dollars.
        provider_cache: The provider had part of the input cached, less what writing to its cache cost; US dollars.
        compression: Part of the input was not sent; US dollars.
    """

    cache_exact: Usd | None = None
    cache_shared_flight: Usd | None = None
    routing: Usd | None = None
    batch_lane: Usd | None = None
    provider_cache: Usd | None = None
    compression: Usd | None = None
    cache_semantic: Usd | None = None
    cache_intermediate: Usd | None = None


class Expected(Value):
    """What was expected of a model that could have answered.

    Attributes:
        quality: Predicted, for this request.
        cost_usd: Of the call, in US dollars.
        cached_input_tokens: Of the input, what its provider was expected to have cached.
        output_tokens: Of the answer, where earlier answers told; absent when the request or a setting did.
        calls: Paid calls per answer, as earlier calls told.
    """

    quality: Fraction
    cost_usd: Usd
    cached_input_tokens: Tokens = 0
    output_tokens: Tokens | None = None
    calls: Annotated[float, Field(ge=1)] = 1.0


class CascadeStep(Value):
    """One model of a cascade.

    Attributes:
        model: Is asked after the answer of the one before did not hold.
        escalation: Expected probability that the next one is asked too; absent for the last.
    """

    model: str
    escalation: Fraction | None = None


class Check(Value):
    """What came of checking a cheap answer.

    Attributes:
        model: Whose answer it was.
        accepted: Whether it holds; otherwise the next model of the cascade was asked.
        reason: Why, for people, without the answer's text.
        probability: That the answer is right, where that was learned.
        delivered_because: Why it is the result's output although it does not hold; absent otherwise.
    """

    model: str
    accepted: bool
    reason: str
    probability: Fraction | None = None
    delivered_because: str | None = None


class Decision(Value):
    """Why this model.

    Attributes:
        rule: The rule that decided, e.g. `cheapest_meeting_constraints`.
        reason: One sentence for people.
        expected_cost_usd: Predicted before the call, in US dollars.
        predicted_quality: Of the chosen model for the task type.
        lost: Why each other candidate lost, by model name; with a `survey`, see there.
        candidates: What was expected of each model that could have answered, the chosen one included, by model name.
            Models that the tenant, the lane or a missing capability ruled out are only in `lost`.
        input_tokens: Length of the input as estimated for the decision.
        models: Version of the models file it was made with: its date and a digest.
        utility_lambda: Quality per US dollar, where the rule weighs them by it.
        steps: The models of a cascade in the order in which they are asked; empty otherwise.
        accept: Least probability of being right with which a cheap answer of the cascade is taken.
        task_type: Detected from the prompt and used, where the request named none.
        task_confidence: Probability that it is the right one, in tenths, rounded down.
        min_quality: Least quality that was asked for, by the request or the settings.
        survey: Id of the event on `asahi.surveys` that holds `candidates` and `lost`, where they are empty here.
        marked_tokens: Of the input, what the call tells providers to keep in their prompt caches, as estimated.
    """

    rule: str
    reason: str
    expected_cost_usd: Usd | None = None
    predicted_quality: Fraction | None = None
    lost: dict[str, str] = {}
    candidates: dict[str, Expected] = {}
    input_tokens: Tokens | None = None
    models: str | None = None
    utility_lambda: float | None = None
    steps: list[CascadeStep] = []
    accept: Fraction | None = None
    task_type: str | None = None
    task_confidence: Fraction | None = None
    min_quality: Fraction | None = None
    survey: str | None = None
    marked_tokens: Tokens = 0


class Problem(Value):
    """Why there is no answer, and what to do about it.

    Attributes:
        code: Stable, for programs.
        message: What is wrong, for people; never quotes the request.
        remedy: What to do about it.
        field: Dotted path of the field at fault, or absent.
        retry_after_seconds: When another attempt makes sense, if that is known.
    """

    code: str
    message: str
    remedy: str
    field: str | None = None
    retry_after_seconds: float | None = None


class Result(Event):
    """The terminal result of one request; `id` is the request's id.

    Attributes:
        version: Of this contract.
        id: The request's id.
        tenant: The request's tenant; absent when it could not be read.
        user: The request's user.
        status: How it ended.
        output: The answer; absent when there is none.
        model: The model that answered.
        provider: The provider that answered.
        lane: How urgently it travelled.
        task_type: The request's task type.
        usage: Tokens of the call that answered, without those of steps; zeros when nothing was called.
        cost_usd: What all its calls cost together, failed ones and those of its steps included, in US dollars; 0 when
            nothing was called.
        baseline: What it would have cost without Asahi; absent without an answer or a known price.
        savings: Baseline minus cost, by cause.
        decision: Why this model.
        cache: Where a cached answer came from.
        error: Why there is no answer; absent when there is one.
        stages_ms: Milliseconds spent per stage.
        latency_ms: Milliseconds from receipt to result.
        attempts: Provider calls made for this request, failed ones and those of its steps included.
        tags: The request's tags.
        trace: The request's trace context.
        request_digest: Hex BLAKE2b-128 of the canonical request; tells a repeated request from a different
            one under the same id.
        received_at: When a worker received it.
        completed_at: When the result was made.
        checks: Of the cheap answers of a cascade, in order; empty otherwise.
        personal_data: What was found in the request; absent when nothing was, or nobody looked.
        injection: Signs of prompt injection in the request, by the name of the heuristic; a flag only.
        sealed: The answer of an encrypted request, in place of `output`.
        team: The team whose budgets the request counts against.
        steps: What came of the steps of the request, in the order of their ends.
    """

    id: str
    tenant: str | None = None
    user: str | None = None
    status: Status
    output: Output | None = None
    model: str | None = None
    provider: str | None = None
    lane: Lane | None = None
    task_type: str | None = None
    usage: TokenUsage = TokenUsage()
    cost_usd: Usd = Decimal(0)
    baseline: Baseline | None = None
    savings: Savings = Savings()
    decision: Decision | None = None
    cache: CacheHit | None = None
    error: Problem | None = None
    stages_ms: dict[str, Milliseconds] = {}
    latency_ms: Milliseconds = 0.0
    attempts: int = 0
    tags: dict[str, str] = {}
    trace: TraceContext | None = None
    request_digest: str | None = None
    received_at: AwareDatetime
    completed_at: AwareDatetime
    checks: list[Check] = []
    personal_data: PersonalData | None = None
    injection: list[str] = []
    sealed: SealedOutput | None = None
    team: str | None = None
    steps: list[TakenStep] = []
