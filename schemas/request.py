"""What a producer asks for: one inference request on `asahi.requests`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, LiteralString, Self

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from schemas.model import Fraction, Name, RequestId, StrictValue, Text, Usd
from schemas.sampling import Sampling as Sampling  # part of this module for those who import it
from schemas.sealed import SealedContent
from schemas.steps import MAX_STEPS, DeclaredStep, fault_of, texts_of_content

MAX_TAGS = 32
MAX_TAG_CHARS = 256
MAX_USD_DIGITS = 24
MAX_USD_DECIMALS = 12
MAX_LAMBDA = 1e9

FreeObjects = Annotated[list[dict[str, JsonValue]], Field(fail_fast=True)]
"""Free-form JSON objects. Reading stops at the first wrong one: a million wrong ones are one error, not a million."""


class Role(StrEnum):
    """Who speaks in a chat message."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Mode(StrEnum):
    """How the model is chosen."""

    AUTOPILOT = "autopilot"  # the cheapest that meets the constraints
    GUIDED = "guided"  # the best by the request's own weights
    EXPLICIT = "explicit"  # the model named in `model`


class Strategy(StrEnum):
    """Which rule chooses among the models that meet the constraints."""

    THRESHOLD = "threshold"  # the cheapest whose predicted quality reaches the minimum
    UTILITY = "utility"  # the best of predicted quality - lambda * expected cost
    CASCADE = "cascade"  # a cheap one first, and a stronger one where the answer does not hold


class CacheDirective(StrEnum):
    """What the cache may do for this request."""

    DEFAULT = "default"  # look up and fill
    BYPASS = "bypass"  # neither look up nor fill
    REFRESH = "refresh"  # do not look up, but fill
    ONLY = "only"  # answer from the cache or reject


class Message(StrictValue):
    """One chat message.

    Attributes:
        role: Who speaks.
        content: Text, or a list of content parts as in OpenAI's chat format.
        name: Tells speakers of one role apart.
        tool_calls: Calls of an assistant's turn, as in OpenAI's chat format.
        tool_call_id: Of a tool's turn: the call it answers.
    """

    role: Role
    content: Text | FreeObjects | None = None
    name: Text | None = None
    tool_calls: FreeObjects | None = None
    tool_call_id: Text | None = None


CostLimit = Annotated[Usd, Field(ge=0, max_digits=MAX_USD_DIGITS, decimal_places=MAX_USD_DECIMALS)]
"""Bounded in digits: an exponent of a billion is a billion characters when written out."""


class Constraints(StrictValue):
    """What the answer must meet; absent means no constraint.

    Attributes:
        min_quality: Least predicted quality of the model, as `config/models.yaml` lists it.
        latency_budget_ms: Longest expected time to a whole answer, in milliseconds; keeps the request in the
            interactive lane.
        max_cost_usd: Most expected cost of the call, in US dollars.
        deadline: When nobody wants the answer any more, with UTC offset. A far one puts the request in the bulk lane.
    """

    min_quality: Fraction | None = None
    latency_budget_ms: Annotated[float, Field(gt=0)] | None = None
    max_cost_usd: CostLimit | None = None
    deadline: AwareDatetime | None = None


class Weights(StrictValue):
    """What `guided` mode prefers; only the proportions count.

    Attributes:
        quality: Weight of predicted quality.
        cost: Weight of low expected cost.
        latency: Weight of a short expected time.
    """

    quality: Annotated[float, Field(ge=0)] = 1.0
    cost: Annotated[float, Field(ge=0)] = 1.0
    latency: Annotated[float, Field(ge=0)] = 0.0


class CacheOptions(StrictValue):
    """Cache directives of one request.

    Attributes:
        directive: `default` looks up and fills, `bypass` does neither, `refresh` only fills, `only` answers from the
            cache or rejects.
        ttl_seconds: How old an answer may be, and how long this one may be served again, in seconds; at most the
            tenant's.
    """

    directive: CacheDirective = CacheDirective.DEFAULT
    ttl_seconds: Annotated[float, Field(gt=0)] | None = None


