"""The composition root: the one place that knows every stage and wires them to the topics."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterable, Callable, Coroutine
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

import faust
from faust.types import EventT, StreamT

from agents.accounting.agent import Accounting
from agents.accounting.settlement import Settlement, settle, supersede
from agents.cache.stage import CacheStep
from agents.governance.decoder import decode
from agents.governance.ledger import Ledger
from agents.governance.limits import RateLimiter
from agents.governance.stage import GovernanceStep
from agents.governance.tenants import TenantDirectory
from agents.intake.agent import Intake
from agents.providers.agent import Calls
from agents.providers.registry import build_providers
from agents.providers.runner import CallRunner
from agents.routing.dispatch import shard_partition, to_call
from agents.routing.stage import RoutingStep
from agents.windows.stage import WindowStep
from schemas.batch import Completion
from schemas.registry import ModelRegistry
from schemas.settings import Settings
from streams.app import create_app, source
from streams.background import Background
from streams.checkpoints import CheckpointLog
from streams.custody import Custody
from streams.follow import follow
from streams.log import Log
from streams.outcomes import Message, Outcome
from streams.receipts import Capacity
from streams.records import Record
from streams.tenancy.delivery import Delivery
from streams.tenancy.owner import Tenancy
from streams.tenancy.state import PartitionState
from streams.topics import COMPLETIONS, DISPATCH, GOVERNANCE, REQUESTS

logger = logging.getLogger(__name__)

EXPIRY_CHECK_SECONDS = 0.25
Receive = Callable[[int, list[Record], Callable[[], object]], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class Pipeline:
    """Everything one worker runs."""

    settings: Settings
    app: faust.App
    intake: Intake
    calls: Calls
    runner: CallRunner[Any]
    background: Background
    directory: TenantDirectory
    ready: asyncio.Event

    async def follow_governance(self) -> None:
        """Keep the tenants up to date, for ever."""
        await follow(self.settings.kafka, GOVERNANCE, self.directory.apply, self.ready)

    async def tick(self) -> None:
        """Close windows when they are due, for ever."""
        while True:
            due = self.intake.tick()
            wait = EXPIRY_CHECK_SECONDS if due is None else min(max(0.0, due - time.time()), EXPIRY_CHECK_SECONDS)
            await asyncio.sleep(wait)

    async def drain(self) -> None:
        """Stop reading, let calls under way finish, make everything durable and commit it."""
        consumer = self.app.consumer
        cast("Any", consumer).stop_flow()
        await self.runner.drain(self.settings.worker.drain_seconds)
        await self.background.settled()
        await consumer.commit()
        await self.runner.close()


def build(settings: Settings, log: Log, fatal: Callable[[BaseException], object]) -> Pipeline:
    """Wire the stages of one worker.

    Args:
        settings: The configuration.
        log: The log, started.
        fatal: Called when something failed that only a restart mends.

    Raises:
        ConfigurationError: The models file or a provider is configured wrongly.
    """
    clock = time.time
    registry = ModelRegistry.load(settings.models_file)
    providers = build_providers(settings.providers, registry)
    directory, ready = TenantDirectory(), asyncio.Event()
    background = Background(fatal)
    routing = RoutingStep(registry, settings.routing)

    def new_state(partition: int) -> PartitionState:
        return PartitionState(
            partition=partition,
            ledger=Ledger(settings.intake.known_ids),
            governance=GovernanceStep(directory, RateLimiter()),
            cache=CacheStep(settings.intake, registry),
            windows=WindowStep(settings.windows),
            routing=routing,
        )

    def price(completion: Completion, now: float, superseded: bool) -> Settlement:
        return supersede(completion, registry) if superseded else settle(completion, registry, now)

    delivery = Delivery(log, settings.kafka, to_call, shard_partition)
    tenancy = Tenancy(settings, log, new_state, ready, background, clock)

    def decode_record(record: Record) -> list[Outcome]:
        message = Message(record.value, record.key, record.headers, record.topic, record.partition, record.offset)
        return decode(message, settings.intake)

    capacity = Capacity(settings.worker.max_outstanding)
    intake = Intake(settings, tenancy, decode_record, delivery, log, background, capacity, clock)
    accounting = Accounting(
        tenancy,
        price,
        delivery,
        intake.release,
        background,
        clock,
        settings.intake.dead_letter_bytes,
    )
    calls = Calls(settings, log, background, Capacity(settings.worker.max_outstanding))
    runner = CallRunner(
        providers,
        settings.providers,
        clock=clock,
        call_id=unique_ids(),
        on_completion=calls.completed,
    )
    calls.run_with(runner)
    app = create_app(settings, Custody(log, CheckpointLog(settings.kafka.group, log), (tenancy, calls)))

    async def receive_calls(partition: int, records: list[Record], acknowledge: Callable[[], object]) -> None:
        del partition
        await calls.receive(records, acknowledge)

    for name, topic, receive in (
        ("intake", REQUESTS, intake.receive),
        ("providers", DISPATCH, receive_calls),
        ("accounting", COMPLETIONS, accounting.receive),
    ):
        app.agent(source(app, topic), name=name)(agent(receive, fatal))
    return Pipeline(settings, app, intake, calls, runner, background, directory, ready)


def unique_ids() -> Callable[[], str]:
    """Return a source of ids never returned before by any worker: one random part per process, then a count."""
    process, numbers = uuid.uuid4().hex, count(1)
    return lambda: f"{process}-{next(numbers):x}"


def agent(receive: Receive, fatal: Callable[[BaseException], object]) -> Callable[[StreamT[Any]], Any]:
    """Return the Faust agent around a stage: every delivery is received in order and acknowledged by the stage.

    The body never raises, since Faust would acknowledge the event. What escapes a stage means that its state can no
    longer be trusted: the worker stops and its successor rebuilds it from the log.
    """

    async def body(stream: StreamT[Any]) -> None:
        events = cast("AsyncIterable[EventT[Any]]", cast("Any", stream).noack().events())
        async for event in events:
            try:
                await receive(event.message.partition, cast("list[Record]", event.value), event.ack)
            except Exception as bug:
                logger.critical("a stage cannot go on", exc_info=bug)
                fatal(bug)
                return

    return body
