"""What becomes of one request in a message: values, so that the agent need not catch anything."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from schemas.request import Request
from schemas.result import Status
from schemas.wire import AuditRecord, DeadLetterRecord, ProblemRecord, ResultRecord
from streams.stage import MS_PER_SECOND, DataKeyUse, moment

STAGE = "governance"


class Message(msgspec.Struct, frozen=True):
    """One message as Kafka delivered it.

    Attributes:
        headers: Pairs of name and value, as Kafka clients give them.
    """

    value: bytes | None
    key: bytes | None
    headers: Iterable[tuple[str, bytes | None]]
    topic: str
    partition: int
    offset: int


class Ok(msgspec.Struct, frozen=True):
    """A valid request.

    Attributes:
        body: The request's own JSON as it was sent.
        digest: Hex digest of the canonical request: BLAKE2b-128, or keyed for a sealed request.
        key_id: The key under which its message was signed; None in the unsigned mode.
        opened: The JSON of a sealed request with its content in plain text; stays in memory.
        data_key: What it was sealed to.
        digests: Gives the other digests of a sealed request: those that it has under the other data keys which may
            have been its, and in plain text. Raises `KeyOutOfReach`.
    """

    request: Request
    body: bytes
    digest: str
    key_id: str | None = None
    opened: bytes | None = None
    data_key: DataKeyUse | None = None
    digests: Callable[[], Iterable[str]] = tuple


class Rejected(msgspec.Struct, frozen=True):
    """A request that is refused and gets a terminal result saying why, since its id could be read.

    Attributes:
        tenant: As the message key names it, else as the body does; None when neither names one.
        digest: Hex BLAKE2b-128 of the bytes: there is no canonical form of what is not valid.
        user: As the body names one.
        body: The bytes.
        erased: Whether its data key was destroyed, so that nobody can say any more what it asks.
    """

    id: str
    tenant: str | None
    problem: ProblemRecord
    digest: str
    user: str | None = None
    body: bytes = b""
    erased: bool = False

    def result(self, received_at: float, now: float) -> ResultRecord:
        """Return the terminal result; times are Unix seconds."""
        return ResultRecord(
            id=self.id,
            status=Status.REJECTED,
            cost_usd="0",
            received_at=moment(received_at),
            completed_at=moment(now),
            tenant=self.tenant,
            user=self.user,
            error=self.problem,
            latency_ms=max(0.0, (now - received_at) * MS_PER_SECOND),
            request_digest=self.digest,
        )

    def audit(self, now: float) -> AuditRecord:
        """Return the audit record of this rejection; `now` in Unix seconds."""
        return rejection_audit(self.tenant, self.id, self.problem, now)


class DeadLetter(msgspec.Struct, frozen=True):
    """Bytes that get no result, since they have no readable id or nobody has proven that he may send them.

    They are kept with the reason.

    Attributes:
        position: Which request of the message, from 0.
        value: The bytes of this request, or of the whole message when it could not be divided.
        audit_id: Of the audit record about it; None when there is nothing to audit.
        tenant: Whom the audit record is about.
    """

    message: Message
    position: int
    problem: ProblemRecord
    value: bytes
    audit_id: str | None = None
    tenant: str | None = None

    @property
    def id(self) -> str:
        """Where it came from, which a redelivery repeats."""
        return f"{self.message.topic}/{self.message.partition}/{self.message.offset}/{self.position}"

    def record(self, now: float, max_bytes: int) -> DeadLetterRecord:
        """Return the event, with at most `max_bytes` of the original; `now` in Unix seconds."""
        key = self.message.key
        return DeadLetterRecord(
            id=self.id,
            source_topic=self.message.topic,
            source_partition=self.message.partition,
            source_offset=self.message.offset,
            stage=STAGE,
            code=self.problem.code,
            reason=self.problem.message,
            remedy=self.problem.remedy,
            field=self.problem.field,
            key=None if key is None else key.decode(errors="replace"),
            value_base64=base64.b64encode(self.value[:max_bytes]).decode(),
            size=len(self.value),
            truncated=len(self.value) > max_bytes,
            occurred_at=moment(now),
        )

    def audit(self, now: float) -> AuditRecord | None:
        """Return the audit record of this refusal, if it is one; `now` in Unix seconds."""
        if self.audit_id is None:
            return None
        return AuditRecord(
            id=self.audit_id,
            actor=STAGE,
            action="message_refused",
            subject=self.id,
            outcome="dead_letter",
            reason=f"{self.problem.code}: {self.problem.message}",
            occurred_at=moment(now),
            tenant=self.tenant,
        )


Outcome = Ok | Rejected | DeadLetter


def rejection_audit(tenant: str | None, request_id: str, problem: ProblemRecord, now: float) -> AuditRecord:
    """Return the audit record of a rejection; its id repeats when the request is delivered again."""
    return AuditRecord(
        id=f"rejection/{tenant or '-'}/{request_id}",
        actor=STAGE,
        action="request_rejected",
        subject=request_id,
        outcome=Status.REJECTED,
        reason=f"{problem.code}: {problem.message}",
        occurred_at=moment(now),
        tenant=tenant,
    )


class New(NamedTuple):
    """Never seen, as far as is remembered; it is in flight from now on."""


class InFlight(NamedTuple):
    """The same request is under way and will have its result."""


class Done(NamedTuple):
    """The same request has its result, at this offset of `asahi.results` in the partition of the same number."""

    offset: int


class Conflict(NamedTuple):
    """Another request has this id."""


Standing = New | InFlight | Done | Conflict
