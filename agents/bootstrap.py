"""The composition root: the one place that knows every stage and wires them to the topics."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from secrets import token_bytes

from agents.accounting.agent import Accounting
from agents.accounting.settlement import Settlement, settle, supersede
from agents.cache.agent import Grades
from agents.cache.configured import configured_questions
from agents.cache.intermediate.stage import IntermediateCache
from agents.cache.stage import CacheStep
from agents.governance.audit.agent import Notary, Sealer
from agents.governance.audit.keys import configured_notary
from agents.governance.budgets.agent import Bookkeeper
from agents.governance.budgets.desk import BudgetDesk
from agents.governance.budgets.estimate import Estimator
from agents.governance.encryption.configured import configured_encryption
from agents.governance.ledger import Ledger
from agents.governance.personal.configured import configured_screening
from agents.governance.rates.admission import Admission
from agents.governance.registry import Registry
from agents.governance.signatures.configured import configured_entrances
from agents.governance.stage import GovernanceStep
from agents.intake.agent import Intake
from agents.pipeline import Pipeline, Stages
from agents.providers.agent import Calls
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
    configured_tasks,
)
from agents.routing.dispatch import shard_partition, to_call
from agents.routing.expectations import Experience
from agents.routing.stage import RoutingStep
from agents.windows.prefixes import KEY_BYTES, PrefixRecogniser
from agents.windows.stage import WindowStep
from schemas.batch import Completion
from schemas.errors import ConfigurationError
from schemas.models_file import ModelsFile
from schemas.registry import ModelRegistry
from schemas.settings import Settings
from schemas.wire import ResultRecord
from streams.app import Receive, agent, create_app, source
from streams.background import Background
from streams.checkpoints import CheckpointLog
from streams.custody import Custody
from streams.follow import Following
from streams.log import Log
from streams.metrics.tally import Tally
from streams.presence import Presence
from streams.receipts import Capacity
from streams.sealing.facts import DataKeyFacts
from streams.surveys import ToldSurveys
from streams.tenancy.delivery import Delivery
from streams.tenancy.owner import Tenancy
from streams.tenancy.state import PartitionState
from streams.topics import AUDIT, COMPLETIONS, DISPATCH, FEEDBACK, REQUESTS, Topic

NAMES = {REQUESTS: "intake", DISPATCH: "providers", COMPLETIONS: "accounting", AUDIT: "audit", FEEDBACK: "cache"}
"""Of the agents, by the topic that each receives."""


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
    for topic, receive in stages.receivers.items():
        app.agent(source(app, topic), name=NAMES[topic])(agent(receive, fatal))
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

    def facts() -> DataKeyFacts:
        return directory.data_keys

    def evict(tenant: str) -> None:
        del tenant  # a look through all of them is cheap enough for what is seldom
        tenancy.evict()

    encryption = configured_encryption(settings, facts)
    codec, patience = encryption.codec, encryption.patience
    directory = Registry(
        lambda tenant, data_key: tenancy.forget(encryption.forget(tenant, data_key)),
        evict,
    )
    entrances, following = configured_entrances(settings, directory), Following()
    background, publishing = Background(fatal), Background(fatal)
    capacity, calling, unsettled = (Capacity(settings.worker.max_outstanding) for _ in range(3))
    calls = Calls(settings, log, publishing, calling, codec, patience)
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

    estimator, questions = Estimator(registry), configured_questions(settings)

    prefix_key = token_bytes(KEY_BYTES)

    def new_state(partition: int) -> PartitionState:
        budgets = BudgetDesk(directory, estimator, settings.governance.hold_seconds)
        state = PartitionState(
            partition=partition,
            entrance=entrances.make(),
            ledger=Ledger(settings.intake.known_ids),
            governance=GovernanceStep(directory, Admission(), budgets, settings.routing.expected_output_tokens),
            personal_data=screening,
            intermediate=IntermediateCache(settings.intake, price_again),
            cache=CacheStep(
                settings.intake, registry, None if questions is None else questions(), directory.evictions
            ),
            windows=WindowStep(settings.windows, settings.batches, PrefixRecogniser(settings.prefixes, prefix_key)),
            routing=routing,
            spending=budgets,
            surveys=ToldSurveys(settings.routing.known_surveys),
        )
        return fit(state)

    def price_again(completion: Completion, now: float) -> ResultRecord | None:
        return settle(completion, registry, now).result

    def price(completion: Completion, now: float, superseded: bool) -> Settlement:
        experience.observe(completion)
        return supersede(completion, registry) if superseded else settle(completion, registry, now)

    tally = Tally(settings.metrics.tenants)
    delivery = Delivery(log, settings.kafka, to_call, shard_partition, codec, patience, clock, tally)
    tenancy = Tenancy(settings, log, new_state, following.caught_up, background, capacity, clock, codec)
    intake = Intake(
        settings, tenancy, entrances.forward, encryption.opener, delivery, log, background, capacity, clock
    )
    keep_bytes = settings.intake.dead_letter_bytes
    accounting = Accounting(
        tenancy, price, delivery, intake.release, intake.steps_ended, background, clock, keep_bytes, unsettled
    )
    lane = None
    if batches:
        lane = BatchLane(
            settings, log, batches, publishing, clock, calls.publish, calls.call_instead, codec, patience
        )
        calls.batch_with(lane)
    sealer = Sealer(settings.audit, log, background, clock, notary)
    bookkeeper = Bookkeeper(settings.governance, tenancy, log, delivery, background, clock)
    custody = Custody(log, CheckpointLog(settings.kafka.group, log), (patience, tenancy, calls, sealer))

    receivers: dict[Topic, Receive] = {
        REQUESTS: intake.receive,
        DISPATCH: lambda _, records, acknowledge: calls.receive(records, acknowledge),
        COMPLETIONS: accounting.receive,
        AUDIT: sealer.receive,
    }
    if questions is not None:
        grades = Grades(tenancy, delivery, log, settings.kafka.partitions, keep_bytes, clock)
        receivers[FEEDBACK] = grades.receive
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
        bookkeeper=bookkeeper,
        routing=routing,
        experience=experience,
        predictor=predictor,
        data_keys=encryption.keys,
        tally=tally,
        capacities={"intake": capacity, "providers": calling, "accounting": unsettled},
    )
