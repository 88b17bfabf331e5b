from __future__ import annotations

from typing import Any

from faust.types import TP, ConsumerMessage

from schemas.settings import Settings
from streams.app import create_app, source
from streams.records import Record
from streams.topics import REQUESTS
from streams.transport.records import RecordsSchema
from tests.unit.transport.keeping import FakeCustodian

RECORDS = [Record(REQUESTS.name, 3, offset, b"acme", b"\xff not JSON", (), 1.0) for offset in (7, 8)]


def message(headers: Any = None) -> ConsumerMessage:
    place = TP(REQUESTS.name, 3)
    value: Any = RECORDS
    return ConsumerMessage(place.topic, place.partition, 8, 1.0, 0, headers, None, value, None, None, None, place)


async def test_an_agent_receives_all_records_of_a_fetch_undecoded() -> None:
    app = create_app(Settings(), FakeCustodian())
    topic = source(app, REQUESTS)
    assert topic.get_topic_name() == REQUESTS.name
    assert isinstance(topic.schema, RecordsSchema)
    decode = topic.schema.compile(app)
    for propagate in (False, True):
        event = await decode(message(), propagate=propagate)
        assert event.value is RECORDS
        assert event.key is None
        assert event.message.partition == 3
