"""Sharing partitions with others of one's kind: the consumer of a process that is a member of a group."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer

from schemas.settings import KafkaSettings

HEARTBEATS_PER_SESSION = 3
LONGEST_SILENCE_SECONDS = 86_400.0
"""A member may wait for ClickHouse as long as that is away: it is alive as long as its heartbeats come."""
MS_PER_SECOND = 1000


def member_consumer(
    kafka: KafkaSettings, suffix: str, fetch_wait_seconds: float, rebalance_seconds: float | None = None
) -> AIOKafkaConsumer:
    """Return a consumer that commits only what it is told to.

    Args:
        kafka: How the broker is reached, and the group's name.
        suffix: What follows the name: which kind of process this is.
        fetch_wait_seconds: Longest wait of the broker for news before it answers that there are none, at least.
        rebalance_seconds: How long members may take to let go of partitions; None for a session.
    """
    session = kafka.session_timeout_seconds
    return AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        group_id=kafka.group + suffix,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=max(kafka.fetch_max_wait_ms, int(fetch_wait_seconds * MS_PER_SECOND)),
        max_poll_interval_ms=int(LONGEST_SILENCE_SECONDS * MS_PER_SECOND),
        request_timeout_ms=int(kafka.request_timeout_seconds * MS_PER_SECOND),
        session_timeout_ms=int(session * MS_PER_SECOND),
        rebalance_timeout_ms=None if rebalance_seconds is None else int(rebalance_seconds * MS_PER_SECOND),
        heartbeat_interval_ms=int(session / HEARTBEATS_PER_SESSION * MS_PER_SECOND),
    )
