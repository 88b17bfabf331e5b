"""Making decisions durable: results, calls and audits go to their topics, then the receipts are settled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from schemas.batch import Call, Passenger
from schemas.result import Lane
from schemas.settings import KafkaSettings
from schemas.verdict import Verdict
from schemas.wire import AuditRecord, DeadLetterRecord, ResultRecord, UsageRecord
from streams.envelope import Publication, cloud_event
from streams.log import Log
from streams.metrics.tally import Tally
from streams.sealing.codec import ContentCodec
from streams.sealing.patience import Patience
from streams.stage import Journey, Receipt
from streams.surveys import survey_event
from streams.tenancy.state import PartitionState, ledger_key
from streams.topics import AUDIT, DEADLETTER, DISPATCH, RESULTS, SURVEYS, USAGE, VERDICTS

ToCall = Callable[[Journey, float], Call]
ShardPartition = Callable[[Call, int], int]

PASSENGER_BYTES = 1024
"""What a call holds besides its body."""

_json = msgspec.json.Encoder()


class Delivery:
    """Publishes what the stages of one worker decided.

    Args:
        to_call: Makes a call of a routed journey.
        shard_partition: Chooses the dispatch partition of a call.
        codec: Seals what has a data key.
        patience: Waits for data keys that are out of reach.
        clock: Returns Unix seconds.
        tally: Counts what was published.
    """

    def __init__(
        self,
        log: Log,
        kafka: KafkaSettings,
        to_call: ToCall,
        shard_partition: ShardPartition,
        codec: ContentCodec,
        patience: Patience,
        clock: Callable[[], float],
        tally: Tally,
    ) -> None:
        self.codec = codec
        self.patience = patience
        self._clock = clock
        self._tally = tally
        self._log = log
        self._kafka = kafka
        self._to_call = to_call
        self._shard_partition = shard_partition

    async def results(self, state: PartitionState, ended: Sequence[tuple[ResultRecord, Receipt | None]]) -> None:
        """Publish terminal results; then the ledger knows them and their receipts are settled."""
        if not ended:
            return
        keys = [ledger_key(result.tenant, result.id) for result, _ in ended]
        state.ending.update(keys)
        publications = await self.patience.through(
            lambda: [
                cloud_event(RESULTS, result.id, result.tenant, result.completed_at, self._result(result))
                for result, _ in ended
            ]
        )
        offsets = await self._log.publish(RESULTS.name, state.partition, publications)
        state.results_position = max(state.results_position, offsets[-1] + 1)
        self._tally.results([result for result, _ in ended])
        for key, (result, receipt), offset in zip(keys, ended, offsets, strict=True):
            state.ledger.ended(key, result.request_digest or "", offset)
            state.calls.close(key)
            if state.intermediate.leaving:
                state.left_steps(key)
            state.governance.ended(key)
            state.spending.release(result.tenant or "", key)
            state.ending.discard(key)
            if receipt is not None:
                receipt.settle()

    def _result(self, result: ResultRecord) -> bytes:
        return _json.encode(result if result.sealed is None else self.codec.sealed_result(result))

    async def usages_then_results(
        self,
        state: PartitionState,
        ended: Sequence[tuple[ResultRecord, Receipt | None]],
        usages: Sequence[UsageRecord],
    ) -> None:
        """Publish usage first: a result in the log then proves that its paid calls are counted."""
        await self.usages(state, usages)
        await self.results(state, ended)

    async def calls(self, state: PartitionState, journeys: Sequence[Journey], now: float) -> None:
        """Dispatch routed journeys, grouped by the partition of their lane shard; first what their decisions name."""
        news = state.surveys.news([(journey.request.tenant, journey.findings) for journey in journeys], now)
        if news:
            await self._log.publish(SURVEYS.name, state.partition, [survey_event(record) for record in news])
            state.surveys.told(news, now)
        shards: dict[int, list[tuple[Call, Journey]]] = {}
        for journey in journeys:
            call = self._to_call(journey, now)
            shard = self._shard_partition(call, self._kafka.partitions)
            shards.setdefault(shard, []).append((call, journey))
        await asyncio.gather(*(self._dispatch(state, shard, pairs) for shard, pairs in shards.items()))

    async def _dispatch(self, state: PartitionState, shard: int, pairs: list[tuple[Call, Journey]]) -> None:
        groups = list(_split(pairs, self._kafka.batch_bytes))
        publications = await self.patience.through(
            lambda: [Publication(self.codec.encode_calls(call for call, _ in group)) for group in groups]
        )
        positions = state.positions
        offsets = await self._log.publish(DISPATCH.name, shard, publications)
        for group, offset in zip(groups, offsets, strict=True):
            for call, journey in group:
                key = ledger_key(call.passenger.tenant, call.passenger.id)
                if (step := call.passenger.step) is not None:
                    if state.intermediate.awaits(call.passenger.tenant, step):
                        request_key = ledger_key(call.passenger.tenant, step.request_id)
                        state.calls.open_step(key, request_key, shard, offset, positions)
                    continue
                waits_long = call.passenger.lane is Lane.BATCH  # its own custodian knows it, and for a day
                if waits_long:
                    state.governance.ended(key)
                # a call may end before its publisher hears that it is durable
                if not state.ledger.has_ended(key) and _must_be_found(state, call.passenger, key):
                    state.calls.open(key, shard, offset, positions)
                if call.passenger.steps:
                    state.left_steps(key)
                journey.receipt.settle()

    async def usages(self, state: PartitionState, usages: Sequence[UsageRecord]) -> None:
        """Publish paid calls, but for those a predecessor has published already."""
        fresh = [usage for usage in usages if usage.id not in state.usage_seen]
        publications = [
            cloud_event(USAGE, usage.id, usage.tenant, usage.occurred_at, _json.encode(usage)) for usage in fresh
        ]
        sending = state.spending.sending()
        offsets = await self._log.publish(USAGE.name, state.partition, publications)
        self._tally.usages(fresh)
        if warnings := state.spending.booked(sending, fresh, offsets, self._clock()):
            await self.audits(state.partition, warnings)

    async def audits(self, partition: int, audits: Sequence[AuditRecord]) -> None:
        """Publish auditable decisions."""
        publications = [
            cloud_event(AUDIT, audit.id, audit.tenant, audit.occurred_at, _json.encode(audit)) for audit in audits
        ]
        await self._log.publish(AUDIT.name, partition, publications)

    async def verdicts(self, partition: int, verdicts: Sequence[Verdict]) -> None:
        """Publish what was learnt about answers to questions in other words."""
        publications = [Publication(msgspec.msgpack.encode(verdict), verdict.tenant.encode()) for verdict in verdicts]
        await self._log.publish(VERDICTS.name, partition, publications)

    async def dead_letters(self, partition: int, letters: Sequence[DeadLetterRecord]) -> None:
        """Publish what could not be processed."""
        publications = [
            cloud_event(
                DEADLETTER,
                letter.id,
                None,
                letter.occurred_at,
                _json.encode(letter),
                key=f"{letter.source_topic}/{letter.source_partition}".encode(),
            )
            for letter in letters
        ]
        await self._log.publish(DEADLETTER.name, partition, publications)
        self._tally.dead_letters(letters)


def _must_be_found(state: PartitionState, passenger: Passenger, key: str) -> bool:
    """Return whether a successor must find a call by reading the dispatch topic.

    One that waits in a batch is known to its own custodian for a day, and to the budgets once they have noted it.
    """
    return passenger.lane is not Lane.BATCH or state.spending.outlast(passenger.tenant, key)


def _split(pairs: list[tuple[Call, Journey]], batch_bytes: int) -> list[list[tuple[Call, Journey]]]:
    """Group calls so that a message stays below the batch size, as estimated; a single larger one stands alone."""
    groups: list[list[tuple[Call, Journey]]] = []
    size = batch_bytes
    for pair in pairs:
        weight = len(pair[0].body) + PASSENGER_BYTES
        if size + weight > batch_bytes:
            groups.append([])
            size = 0
        groups[-1].append(pair)
        size += weight
    return groups
