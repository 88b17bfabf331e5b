"""The one place where calls, completions and results become bytes, and content becomes ciphertext.

What travels is sealed where its request has a data key. It is read as it travels and opened one by one, since the key
of one may be out of reach (`KeyOutOfReach`), which is waited for, and nobody else's must wait with it. A request
without a data key costs the look at one attribute.

Content whose key was destroyed, or never was one of this worker's vault, is no error: a call comes back with an empty
body and a completion with a failure, so that the request still ends.
"""

from __future__ import annotations

import logging
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Protocol

import msgspec

from schemas.batch import Asked, Call, CallBatch, Completion, CompletionBatch, Failure, Passenger
from schemas.errors import AsahiError, KeyOutOfReach
from schemas.jobs import ItemsTaken, JobRecord
from schemas.wire import Answer, ResultRecord, SealedRecord
from streams.sealing.binding import Field, SealBroken, binding
from streams.sealing.envelope import MAGIC, ContentKey, key_id_of

logger = logging.getLogger(__name__)

UNREADABLE = Failure(
    "content_unreadable",
    "the content cannot be opened: its data key was destroyed, or is not in the vault of this worker",
    "send the request again, sealed to the tenant's present data key; have an operator compare the workers' vaults",
)
SEALED_MESSAGE = "what the provider said is sealed with the content"

_encode = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode


class _Body(msgspec.Struct, array_like=True):
    """What a call's envelope holds."""

    body: bytes
    originals: dict[str, str] = {}
    asked: Asked | None = None


class _End(msgspec.Struct, array_like=True):
    """What a completion's envelope holds."""

    answer: Answer | None = None
    message: str | None = None
    originals: dict[str, str] = {}
    asked: Asked | None = None


class Said(msgspec.Struct, omit_defaults=True):
    """What a result's envelope holds."""

    output: Answer | None = None
    error_message: str | None = None


_batch = msgspec.msgpack.Decoder(CallBatch).decode
_completions = msgspec.msgpack.Decoder(CompletionBatch).decode
_jobs = msgspec.msgpack.Decoder(JobRecord).decode
_body = msgspec.msgpack.Decoder(_Body).decode
_end = msgspec.msgpack.Decoder(_End).decode
_said = msgspec.json.Decoder(Said).decode


def read_calls(value: bytes) -> list[Call]:
    """Return the calls of a message as they travel."""
    return _batch(value).calls


def read_completions(value: bytes) -> list[Completion]:
    """Return the completions of a message as they travel."""
    return _completions(value).completions


def read_job(value: bytes) -> JobRecord:
    """Return a record of the batch lane as it travels."""
    return _jobs(value)


def written_completions(completions: list[Completion]) -> bytes:
    """Return a message of completions that are as they travel."""
    return _encode(CompletionBatch(completions))


class ContentKeys(Protocol):
    """Gives data keys."""

    def key(self, tenant: str, key_id: str) -> ContentKey:
        """Return a key of this tenant.

        Raises:
            KeyOutOfReach: It cannot be had at the moment.
            AsahiError: It was destroyed, or there is none.
        """
        ...


class NoKeys:
    """Where no encryption is configured: there is no key to anything."""

    def key(self, tenant: str, key_id: str) -> ContentKey:
        """Raise.

        Raises:
            SealBroken: Always.
        """
        raise SealBroken(f"no vault is configured, so nothing of {tenant} under data key {key_id} can be opened")


