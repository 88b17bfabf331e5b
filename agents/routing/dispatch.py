"""A routed journey as a call, and the partition of the dispatch topic it goes to."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import msgspec

from schemas.batch import Call, Passenger
from streams.stage import Journey, deadline_of

NOTHING_SAID = msgspec.Raw(b"{}")
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_sampling = msgspec.json.Decoder(dict[str, Any] | None)


def to_call(journey: Journey, now: float) -> Call:
    """Return the call that a routed journey asks of the provider stage."""
    tenant, choice = journey.tenant, journey.choice
    assert tenant is not None, "governance names the tenant before dispatch"
    assert choice is not None, "routing decides before dispatch"
    request = journey.request
    trace = request.trace
    passenger = Passenger(
        id=request.id,
        tenant=request.tenant,
        partition=journey.partition,
        digest=journey.digest,
        lane=journey.lane,
        choice=choice,
        reference_model=tenant.reference_model,
        received_at=journey.received_at,
        user=request.user,
        task_type=request.task_type,
        fingerprint=journey.fingerprint,
        cache_ttl_seconds=0.0 if journey.fingerprint is None else tenant.answer_ttl(request.cache),
        tags=request.tags,
        traceparent=None if trace is None else trace.traceparent,
        tracestate=None if trace is None else trace.tracestate,
        key_id=journey.key_id,
        originals=journey.originals,
        personal_data=journey.personal_data,
        injection=journey.injection,
        team=journey.team,
        reserved=journey.reserved,
        data_key=None if journey.data_key is None else journey.data_key.id,
        asked=journey.asked,
        step=journey.step,
        steps=journey.taken,
    )
    deadline = deadline_of(request)
    longest = journey.longest_answer
    body = journey.body if longest is None else bounded(journey.body, longest)
    return Call(passenger, body, journey.targets, now, deadline, journey.stages_ms, journey.cascade, journey.prefix)


def bounded(body: bytes, longest: int) -> bytes:
    """Return a request's JSON with a bound on its answer, in tokens; the other fields keep their bytes."""
    fields = _fields.decode(body)
    sampling = _sampling.decode(fields.get("sampling", NOTHING_SAID)) or {}
    sampling["max_output_tokens"] = longest
    fields["sampling"] = msgspec.Raw(msgspec.json.encode(sampling))
    return msgspec.json.encode(fields)


def shard_partition(call: Call, partitions: int) -> int:
    """Return the dispatch partition of a call.

    A provider's calls spread over all partitions by request id, so that all workers share its limits and load. The
    same request at the same provider always lands on the same partition, whatever lane it travels in (the lane may
    change when it is sent again later): there the provider stage recognises it. CRC-32 because the answer must be
    the same in every process, which Python's own `hash` is not; providers start at different partitions.
    """
    spread = crc32(call.passenger.id.encode()) + crc32(call.targets[0].provider.encode())
    return spread % partitions
