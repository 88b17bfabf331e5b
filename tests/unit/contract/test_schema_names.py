"""Every kind of event has a schema file of its own."""

from __future__ import annotations

from streams.contract.json_schema import schema_name
from streams.topics import DATA_KEYS, DESTROYED_DATA_KEYS, EVENTS


def test_no_two_kinds_of_events_share_a_schema_file() -> None:
    names = [schema_name(topic) for topic in EVENTS]
    assert sorted(set(names)) == sorted(names)


def test_a_second_fact_about_the_same_thing_is_named_after_what_happened() -> None:
    assert schema_name(DATA_KEYS) == "governance-datakey.json"
    assert schema_name(DESTROYED_DATA_KEYS) == "governance-datakey-destroyed.json"
