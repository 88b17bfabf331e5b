"""What a topic is: its key, what travels on it, partitions, retention and cleanup."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec
from pydantic import BaseModel

from schemas.settings import KafkaSettings

MS_PER_HOUR = 3_600_000
COMPACTED_SEGMENT_MS = 600_000
"""The newest segment is never compacted, and Kafka's own is a week or a gigabyte long: readers read all of it."""


class Scope(StrEnum):
    """Who may rely on a topic."""

    PUBLIC = "public"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes:
        event: The model of the value; None for internal bookkeeping without a model.
        ce_type: CloudEvents type of its events; None for internal topics.
        key: What the message key is, in words.
        copartitioned: It has the configured number of partitions; False means one partition.
        lasting: Kept as long as a public topic: what it tells is open for more than a day.
        stamped: The broker notes when a message arrived, instead of when its producer says it was made. Apache Kafka
            does; the embedded broker ignores it.
    """

    name: str
    scope: Scope
    event: type[BaseModel] | type[msgspec.Struct] | None
    ce_type: str | None
    key: str
    summary: str
    compacted: bool = False
    copartitioned: bool = True
    lasting: bool = False
    stamped: bool = False

    def partitions(self, kafka: KafkaSettings) -> int:
        """Return the number of partitions under this configuration."""
        return kafka.partitions if self.copartitioned else 1

    def configs(self, kafka: KafkaSettings) -> dict[str, str]:
        """Return the topic's broker-side configuration."""
        lasting = self.lasting or self.scope is Scope.PUBLIC
        hours = kafka.retention_hours if lasting else kafka.internal_retention_hours
        configs = {"max.message.bytes": str(kafka.max_message_bytes)}
        if self.compacted:
            configs["cleanup.policy"] = "compact"
            configs["segment.ms"] = str(COMPACTED_SEGMENT_MS)
        else:
            configs["cleanup.policy"] = "delete"
            configs["retention.ms"] = str(int(hours * MS_PER_HOUR))
        if self.stamped:
            configs["message.timestamp.type"] = "LogAppendTime"
        return configs
