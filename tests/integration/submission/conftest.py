from __future__ import annotations

import pytest

from schemas.settings import KafkaSettings, Settings
from streams.admin import ensure_topics


@pytest.fixture
async def settings(broker: str, broker_kind: str) -> Settings:
    """Settings that reach each broker in turn, with the topics created."""
    embedded = broker_kind == "embedded"
    kafka = KafkaSettings(
        bootstrap=broker,
        fetch_max_wait_ms=4 if embedded else 500,
        idempotent_producer=not embedded,
    )
    settings = Settings(kafka=kafka)
    await ensure_topics(settings)
    return settings
