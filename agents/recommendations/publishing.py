"""Recommendations on their way to the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from schemas.recommendation import RecommendationMade
from schemas.settings import KafkaSettings
from streams.envelope import Publication, cloud_event
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.topics import RECOMMENDATIONS


def event_of(made: RecommendationMade) -> Publication:
    """Return a recommendation as a publication.

    Found again it has the same id with other figures, so the event's own id says when it was made.
    """
    value = made.model_dump_json(exclude_none=True).encode()
    return cloud_event(RECOMMENDATIONS, f"{made.id}/{made.made_at.isoformat()}", made.tenant, made.made_at, value)


async def publish(kafka: KafkaSettings, recommendations: Sequence[RecommendationMade]) -> None:
    """Put recommendations on the log, where those about their tenants are.

    Raises:
        BrokerUnavailable: No broker answers.
    """
    by_partition: dict[int, list[Publication]] = defaultdict(list)
    for made in recommendations:
        partition = home_partition(made.tenant, RECOMMENDATIONS.partitions(kafka))
        by_partition[partition].append(event_of(made))
    if by_partition:
        async with Outbox(kafka) as outbox:
            for partition, events in by_partition.items():
                await outbox.publish(RECOMMENDATIONS.name, partition, events)
