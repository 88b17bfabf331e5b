"""One lone request: sent as a single event, its result awaited."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec

from schemas.request import Request
from schemas.settings import KafkaSettings
from streams.envelope import cloud_event
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.sealing.codec import ContentKeys
from streams.signing import Signer
from streams.submission.content import ContentAccess, read_sealing_facts
from streams.submission.following import ResultFollower
from streams.submission.outcome import decode_outcome
from streams.topics import REQUESTS

POLL_MS = 100


async def ask(
    request: Request,
    kafka: KafkaSettings,
    patience: float,
    signer: Signer | None = None,
    keys: ContentKeys | None = None,
) -> bytes | None:
    """Send the request, sealed and signed as it must be, and return its result's JSON; None when none came in time.

    Without the data keys the answer of a tenant that encrypts stays sealed.

    Raises:
        BrokerUnavailable: No broker answers.
        ConfigurationError: The topics do not exist.
    """
    async with ResultFollower(kafka) as follower, Outbox(kafka) as outbox:
        await follower.go_to({})
        key_id = None if signer is None else signer.key_id
        content = ContentAccess(kafka, await read_sealing_facts(kafka), keys, request.id, key_id)
        value = content.sealed(request.tenant, request.model_dump_json(exclude_defaults=True).encode())
        await content.allow([request.tenant])
        event = cloud_event(REQUESTS, request.id, request.tenant, datetime.now(UTC), value)
        if signer is not None:
            event = signer.signed(REQUESTS.name, event)
        partition = home_partition(request.tenant, follower.partitions)
        try:
            async with asyncio.timeout(patience):
                await outbox.publish(REQUESTS.name, partition, [event])
                return content.opened(await _result_of(request, follower))
        except TimeoutError:
            return None


async def _result_of(request: Request, follower: ResultFollower) -> bytes:
    while True:
        for record in await follower.read(POLL_MS):
            try:
                outcome = decode_outcome(record.value)
            except (msgspec.MsgspecError, TypeError):
                continue  # not a result; some other program wrote it
            if (outcome.tenant, outcome.id) == (request.tenant, request.id):
                return bytes(record.value)
