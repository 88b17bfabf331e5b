"""The entrance of one partition: a message becomes requests only where its sender has proven to be allowed to.

Only a message that is signed, lately and for the first time, under a key that may produce for the tenant, can give a
result. Whatever else comes leaves a dead letter and an audit record: a result would be the end of a request id, and
nobody may end what is not proven to be his (docs/adr/0009).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agents.governance import problems
from agents.governance.decoder import decode
from agents.governance.digest import request_digest
from agents.governance.identity import tenant_name
from agents.governance.keys import authorize
from agents.governance.registry import Registry
from agents.governance.signatures import faults
from agents.governance.signatures.memory import SignatureMemory
from agents.governance.signatures.verifier import Fault, Verifier
from schemas.governance import KeyIssued, Scope
from schemas.settings import IntakeSettings
from schemas.wire import ProblemRecord
from streams.outcomes import DeadLetter, Message, Ok, Outcome, Rejected
from streams.records import Record
from streams.signing import MS_PER_SECOND

UNSIGNED = "unsigned_request"


class OpenEntrance:
    """The entrance where nobody is asked who he is.

    Args:
        intake: What a message may hold.
    """

    def __init__(self, intake: IntakeSettings) -> None:
        self._intake = intake

    def read(self, record: Record, now: float) -> Sequence[Outcome]:
        """Return the outcome of each request in a message."""
        del now
        return decode(_message(record), self._intake)

    def recall(self, record: Record, now: float) -> None:
        """Do nothing: nothing is remembered."""

    @property
    def remembers(self) -> bool:
        """Return that it does not."""
        return False

    @property
    def reach(self) -> int | None:
        """Return None: a successor needs to read nothing."""
        return None


class GuardedEntrance:
    """The entrance where signatures are checked.

    Args:
        intake: What a message may hold.
        verifier: Knows who signed.
        registry: Who is registered.
        required: Whether who does not sign is refused; else only what is signed must be signed well.
    """

    def __init__(
        self,
        intake: IntakeSettings,
        verifier: Verifier,
        registry: Registry,
        *,
        required: bool,
    ) -> None:
        self._intake = intake
        self._verifier = verifier
        self._registry = registry
        self._required = required
        self._memory = SignatureMemory(verifier.skew_ms)

    def read(self, record: Record, now: float) -> Sequence[Outcome]:
        """Return the outcome of each request in a message, or one dead letter when it is refused."""
        message = _message(record)
        found = self._verifier.verify(record, self._memory, now)
        if isinstance(found, Fault):
            if found.problem.code == UNSIGNED and not self._required:
                return decode(message, self._intake)
            return [self._refused(record, 0, found.problem, found.key, record.value or b"")]
        objection = authorize(found.key, Scope.PRODUCER, now, found.arrived)
        if objection is not None:
            return [self._refused(record, 0, objection, found.key, record.value or b"")]
        outcomes = decode(message, self._intake)
        return [self._signed(record, place, found.key, outcome) for place, outcome in enumerate(outcomes)]

    def recall(self, record: Record, now: float) -> None:
        """Remember a message that a predecessor has read."""
        self._verifier.verify(record, self._memory, now)

    @property
    def remembers(self) -> bool:
        """Return that it does."""
        return True

    @property
    def reach(self) -> int | None:
        """Return the offset from which on a successor must recall; None while there is nothing to."""
        return self._memory.reach

    def _signed(self, record: Record, place: int, key: KeyIssued, outcome: Outcome) -> Outcome:
        """Return the outcome of one request of a message that is proven to be the key's."""
        if isinstance(outcome, Ok):
            request = outcome.request
            if request.tenant != key.tenant:
                return self._refused(record, place, faults.wrong_tenant(key), key, outcome.body)
            if key.user is None or request.user == key.user:
                return msgspec.structs.replace(outcome, key_id=key.key_id)
            if request.user is None:  # from here on as if the request had named him
                named = request.model_copy(update={"user": key.user})
                digest = outcome.digest if request.sealed is not None else request_digest(named)
                return msgspec.structs.replace(outcome, request=named, digest=digest, key_id=key.key_id)
            problem = problems.to_resend(faults.wrong_user(key))
            return Rejected(request.id, request.tenant, problem, outcome.digest, key.user, outcome.body)
        if isinstance(outcome, Rejected):
            if outcome.tenant is not None and outcome.tenant != key.tenant:
                return self._refused(record, place, faults.wrong_tenant(key), key, outcome.body)
            return msgspec.structs.replace(outcome, tenant=key.tenant, user=key.user or outcome.user)
        return outcome

    def _refused(
        self, record: Record, place: int, problem: ProblemRecord, key: KeyIssued | None, value: bytes
    ) -> DeadLetter:
        if key is not None:
            tenant: str | None = key.tenant
        else:
            claimed = tenant_name((record.key or b"").decode(errors="replace"))
            tenant = claimed if claimed is not None and self._registry.get(claimed) is not None else None
        # The time tells places on different logs apart: the embedded broker begins anew at every start.
        stamp = round(record.timestamp * MS_PER_SECOND)
        audit_id = f"refusal/{record.topic}/{record.partition}/{record.offset}/{place}/{stamp}"
        return DeadLetter(_message(record), place, problem, value, audit_id, tenant)


def _message(record: Record) -> Message:
    return Message(record.value, record.key, record.headers, record.topic, record.partition, record.offset)
