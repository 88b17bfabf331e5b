"""The contract of a stage: a pure step over journeys, chained as a fold.

A *journey* is one admitted request between its receipt and its dispatch. A *step* takes the journeys of one
micro-batch and says which go on, which have ended and with what result. Steps hold state but no clock, no network
and no broker: the time comes in as `now` (Unix seconds). A step may keep a journey back (a request waiting for an
identical one in flight, a window still filling) by not returning it, and return it from a later call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol, runtime_checkable

import msgspec

from schemas.batch import Asked, Cascade, SharedPrefix, StepAccount, StepOf, Target
from schemas.effective_policy import UNRESTRICTED, EffectivePolicy
from schemas.request import Request, TraceContext
from schemas.result import Lane, Status
from schemas.survey import Findings
from schemas.tenant import TenantRegistered
from schemas.verdict import Verdict
from schemas.wire import NO_DECISION, AuditRecord, PersonalDataRecord, ProblemRecord, ResultRecord, TraceRecord
from streams.steps.accounts import with_steps
from streams.steps.foresight import Foresight

MS_PER_SECOND = 1000.0
MS_DIGITS = 3


class Receipt(Protocol):
    """What ties a journey to the message it came in: settled once its outcome is durable."""

    def settle(self) -> None:
        """Say that the outcome is durable; the message is acknowledged when all its requests are settled."""
        ...


class DataKeyUse(NamedTuple):
    """The data key that one request is sealed to.

    Attributes:
        id: Of the key.
        user: Whose key it is; None for one of the whole tenant.
        fingerprint: Returns a name for bytes that nobody can guess at without the key.
    """

    id: str
    user: str | None
    fingerprint: Callable[[bytes], str]


class Journey(msgspec.Struct):
    """One request on its way; owned by one step at a time, which fills in what it decides.

    Attributes:
        body: The request's own JSON, handed on to the provider stage unchanged.
        digest: Hex BLAKE2b-128 of the canonical request.
        partition: Partition of `asahi.requests` it came from.
        received_at: Unix seconds at which the worker received it.
        tenant: Set by governance.
        input_tokens: Estimated by governance.
        fingerprint: Set by the cache when the answer may be cached.
        lane: Set by windows.
        targets: Set by routing: the chosen model first, then fallbacks.
        choice: Set by routing: the JSON of a `schemas.wire.Choice`.
        findings: Set by routing: what the survey found that the choice names; None where it names none.
        cascade: Set by routing where the first targets are steps of a cascade.
        key_id: The key under which it was signed; None in the unsigned mode.
        team: Set by governance, as the user or the key belongs to one.
        originals: Set by governance: what stands behind the placeholders that it put into the prompt.
        personal_data: Set by governance when there is any in the request, or it could not be checked.
        injection: Set by governance: signs of prompt injection.
        policy: Set by governance: what the nested policies come to.
        longest_answer: Set by routing where the request sets no bound and its policy does, in tokens.
        reserved: Set by governance: what budgets hold for it, in dollars; None when no budget counts it.
        data_key: What the request was sealed to; None when it came in plain text.
        sent: The request as it was sent, where that is not `body`: sealed.
        inherited: Whether a predecessor may have let it in: rates count it then and do not refuse it.
        asked: Set by the cache when the answer may be served to others in other words.
        foresight: Set by governance where the request declares steps: what it may come to with them.
        step: Whose step it is; None for a request.
        taken: What the steps of the request came to, once their results are in place.
        prefix: Set by windows: its beginnings that others share; None for a short one.
    """

    request: Request
    body: bytes
    digest: str
    partition: int
    received_at: float
    receipt: Receipt
    tenant: TenantRegistered | None = None
    input_tokens: int = 0
    fingerprint: str | None = None
    lane: Lane = Lane.INTERACTIVE
    targets: tuple[Target, ...] = ()
    choice: bytes | None = None
    findings: Findings | None = None
    entered_at: float = 0.0
    stages_ms: dict[str, float] = {}
    cascade: Cascade | None = None
    key_id: str | None = None
    team: str | None = None
    originals: dict[str, str] = {}
    personal_data: PersonalDataRecord | None = None
    injection: tuple[str, ...] = ()
    policy: EffectivePolicy = UNRESTRICTED
    longest_answer: int | None = None
    reserved: Decimal | None = None
    data_key: DataKeyUse | None = None
    sent: bytes = b""
    inherited: bool = False
    asked: Asked | None = None
    foresight: Foresight | None = None
    step: StepOf | None = None
    taken: tuple[StepAccount, ...] = ()
    prefix: SharedPrefix | None = None

    @property
    def request_id(self) -> str:
        """The id that its producer knows it by: of a step, that of the request."""
        return self.request.id if self.step is None else self.step.request_id


@dataclass(slots=True)
class Flow:
    """What a step made of its journeys.

    Attributes:
        onward: Go to the next step.
        ended: Have their terminal result.
        audits: Go to the audit topic.
        bugs: Tripped over a bug, with its traceback; they are among those that have ended.
        verdicts: What was learnt about answers to questions in other words.
    """

    onward: list[Journey] = field(default_factory=list)
    ended: list[tuple[Journey, ResultRecord]] = field(default_factory=list)
    audits: list[AuditRecord] = field(default_factory=list)
    bugs: list[tuple[Journey, str]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


class Step(Protocol):
    """One stage before the call."""

    @property
    def name(self) -> str:
        """Name under which time spent is reported, e.g. `governance`."""
        ...

    def process(self, journeys: Sequence[Journey], now: float) -> Flow:
        """Decide about these journeys."""
        ...


@runtime_checkable
class Keeper(Protocol):
    """A step that keeps journeys back."""

    def withdraw(self, journey: Journey) -> None:
        """Take back what became of a journey in a call of `process` that failed: it comes again."""
        ...


def moment(seconds: float) -> datetime:
    """Return Unix seconds as an aware datetime."""
    return datetime.fromtimestamp(seconds, UTC)


def ms_between(earlier: float, later: float) -> float:
    """Return the milliseconds between two moments in Unix seconds; none when the clock went back."""
    return max(0.0, round((later - earlier) * MS_PER_SECOND, MS_DIGITS))


def deadline_of(request: Request) -> float | None:
    """Return the request's deadline as Unix seconds, or None."""
    deadline = request.constraints.deadline
    return None if deadline is None else deadline.timestamp()