class TraceContext(StrictValue):
    """W3C trace context, handed on to the result.

    Attributes:
        traceparent: Version, trace id, parent id and flags.
        tracestate: Vendors' own positions in the trace.
    """

    traceparent: Annotated[str, Field(pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
    tracestate: Text | None = None


TagKey = Annotated[Text, Field(min_length=1, max_length=MAX_TAG_CHARS)]
TagValue = Annotated[Text, Field(max_length=MAX_TAG_CHARS)]


def _inconsistent(field: str, message: LiteralString) -> PydanticCustomError:
    return PydanticCustomError("inconsistent", message, {"field": field})


class Request(StrictValue):
    """One inference request.

    `id` is the idempotency key: the same id with the same body is answered once. Exactly one of `prompt`, `messages`
    and `sealed` carries the input.

    Attributes:
        version: Of this contract.
        id: Idempotency key, unique per tenant: printable ASCII without spaces.
        tenant: Who pays; also the message key.
        user: Who asks, for usage by user.
        prompt: The input as one text.
        messages: The input as a conversation.
        tools: Functions the model may call, as in OpenAI's chat format.
        response_format: Form of the answer, as in OpenAI's chat format.
        sampling: How the answer is drawn.
        constraints: What the answer must meet.
        mode: `autopilot` chooses the cheapest model that meets the constraints, `guided` the best by `weights`,
            `explicit` takes the one named in `model`.
        model: Only with mode `explicit`.
        weights: Only read in mode `guided`, unless a strategy or lambda is given.
        strategy: Which rule chooses, in every mode but `explicit`: `threshold` takes the cheapest whose predicted
            quality reaches `constraints.min_quality`, `utility` the best of predicted quality - lambda * expected
            cost, `cascade` asks a cheap one first and a stronger one where the answer does not hold when it is
            checked; both calls are paid. Absent means the worker's setting, or the weights in mode `guided`.
        lambda: How much predicted quality one US dollar must buy, for strategy `utility`, which it implies.
        accept: Least probability of being right with which a cheap answer is taken, for strategy `cascade`, which it
            implies.
        task_type: Kind of task, such as `coding`; selects the predicted quality of models.
        cache: What the cache may do.
        tags: Text by name, handed on to result and usage, to group costs by.
        trace: Distributed trace the request belongs to.
        created_at: When the producer made it; not read.
        sealed: Prompt, messages, tools, response format and steps, sealed to a data key of the tenant.
        steps: Smaller calls whose results take the place of `{{steps.NAME}}` in the prompt, in the messages' text and
            in the input of other steps. A result is reused wherever the same step occurs again.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    version: Literal[1] = 1
    id: RequestId
    tenant: Name
    user: Annotated[Text, Field(max_length=MAX_TAG_CHARS)] | None = None
    prompt: Annotated[Text, Field(min_length=1)] | None = None
    messages: Annotated[list[Message], Field(min_length=1, fail_fast=True)] | None = None
    tools: FreeObjects | None = None
    response_format: dict[str, JsonValue] | None = None
    sampling: Sampling = Sampling()
    constraints: Constraints = Constraints()
    mode: Mode = Mode.AUTOPILOT
    model: Name | None = None
    weights: Weights | None = None
    strategy: Strategy | None = None
    lambda_: Annotated[float, Field(ge=0, le=MAX_LAMBDA)] | None = Field(default=None, alias="lambda")
    accept: Fraction | None = None
    task_type: Annotated[Text, Field(max_length=MAX_TAG_CHARS)] | None = None
    cache: CacheOptions = CacheOptions()
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=MAX_TAGS)] = Field(default_factory=dict)
    trace: TraceContext | None = None
    created_at: datetime | None = None
    sealed: SealedContent | None = None
    steps: Annotated[list[DeclaredStep], Field(min_length=1, max_length=MAX_STEPS)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sealed is not None:
            content = (self.prompt, self.messages, self.tools, self.response_format, self.steps)
            if any(part is not None for part in content):
                raise _inconsistent("sealed", "sealed stands for prompt, messages, tools, response_format and steps")
        elif (self.prompt is None) == (self.messages is None):
            raise _inconsistent("prompt", "send exactly one of prompt and messages")
        if self.mode is Mode.EXPLICIT:
            if self.model is None:
                raise _inconsistent("model", "mode explicit needs model")
        elif self.model is not None:
            raise _inconsistent(
                "model", "model is only read in mode explicit; set mode to explicit or leave model out"
            )
        if self.strategy is not None or self.lambda_ is not None or self.accept is not None:
            self._check_strategy()
        if self.steps is not None:
            self._check_steps(self.steps)
        return self

    def _check_steps(self, steps: list[DeclaredStep]) -> None:
        texts = (
            [self.prompt]
            if self.prompt is not None
            else texts_of_content(each.content for each in self.messages or ())
        )
        fault = fault_of(steps, texts)
        if fault is not None:
            raise fault

    def _check_strategy(self) -> None:
        asked = {"strategy": self.strategy, "lambda": self.lambda_, "accept": self.accept}
        given = next(field for field, value in asked.items() if value is not None)
        if self.mode is Mode.EXPLICIT:
            raise _inconsistent(given, "mode explicit chooses nothing; leave strategy, lambda and accept out")
        if self.mode is Mode.GUIDED and self.weights is not None:
            raise _inconsistent(given, "weights and a strategy exclude each other; send one of them")
        if self.lambda_ is not None and self.strategy not in (None, Strategy.UTILITY):
            raise _inconsistent("lambda", "lambda is only read by strategy utility; leave it out of the others")
        if self.accept is not None and (self.strategy not in (None, Strategy.CASCADE) or self.lambda_ is not None):
            raise _inconsistent("accept", "accept is only read by strategy cascade; leave it out of the others")