class ContentCodec:
    """Seals and opens what travels between stages.

    Whatever seals or opens raises `KeyOutOfReach` where the key cannot be had at the moment.

    Args:
        keys: The data keys of this process.
    """

    def __init__(self, keys: ContentKeys | None = None) -> None:
        self._keys = keys or NoKeys()

    def encode_calls(self, calls: Iterable[Call]) -> bytes:
        """Return a message of calls."""
        return _encode(CallBatch(self.sealed_calls(calls)))

    def encode_job(self, record: JobRecord) -> bytes:
        """Return a record of the batch lane."""
        facts = [
            ItemsTaken(self.sealed_calls(fact.calls)) if isinstance(fact, ItemsTaken) else fact
            for fact in record.facts
        ]
        return _encode(msgspec.structs.replace(record, facts=facts))

    def sealed_calls(self, calls: Iterable[Call]) -> list[Call]:
        """Return calls as they travel."""
        return [call if call.passenger.data_key is None else self._sealed_call(call) for call in calls]

    def sealed_completion(self, completion: Completion) -> Completion:
        """Return a completion as it travels."""
        passenger = completion.passenger
        if passenger.data_key is None:
            return completion
        failure = completion.failure
        end = _End(
            completion.answer, None if failure is None else failure.message, passenger.originals, passenger.asked
        )
        return msgspec.structs.replace(
            completion,
            passenger=_bare(completion),
            answer=None,
            failure=None if failure is None else msgspec.structs.replace(failure, message=SEALED_MESSAGE),
            sealed=self._seal(Field.ANSWER, passenger.tenant, passenger.id, passenger.data_key, _encode(end)),
        )

    def sealed_result(self, result: ResultRecord) -> ResultRecord:
        """Return a result as it is published: its answer, or what was said of a failure, under the key it names."""
        if result.sealed is None or result.tenant is None:
            return result
        error = result.error
        if result.output is None and error is None:
            return result
        said = Said(result.output, None if error is None else error.message)
        content = self._seal(Field.OUTPUT, result.tenant, result.id, result.sealed.key, _json(said))
        return msgspec.structs.replace(
            result,
            output=None,
            error=None if error is None else msgspec.structs.replace(error, message=SEALED_MESSAGE),
            sealed=SealedRecord(result.sealed.key, b64encode(content).decode() or None),
        )

    def _sealed_call(self, call: Call) -> Call:
        passenger = call.passenger
        assert passenger.data_key is not None, "only what has a key is sealed"
        content = _encode(_Body(call.body, passenger.originals, passenger.asked)) if call.body else b""
        body = self._seal(Field.BODY, passenger.tenant, passenger.id, passenger.data_key, content)
        return msgspec.structs.replace(call, passenger=_bare(call), body=body)

    def opened_call(self, call: Call) -> Call:
        """Return a call as it is made: an open one as it is, one that cannot be opened with an empty body."""
        passenger = call.passenger
        if passenger.data_key is None or not call.body.startswith(MAGIC):
            return call
        content = self._open(Field.BODY, passenger.tenant, passenger.id, call.body)
        if not content:
            return msgspec.structs.replace(call, body=b"")
        opened = _body(content)
        whole = msgspec.structs.replace(passenger, originals=opened.originals, asked=opened.asked)
        return msgspec.structs.replace(call, passenger=whole, body=opened.body)

    def opened_completion(self, completion: Completion) -> Completion:
        """Return a completion as it is accounted for; one that cannot be opened has failed."""
        passenger = completion.passenger
        if passenger.data_key is None:
            return completion
        content = self._open(Field.ANSWER, passenger.tenant, passenger.id, completion.sealed)
        if not content:
            return msgspec.structs.replace(completion, failure=completion.failure or UNREADABLE, sealed=b"")
        end = _end(content)
        failure = completion.failure
        if failure is not None and end.message is not None:
            failure = msgspec.structs.replace(failure, message=end.message)
        whole = msgspec.structs.replace(passenger, originals=end.originals, asked=end.asked)
        return msgspec.structs.replace(completion, passenger=whole, answer=end.answer, failure=failure, sealed=b"")

    def _seal(self, field: Field, tenant: str, request_id: str, key_id: str, content: bytes) -> bytes:
        """Return an envelope; empty when the key was destroyed meanwhile."""
        try:
            return (
                self._keys.key(tenant, key_id).seal(content, binding(field, tenant, request_id)) if content else b""
            )
        except KeyOutOfReach:
            raise
        except AsahiError as wrong:
            logger.warning("content is dropped: its key is gone", extra={"tenant": tenant, "reason": str(wrong)})
            return b""

    def _open(self, field: Field, tenant: str, request_id: str, envelope: bytes) -> bytes:
        """Return the content of an envelope; empty when it cannot be opened."""
        if not envelope:
            return b""
        try:
            return self._keys.key(tenant, key_id_of(envelope)).open(envelope, binding(field, tenant, request_id))
        except KeyOutOfReach:
            raise
        except AsahiError as wrong:
            logger.warning("content cannot be opened", extra={"tenant": tenant, "reason": str(wrong)})
            return b""


def _bare(whole: Call | Completion) -> Passenger:
    """Return the passenger without what it carries of the content."""
    passenger = whole.passenger
    if not passenger.originals and passenger.asked is None:
        return passenger
    return msgspec.structs.replace(passenger, originals={}, asked=None)


def opened_output(keys: ContentKeys, tenant: str, request_id: str, sealed: SealedRecord) -> Said | None:
    """Return what a published result says, or None when it says nothing.

    Raises:
        ContentErased: Its key was destroyed.
        KeyOutOfReach: Its key cannot be had at the moment.
        SealBroken: It was changed, or belongs to another request.
    """
    if sealed.content is None:
        return None
    envelope = b64decode(sealed.content)
    return _said(keys.key(tenant, sealed.key).open(envelope, binding(Field.OUTPUT, tenant, request_id)))
