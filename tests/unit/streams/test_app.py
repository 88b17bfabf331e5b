from __future__ import annotations

from typing import cast

import faust

from schemas.settings import KafkaSettings, Settings
from streams.app import create_app
from streams.transport.consumer import MicroBatchConsumer
from tests.unit.transport.keeping import FakeCustodian


def consumer_of(app: faust.App) -> type[MicroBatchConsumer]:
    return cast("type[MicroBatchConsumer]", app.transport.Consumer)


def test_the_app_is_configured_as_the_settings_say() -> None:
    kafka = KafkaSettings(
        bootstrap="one:9092, two:9093",
        group="night",
        session_timeout_seconds=9,
        commit_interval_seconds=0.25,
        max_poll_records=77,
        fetch_max_wait_ms=11,
    )
    app = create_app(Settings(kafka=kafka), FakeCustodian())
    assert app.conf.id == "night"
    assert [str(url) for url in app.conf.broker] == ["aiokafka://one:9092", "aiokafka://two:9093"]
    assert app.conf.broker_session_timeout == 9
    assert app.conf.broker_heartbeat_interval == 3
    assert app.conf.broker_commit_interval == 0.25
    assert app.conf.broker_max_poll_records == 77
    assert consumer_of(app).fetch_max_wait_ms == 11
    assert not app.conf.web_enabled


def test_whoever_gains_partitions_may_take_longer_than_a_rebalance() -> None:
    """Faust goes on without their state when its patience ends."""
    conf = create_app(Settings(), FakeCustodian()).conf
    assert conf.broker_request_timeout > 10 * conf.broker_rebalance_timeout


def test_apps_of_one_process_keep_their_custodians() -> None:
    one, two = FakeCustodian(), FakeCustodian()
    apps = [create_app(Settings(), custodian) for custodian in (one, two)]
    assert [consumer_of(app).custodian for app in apps] == [one, two]
