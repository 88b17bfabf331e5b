"""What one worker consists of, and what it does for ever beside its agents."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import faust

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
from streams.presence import Presence
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

    def tick(self) -> float | None:
        """Do what is due; return when to come back at the latest, in Unix seconds."""
        if self.lane is not None:
            self.lane.tick()
        self.sealer.tick()
        self.bookkeeper.tick()
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

    async def check_data_keys(self) -> None:
        """Once it is known who encrypts, say of which organizations this worker cannot read the data keys."""
        await self.stages.following.caught_up.wait()
        for lack in shortfalls(self.stages.directory, self.stages.data_keys):
            logger.warning("encryption is not ready", extra=lack._asdict())
            await asyncio.sleep(0)

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
