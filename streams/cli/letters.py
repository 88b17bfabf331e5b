"""Dead letters as ClickHouse has them, and sending them again."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence

from schemas.deadletter import DeadLetter
from schemas.errors import ConfigurationError
from schemas.settings import ClickHouseSettings, KafkaSettings
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.signing import Signer
from streams.topics import CATALOGUE, REQUESTS
from streams.warehouse.client import Row, Warehouse

NEWEST = """
SELECT id, stage, code, reason, remedy, field, source_topic, size, truncated, occurred_at
FROM dead_letters ORDER BY occurred_at DESC, id LIMIT {count:UInt64}
"""
EVENT = """
SELECT value FROM archive WHERE topic = 'asahi.deadletter' AND (cluster, partition, offset) IN
    (SELECT cluster, partition, offset FROM dead_letters WHERE id = {id:String} ORDER BY occurred_at DESC LIMIT 1)
"""
"""An id names a place on a log; of several logs with such a place, the newest dead letter counts."""


async def newest_letters(clickhouse: ClickHouseSettings, count: int) -> list[Row]:
    """Return the newest dead letters without their messages."""
    async with Warehouse(clickhouse) as warehouse:
        return await warehouse.rows(NEWEST, {"count": count})


async def find_letters(clickhouse: ClickHouseSettings, ids: Sequence[str]) -> list[DeadLetter]:
    """Return these dead letters with their messages.

    Raises:
        ConfigurationError: One of them does not exist.
    """
    letters: list[DeadLetter] = []
    async with Warehouse(clickhouse) as warehouse:
        for letter_id in ids:
            rows = await warehouse.rows(EVENT, {"id": letter_id})
            if not rows:
                raise ConfigurationError(f"there is no dead letter {letter_id!r}; see `asahi deadletter list`")
            letters.append(DeadLetter.model_validate_json(rows[0]["value"]))
    return letters


async def send_again(kafka: KafkaSettings, letters: Sequence[DeadLetter], signer: Signer | None = None) -> None:
    """Put the original messages on the topics they came from; all of them or, when one is not whole, none.

    Args:
        kafka: How the broker is reached.
        letters: What to send again.
        signer: Signs requests; None sends them unsigned.

    Raises:
        ConfigurationError: Of one of them only the beginning was kept.
    """
    for letter in letters:
        if letter.size and not letter.value_base64:
            raise ConfigurationError(
                f"the message of dead letter {letter.id} was removed: policy.retention_days of its tenant is over; "
                "let the producer send it again"
            )
        if letter.truncated:
            raise ConfigurationError(
                f"dead letter {letter.id} holds only the beginning of {letter.size:,} bytes, which is not replayed; "
                "let the producer send the original again, or raise intake.dead_letter_bytes for the next time"
            )
    async with Outbox(kafka) as outbox:
        for letter in letters:
            key = None if letter.key is None else letter.key.encode()
            publication = Publication(b64decode(letter.value_base64), key)
            if signer is not None and letter.source_topic == REQUESTS.name:
                publication = signer.signed(REQUESTS.name, publication)
            await outbox.publish(letter.source_topic, _partition(letter, kafka), [publication])


def _partition(letter: DeadLetter, kafka: KafkaSettings) -> int:
    """Return where the message belongs now: the topic may have another number of partitions than then."""
    counts = {topic.name: topic.partitions(kafka) for topic in CATALOGUE}
    count = counts.get(letter.source_topic, letter.source_partition + 1)
    return letter.source_partition % count if letter.key is None else home_partition(letter.key, count)
