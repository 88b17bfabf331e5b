"""What travels between stages: one internal message carries many requests for one target partition.

Internal: it may change with any release. A worker only reads what a worker of the same release line wrote. These are
msgspec structs in MessagePack, not pydantic models in JSON: see `docs/adr/0004-batch-codec.md` for the measurement.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from schemas.result import Lane
from schemas.wire import Answer, BaselineRecord, CheckRecord, PersonalDataRecord, SavingsRecord, Tokens


class Part(msgspec.Struct, frozen=True, omit_defaults=True, array_like=True, gc=False):
    """Base of what travels inside: positional on the wire, so fields are only ever appended."""


class Target(Part, frozen=True, gc=False):
    """A model at a provider."""

    model: str
    provider: str


class Failure(Part, frozen=True, gc=False):
    """Why a call gave no answer; `expired` means its deadline passed first."""

    code: str
    message: str
    remedy: str
    expired: bool = False


class PaidCall(Part, frozen=True, gc=False):
    """One provider call that was billed.

    Attributes:
        id: Unique per call actually made.
        started_at: Unix seconds.
        batch: Made in the provider's batch lane, and billed so.
    """

    id: str
    model: str
    provider: str
    attempt: int
    tokens: Tokens
    latency_ms: float
    started_at: float
    batch: bool = False


class Rival(Part, frozen=True, gc=False):
    """An answer kept for another question, which might have served: the model's answer is compared with it.

    Attributes:
        fingerprint: Hex key of the answer in the exact cache.
        probability: That it is an answer to this question too.
        error_bound: Share of wrong answers that the tenant allows.
    """

    fingerprint: str
    probability: float
    error_bound: float


class Asked(Part, frozen=True, gc=False):
    """A question as the semantic cache knows it.

    Attributes:
        scope: Hex key of all that determines the answer besides the text; questions are compared within it only.
        text: What is asked.
        rival: What the answer is to be compared with.
    """

    scope: str
    text: str
    rival: Rival | None = None


class StepOf(Part, frozen=True, gc=False):
    """Whose step a call is: of the request with this id, under the name that it declares."""

    request_id: str
    name: str


class StepAccount(Part, frozen=True, gc=False):
    """What one step of a request came to.

    Attributes:
        source: `call`, or the tier that had the result.
        cost_usd: What was paid for this request.
        attempts: Provider calls made for this request.
        source_request_id: The request whose call was paid for, where it was another.
        age_seconds: Of a result that was reused.
        baseline: What its tokens cost at the reference model; None when that has no price.
        savings: Baseline minus cost, by cause.
    """

    name: str
    source: str
    cost_usd: str = "0"
    attempts: int = 0
    source_request_id: str | None = None
    age_seconds: float | None = None
    model: str | None = None
    provider: str | None = None
    usage: Tokens = Tokens()
    baseline: BaselineRecord | None = None
    savings: SavingsRecord = SavingsRecord()


class Passenger(Part, frozen=True, gc=False):
    """What accompanies a request from intake to its result.

    Attributes:
        id: The request's id.
        partition: Partition of `asahi.requests` the request came from; its completion goes back there.
        digest: Hex digest of the canonical request.
        choice: Why this model: the JSON of a `schemas.wire.Choice`.
        fingerprint: Hex key of the exact cache, or None when the answer must not be cached.
        cache_ttl_seconds: How long the answer may be served again.
        received_at: Unix seconds.
        compressed_tokens: Input tokens that were taken out of the prompt before the call, as estimated.
        team: Whose budgets and limits the request counts against, besides the organization's and the user's.
        key_id: The key under which it was signed.
        originals: What stands behind the placeholders in the prompt, to be put back into the answer.
        personal_data: What was found in the request.
        injection: Signs of prompt injection in it.
        reserved: What budgets hold for the request, in dollars; None when no budget counts it.
        data_key: The data key under which its content travels and rests; None for a request in plain text.
        asked: The question, where its answer may be served to others in other words.
        step: Whose step it is; None for a request.
        steps: What the steps of the request came to.
    """

    id: str
    tenant: str
    partition: int
    digest: str
    lane: Lane
    choice: bytes
    reference_model: str
    received_at: float
    user: str | None = None
    task_type: str | None = None
    fingerprint: str | None = None
    cache_ttl_seconds: float = 0.0
    tags: dict[str, str] = {}
    traceparent: str | None = None
    tracestate: str | None = None
    compressed_tokens: int = 0
    team: str | None = None
    key_id: str | None = None
    originals: dict[str, str] = {}
    personal_data: PersonalDataRecord | None = None
    injection: tuple[str, ...] = ()
    reserved: Decimal | None = None
    data_key: str | None = None
    asked: Asked | None = None
    step: StepOf | None = None
    steps: tuple[StepAccount, ...] = ()


class Cascade(Part, frozen=True, gc=False):
    """How a call goes on from target to target although it is answered.

    The first targets are the steps, the answer of each but the last is checked, and where it does not hold the next
    is asked. The targets after the steps are fallbacks.

    Attributes:
        accept: Least probability of being right with which an answer is taken.
        expected: Probability of a right answer as predicted from the prompt alone, of each step but the last.
    """

    accept: float
    expected: tuple[float, ...]


class Cut(Part, frozen=True, gc=False):
    """Where a shared beginning of a request ends.

    Attributes:
        messages: Whole messages before it; none of a plain prompt.
        into: Of the message behind these, or of the plain prompt: characters of its text, or content parts where it
            has parts; 0 where the beginning ends with a message.
        tokens: Estimated length of the beginning.
        key: Hex name of the beginning; tells nothing of tenant or content.
    """

    messages: int
    into: int
    tokens: int
    key: str


class SharedPrefix(Part, frozen=True, gc=False):
    """The beginnings of a long request that other requests have too, to be marked for a provider's prompt cache.

    Attributes:
        cuts: Where those end that are worth it, the shortest first.
        key: Names requests that should meet the same prompt cache, as `Cut.key` does: so few that one machine has it.
        first: Whether this call is the one that has the longest one written.
        ready_at: Unix seconds at which the provider is expected to have that.
    """

    cuts: tuple[Cut, ...]
    key: str
    first: bool = False
    ready_at: float = 0.0


class Call(Part, frozen=True, gc=False):
    """One admitted request on its way to a provider.

    Attributes:
        body: The request's JSON as admitted; on the wire an envelope where the passenger has a data key, and empty
            when that cannot be opened any more.
        targets: The chosen model first, then the fallbacks in order.
        deadline: Unix seconds after which nobody wants the answer.
        dispatched_at: Unix seconds.
        stages_ms: Milliseconds spent so far, by stage.
        cascade: Makes the first targets the steps of a cascade.
        prefix: Where its shared beginnings end; None for a short one.
    """

    passenger: Passenger
    body: bytes
    targets: tuple[Target, ...]
    dispatched_at: float
    deadline: float | None = None
    stages_ms: dict[str, float] = {}
    cascade: Cascade | None = None
    prefix: SharedPrefix | None = None


class Completion(Part, frozen=True, gc=False):
    """How a call ended: an answer or a failure, and every paid call on the way.

    Attributes:
        attempts: Provider calls made, failed ones included.
        completed_at: Unix seconds.
        batch: The batch that answered, or that was given up because it took too long.
        checks: Of the answers of a cascade, in order.
        sealed: On the wire, the envelope of answer and failure where the passenger has a data key.
        brought_back: An answer of long ago or of elsewhere, for the cache alone: it is nobody's result, and was paid.
    """

    passenger: Passenger
    completed_at: float
    answer: Answer | None = None
    failure: Failure | None = None
    answered_by: Target | None = None
    paid: tuple[PaidCall, ...] = ()
    attempts: int = 0
    stages_ms: dict[str, float] = {}
    batch: str | None = None
    checks: tuple[CheckRecord, ...] = ()
    sealed: bytes = b""
    brought_back: bool = False

    @property
    def makeshift(self) -> bool:
        """Whether an answer was delivered that did not hold, since nobody gave a better one."""
        return bool(self.checks) and any(check.delivered_because is not None for check in self.checks)

    def answering_call(self) -> PaidCall | None:
        """Return the paid call that gave the answer; None when nothing was billed for it."""
        by = self.answered_by
        if by is None:
            return None
        for call in reversed(self.paid):
            if call.model == by.model and call.provider == by.provider:
                return call
        return None


class CallBatch(msgspec.Struct, frozen=True):
    """Calls for one partition of the dispatch topic."""

    calls: list[Call]
    version: int = 1


class CompletionBatch(msgspec.Struct, frozen=True):
    """Completions for one partition of the completions topic."""

    completions: list[Completion]
    version: int = 1
