"""The composition root: the one place that knows every stage and wires them to the topics."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import faust

from agents.accounting.agent import Accounting
from agents.accounting.settlement import Settlement, settle, supersede
from agents.cache.stage import CacheStep
from agents.governance.audit.agent import Notary, Sealer
from agents.governance.audit.keys import configured_notary
from agents.governance.encryption.configured import configured_encryption
from agents.governance.ledger import Ledger
from agents.governance.limits import RateLimiter
from agents.governance.personal.configured import configured_screening
from agents.governance.registry import Registry
from agents.governance.signatures.configured import configured_entrances
from agents.governance.stage import GovernanceStep
from agents.intake.agent import Intake
from agents.providers.agent import Calls, Ticket
from agents.providers.batches.interface import BatchInterface
from agents.providers.batches.interfaces import build_interfaces
from agents.providers.batches.lane import BatchLane
from agents.providers.call_names import unique_ids
from agents.providers.protocol import Provider
from agents.providers.registry import build_providers, check_models
from agents.providers.runner import CallRunner
from agents.routing.agent import Renewal
from agents.routing.configured import (
    configured_checker,
    configured_predictor,
    configured_sharpening,
    configured_tasks,
)
from agents.routing.dispatch import shard_partition, to_call
from agents.routing.expectations import Experience
from agents.routing.predictions import QualityPredictor
from agents.routing.stage import RoutingStep
from agents.windows.stage import WindowStep
from schemas.batch import Completion
from schemas.errors import BrokerUnavailable, ConfigurationError
from schemas.models_file import ModelsFile
from schemas.registry import ModelRegistry
from schemas.settings import Settings
from streams.app import Receive, agent, create_app, source
from streams.background import Background
from streams.checkpoints import CheckpointLog
from streams.custody import Custody
from streams.follow import Following, follow
from streams.log import Log
from streams.presence import Presence
from streams.receipts import Capacity
from streams.tenancy.delivery import Delivery
from streams.tenancy.owner import Tenancy
from streams.tenancy.state import PartitionState
from streams.topics import AUDIT, COMPLETIONS, DISPATCH, GOVERNANCE, REQUESTS, Topic
from streams.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

EXPIRY_CHECK_SECONDS = 0.25
NAMES = {REQUESTS: "intake", DISPATCH: "providers", COMPLETIONS: "accounting", AUDIT: "audit"}
"""Of the agents, by the topic that each receives."""


@dataclass(slots=True)
class Stages:
    """The stages of one worker and what they share, whoever delivers to them.

    Attributes:
        background: Deliveries of intake and accounting under way.
        lane: The batch lane; None when it is off.
        publishing: Publications of completions, and work of the batch lane, under way.
        receivers: What takes in the deliveries of each input topic: partition, records, acknowledgement.
        following: How far this worker knows who may use the system.
        sealer: Seals the audit trail.
        routing: Chooses models.
        experience: Of how long answers are, for routing.
        predictor: Of quality, for routing; None where none is configured.
    """

    intake: Intake
    calls: Calls
    accounting: Accounting
    runner: CallRunner[Ticket]
    lane: BatchLane | None
    custody: Custody
    background: Background
    publishing: Background
    directory: Registry
    following: Following
    receivers: Mapping[Topic, Receive]
    sealer: Sealer
    routing: RoutingStep
    experience: Experience
    predictor: QualityPredictor | None

    def tick(self) -> float | None:
        """Do what is due; return when to come back at the latest, in Unix seconds."""
        if self.lane is not None:
            self.lane.tick()
        self.sealer.tick()
        return self.intake.tick()


@dataclass(slots=True)
class Pipeline:
    """Everything one worker runs."""

    settings: Settings
    app: faust.App
    stages: Stages
    renewal: Renewal
    presence: Presence

    async def follow_grades(self) -> None:
        """Let the predictor learn from grades in the archive, for ever; return at once where nothing learns."""
        seconds, predictor = self.settings.routing.feedback_seconds, self.stages.predictor
        if not seconds or predictor is None:
            return
        async with Warehouse(self.settings.clickhouse) as warehouse:
            await configured_sharpening(warehouse, predictor, seconds).follow()

    async def follow_governance(self) -> None:
        """Keep up to date who may use the system, for ever."""
        await follow(self.settings.kafka, GOVERNANCE, self.stages.directory.apply, self.stages.following)

    async def tick(self) -> None:
        """Close windows when they are due, for ever.

        Raises:
            BrokerUnavailable: Faust has given up; only a restart mends that.
        """
        while True:
            if self.app.crashed or self.app.consumer.crashed:
                raise BrokerUnavailable("the consumer has crashed")
            due = self.stages.tick()
            wait = EXPIRY_CHECK_SECONDS if due is None else min(max(0.0, due - time.time()), EXPIRY_CHECK_SECONDS)
            await asyncio.sleep(wait)

    async def drain(self) -> None:
        """Stop reading, let calls under way finish, make everything durable and commit it."""
        consumer = self.app.consumer
        cast("Any", consumer).stop_flow()
        await self.stages.custody.lose(frozenset())
        await consumer.commit()
        await self.stages.runner.close()
        if self.stages.lane is not None:
            await self.stages.lane.close()


def build(settings: Settings, log: Log, fatal: Callable[[BaseException], object]) -> Pipeline:
    """Wire the stages of one worker to the topics.

    Args:
        settings: The configuration.
        log: The log, started.
        fatal: Called when something failed that only a restart mends.

    Raises:
        ConfigurationError: The models file or a provider is configured wrongly.
    """
    models_file = ModelsFile(settings.models_file)
    registry = models_file.load()
    providers = build_providers(settings.providers, registry)
    batches = build_interfaces(settings.providers, settings.batches) if settings.windows.batch_lane else {}
    if settings.windows.batch_lane and not batches:
        raise ConfigurationError(
            "windows.batch_lane is on, but no provider has a batch interface; set providers.<name>.batches for one"
        )
    stages = compose_stages(
        settings,
        log,
        fatal,
        registry,
        providers,
        batches,
        clock=time.time,
        call_id=unique_ids(),
        notary=configured_notary(settings),
    )
    app = create_app(settings, stages.custody)
    for topic, name in NAMES.items():
        app.agent(source(app, topic), name=name)(agent(stages.receivers[topic], fatal))
    admit = partial(check_models, settings.providers)
    renewal = Renewal(settings, models_file, registry, stages.routing, stages.experience, admit)
    presence = Presence(settings, uuid.uuid4().hex, log, stages.following, time.time)
    return Pipeline(settings, app, stages, renewal, presence)


def compose_stages(
    settings: Settings,
    log: Log,
    fatal: Callable[[BaseException], object],
    registry: ModelRegistry,
    providers: Mapping[str, Provider],
    batches: Mapping[str, BatchInterface] | None = None,
    *,
    clock: Callable[[], float],
    call_id: Callable[[], str],
    notary: Notary | None = None,
    fit: Callable[[PartitionState], PartitionState] = lambda state: state,
) -> Stages:
    """Compose the stages of one worker, without deciding who delivers to them.

    Args:
        settings: The configuration.
        log: The log, started.
        fatal: Called when something failed that only a restart mends.
        registry: The models to choose from.
        providers: What answers, by name.
        batches: Their batch interfaces, by name, for the batch lane.
        clock: Returns Unix seconds.
        call_id: Returns an id never returned before by any worker.
        notary: Signs the heads of the audit trail's chains; None leaves them unsigned.
        fit: Given every fresh partition; may put other steps into it.
    """
    codec, opener, forget = configured_encryption(settings.governance)
    directory = Registry(lambda tenant, data_key: tenancy.forget(forget(tenant, data_key)))
    entrances, following = configured_entrances(settings, directory, opener), Following()
    background, publishing = Background(fatal), Background(fatal)
    capacity, calling, unsettled = (Capacity(settings.worker.max_outstanding) for _ in range(3))
    calls = Calls(settings, log, publishing, calling, codec)
    runner = CallRunner(
        providers,
        settings.providers,
        clock=clock,
        call_id=call_id,
        on_completion=calls.completed,
        checker=configured_checker(settings.routing),
    )
    calls.run_with(runner)
    predictor, tasks = configured_predictor(settings.routing), configured_tasks(settings.routing)
    routing = RoutingStep(registry, settings.routing, predictor, runner.down, tasks)
    experience, screening = Experience(settings.routing.learn_after), configured_screening(settings.screening)

    def new_state(partition: int) -> PartitionState:
        state = PartitionState(
            partition=partition,
            entrance=entrances.make(),
            ledger=Ledger(settings.intake.known_ids),
            governance=GovernanceStep(directory, RateLimiter()),
            personal_data=screening,
            cache=CacheStep(settings.intake, registry),
            windows=WindowStep(settings.windows, settings.batches),
            routing=routing,
        )
        return fit(state)

    def price(completion: Completion, now: float, superseded: bool) -> Settlement:
        experience.observe(completion)
        return supersede(completion, registry) if superseded else settle(completion, registry, now)

    delivery = Delivery(log, settings.kafka, to_call, shard_partition, codec)
    tenancy = Tenancy(settings, log, new_state, following.caught_up, background, capacity, clock, codec)
    intake = Intake(settings, tenancy, entrances.forward, delivery, log, background, capacity, clock)
    keep_bytes = settings.intake.dead_letter_bytes
    accounting = Accounting(tenancy, price, delivery, intake.release, background, clock, keep_bytes, unsettled)
    lane = None
    if batches:
        lane = BatchLane(settings, log, batches, publishing, clock, calls.publish, calls.call_instead, codec)
        calls.batch_with(lane)
    sealer = Sealer(settings.audit, log, background, clock, notary)
    custody = Custody(log, CheckpointLog(settings.kafka.group, log), (tenancy, calls, sealer))

    receivers: Mapping[Topic, Receive] = {
        REQUESTS: intake.receive,
        DISPATCH: lambda _, records, acknowledge: calls.receive(records, acknowledge),
        COMPLETIONS: accounting.receive,
        AUDIT: sealer.receive,
    }
    return Stages(
        intake=intake,
        calls=calls,
        accounting=accounting,
        runner=runner,
        lane=lane,
        custody=custody,
        background=background,
        publishing=publishing,
        receivers=receivers,
        directory=directory,
        following=following,
        sealer=sealer,
        routing=routing,
        experience=experience,
        predictor=predictor,
    )
