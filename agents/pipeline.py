"""What one worker consists of, and what it does for ever beside its agents."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import faust
from prometheus_client.metrics_core import Metric

from agents.accounting.agent import Accounting
from agents.governance.audit.agent import Sealer
from agents.governance.budgets.agent import Bookkeeper
from agents.governance.encryption.keyring import DataKeys
from agents.governance.encryption.readiness import shortfalls
from agents.governance.registry import Registry
from agents.intake.agent import Intake
from agents.providers.agent import Calls
from agents.providers.batches.lane import BatchLane
from agents.providers.runner import CallRunner
from agents.providers.tickets import Ticket
from agents.routing.agent import Renewal
from agents.routing.configured import configured_sharpening
from agents.routing.expectations import Experience
from agents.routing.predictions import QualityPredictor
from agents.routing.stage import RoutingStep
from schemas.errors import BrokerUnavailable
from schemas.settings import Settings
from streams.app import Receive
from streams.background import Background
from streams.custody import Custody
from streams.follow import Following, follow
from streams.metrics.endpoint import Condition
from streams.metrics.exposition import of_this_process
from streams.metrics.tally import Tally
from streams.metrics.worker import asked, held, written
from streams.presence import Presence
from streams.receipts import Capacity
from streams.topics import GOVERNANCE, Topic
from streams.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

EXPIRY_CHECK_SECONDS = 0.25


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
        bookkeeper: Notes what budgets stand at.
        routing: Chooses models.
        experience: Of how long answers are, for routing.
        predictor: Of quality, for routing; None where none is configured.
        data_keys: Of those who encrypt; None without a vault.
        tally: Counts what was written.
        capacities: Bound what each stage holds, by its name.
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
    bookkeeper: Bookkeeper
    routing: RoutingStep
    experience: Experience
    predictor: QualityPredictor | None
    data_keys: DataKeys | None
    tally: Tally
    capacities: Mapping[str, Capacity]

    def tick(self) -> float | None:
        """Do what is due; return when to come back at the latest, in Unix seconds."""
        if self.lane is not None:
            self.lane.tick()
        self.sealer.tick()
        self.bookkeeper.tick()
        return self.intake.tick()

    def figures(self) -> Iterator[Metric]:
        """Give what is known of them, for Prometheus."""
        yield from written(self.tally)
        yield from asked(self.runner.health())
        yield from held({stage: capacity.used for stage, capacity in self.capacities.items()})


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

    async def check_data_keys(self) -> None:
        """Once it is known who encrypts, say of which organizations this worker cannot read the data keys."""
        await self.stages.following.caught_up.wait()
        for lack in shortfalls(self.stages.directory, self.stages.data_keys):
            logger.warning("encryption is not ready", extra=lack._asdict())
            await asyncio.sleep(0)

    async def figures(self) -> Iterator[Metric]:
        """Return the figures of this worker and its process, each to be read when it is written."""
        return chain(self.stages.figures(), of_this_process())

    async def condition(self) -> Condition:
        """Return how this worker is: what it says of itself, not whether it keeps up."""
        held_now = {stage: capacity.used for stage, capacity in self.stages.capacities.items()}
        if self._crashed:
            return Condition(False, "crashed", {"held": held_now})
        if not self.stages.following.caught_up.is_set():
            return Condition(False, "starting", {"held": held_now})
        return Condition(True, "ok", {"held": held_now})

    @property
    def _crashed(self) -> bool:
        """Whether Faust has given up."""
        return bool(self.app.crashed or self.app.consumer.crashed)

    async def tick(self) -> None:
        """Close windows when they are due, for ever.

        Raises:
            BrokerUnavailable: Faust has given up; only a restart mends that.
        """
        while True:
            if self._crashed:
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