def trace_of(trace: TraceContext | None) -> TraceRecord | None:
    """Return the wire twin of a trace context."""
    return None if trace is None else TraceRecord(trace.traceparent, trace.tracestate)


def ended_with(journey: Journey, status: Status, problem: ProblemRecord, now: float) -> ResultRecord:
    """Return the terminal result of a journey that ends without an answer."""
    request = journey.request
    result = ResultRecord(
        id=request.id,
        status=status,
        cost_usd="0",
        received_at=moment(journey.received_at),
        completed_at=moment(now),
        tenant=request.tenant,
        user=request.user,
        lane=journey.lane,
        task_type=request.task_type,
        decision=NO_DECISION if journey.choice is None else msgspec.Raw(journey.choice),
        error=problem,
        stages_ms=journey.stages_ms,
        latency_ms=ms_between(journey.received_at, now),
        tags=request.tags,
        trace=trace_of(request.trace),
        request_digest=journey.digest,
        personal_data=journey.personal_data,
        injection=list(journey.injection),
        team=journey.team,
    )
    return with_steps(result, journey.taken) if journey.taken else result


def expired(journey: Journey, now: float) -> ResultRecord:
    """Return the terminal result of a journey whose deadline passed before its call."""
    problem = ProblemRecord(
        "deadline_passed",
        "the deadline passed before the request was sent to a provider",
        "send it again with a later constraints.deadline, or none",
        "constraints.deadline",
    )
    return ended_with(journey, Status.EXPIRED, problem, now)
