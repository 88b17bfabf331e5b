"""The Faust application: our transport, our topics, nothing of Faust's that we do not use."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, Callable, Coroutine, Sequence
from typing import Any, cast

import faust
from faust.types import EventT, StreamT, TopicT

from schemas.settings import Settings
from streams.records import Record
from streams.topics import Topic
from streams.transport.consumer import micro_batch_transport
from streams.transport.deliveries import Custodian
from streams.transport.records import RecordsSchema

logger = logging.getLogger(__name__)

Receive = Callable[[int, Sequence[Record], Callable[[], object]], Coroutine[Any, Any, None]]
"""Takes in one delivery: partition, records, acknowledgement."""

HEARTBEATS_PER_SESSION = 3
MESSAGES_BUFFERED_PER_AGENT = 16
REBALANCE_SECONDS = 60.0
RECOVERY_SECONDS = 3600.0
"""Faust gives this long to whoever gains partitions, and then goes on as if their state had been rebuilt."""


def create_app(settings: Settings, custodian: Custodian) -> faust.App:
    """Return an app whose agents receive micro-batches and whose offsets answer to the custodian."""
    kafka = settings.kafka
    app = faust.App(
        kafka.group,
        broker=[f"aiokafka://{server.strip()}" for server in kafka.bootstrap.split(",")],
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,  # streams.admin declares the catalogue
        topic_disable_leader=True,
        broker_session_timeout=kafka.session_timeout_seconds,
        broker_heartbeat_interval=kafka.session_timeout_seconds / HEARTBEATS_PER_SESSION,
        broker_rebalance_timeout=REBALANCE_SECONDS,
        broker_request_timeout=RECOVERY_SECONDS,
        broker_commit_interval=kafka.commit_interval_seconds,
        broker_max_poll_records=kafka.max_poll_records,
        stream_buffer_maxsize=MESSAGES_BUFFERED_PER_AGENT,
        stream_wait_empty=False,  # the custodian waits for what must be waited for
    )
    transport = micro_batch_transport(custodian, kafka.fetch_max_wait_ms)
    app.transport = transport(app.conf.broker_consumer, app)
    return app


def source(app: faust.App, topic: Topic) -> TopicT:
    """Return the Faust topic an agent reads micro-batches from."""
    return app.topic(topic.name, schema=RecordsSchema())


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
